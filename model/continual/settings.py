"""Which settings of each method are compared. The first of a method is the one that is used without a sweep."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.continual.methods import AllValues, DenseConfig, Full, Lora, LoraConfig, Method, Sparse

Config = FinetuneConfig | DenseConfig

_TAUGHT = FinetuneConfig()
_PAPER = replace(
    _TAUGHT,
    top_t=500,
    optimizer="sgd",
    learning_rate=2.0,
    max_steps=1,
    reach=1.0,
    idf_power=1.0,
    distinct=0.0,
    anchors=0,
    volume=0.0,
    group=1,
    keyed=False,
    keep_unlearned=True,
)
_BY_COUNT = replace(_TAUGHT, idf_power=0.0, distinct=0.0, anchors=0, volume=0.0)

GRID: dict[str, tuple[Config, ...]] = {
    "full": (
        *(DenseConfig(rate, steps) for steps in (4, 1) for rate in (1e-4, 3e-5, 3e-4)),
        *(DenseConfig(rate, 4, "kept") for rate in (1e-4, 3e-4)),
    ),
    "lora": (
        *(LoraConfig(rate, steps, rank=rank) for rank in (16, 4) for steps in (4, 1) for rate in (1e-3, 3e-4, 3e-3)),
        *(LoraConfig(rate, 4, "kept") for rate in (1e-3, 3e-3)),
    ),
    "values": (
        *(DenseConfig(rate, steps) for steps in (8, 2) for rate in (2e-2, 5e-3, 5e-2)),
        DenseConfig(2e-2, 8, "kept"),
    ),
    "tf-only": tuple(
        replace(_BY_COUNT, top_t=round(_TAUGHT.top_t * share), learning_rate=_TAUGHT.learning_rate * rate)
        for share in (1, 0.25)
        for rate in (1, 0.5)
    ),
    "paper": tuple(
        replace(_PAPER, top_t=t, learning_rate=rate) for t in (500, 50) for rate in (1e3, 2.0, 30.0, 300.0, 3e3)
    ),
    "ours": (
        _TAUGHT,
        *(replace(_TAUGHT, anchors=anchors) for anchors in (0, 600)),
        *(replace(_TAUGHT, volume=volume) for volume in (0.0, 16.0)),
        replace(_TAUGHT, keyed=False),
        *(replace(_TAUGHT, top_t=round(_TAUGHT.top_t * share)) for share in (0.25, 0.5)),
        *(replace(_TAUGHT, learning_rate=_TAUGHT.learning_rate * rate) for rate in (0.5, 2)),
        *(replace(_TAUGHT, stop_loss=_TAUGHT.stop_loss * share) for share in (0.025, 0.5, 2)),
        *(replace(_TAUGHT, reach=reach) for reach in (0.1, 0.25, 0.35)),
    ),
}
TITLES = {
    "full": "full finetuning, AdamW",
    "lora": "LoRA, AdamW",
    "values": "all memory values, Adam",
    "tf-only": "sparse, by TF alone",
    "paper": "sparse as in the paper: one SGD step",
    "ours": "sparse, ours",
}


@dataclass(frozen=True)
class Setting:
    """A method with its numbers."""

    method: str
    config: Config

    @property
    def sparse(self) -> bool:
        """Whether it makes versions, and so needs spare rows."""
        return isinstance(self.config, FinetuneConfig)

    def begin(self, checkpoint: Checkpoint) -> Method:
        """The method at work on `checkpoint`, which it changes."""
        config = self.config
        if isinstance(config, FinetuneConfig):
            return Sparse(checkpoint, config)
        if isinstance(config, LoraConfig):
            return Lora(checkpoint, config)
        return AllValues(checkpoint, config) if self.method == "values" else Full(checkpoint, config)

    def describe(self) -> str:
        """What distinguishes it, short enough for a table."""
        config = self.config
        if isinstance(config, LoraConfig):
            return f"rank {config.rank}, {_dense(config)}"
        if isinstance(config, DenseConfig):
            return _dense(config)
        return (
            f"t {config.top_t}, idf^{config.idf_power:g}, {config.optimizer} lr {config.learning_rate:g}, "
            f"≤ {config.max_steps} step{_s(config.max_steps)}, stop at {config.stop_loss:g} at {config.reach:.0%}, "
            f"{config.anchors} held, volume {config.volume:g}, {'keyed' if config.keyed else 'open'}"
        )

    def to_json(self) -> dict[str, Any]:
        """Method and numbers as JSON values."""
        return {"method": self.method, **asdict(self.config)}


def _dense(config: DenseConfig) -> str:
    moments = ", moments kept" if config.moments == "kept" else ""
    return f"lr {config.learning_rate:g}, {config.steps} step{_s(config.steps)}{moments}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
