"""The numbers of the memory and of learning: small frozen dataclasses, checked on construction."""

from dataclasses import dataclass
from typing import Literal

Placement = Literal["replace", "beside"]


def _positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if value <= 0:
            raise ValueError(f"{type(owner).__name__}.{name} is {value}; it must be above 0")


@dataclass(frozen=True)
class MemoryConfig:
    """Shape of the memory layers of one model.

    layers       decoder layers that bear a memory layer, ascending
    placement    «replace» the feed-forward block, or stand «beside» it
    heads        H, query heads of a memory layer
    top_k        K, slots read per head
    sub_keys     n, half-keys per half and head; the table has N = n·n slots
    key_width    width of a half-key
    value_width  V, width of a row
    """

    layers: tuple[int, ...]
    placement: Placement = "replace"
    heads: int = 4
    top_k: int = 16
    sub_keys: int = 256
    key_width: int = 64
    value_width: int = 256

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        _positive(self, "heads", "top_k", "sub_keys", "key_width", "value_width")
        if not self.layers or list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
            raise ValueError(f"MemoryConfig.layers is {self.layers}; it must name layers in ascending order")
        if self.placement not in ("replace", "beside"):
            raise ValueError(f"MemoryConfig.placement is {self.placement!r}; it must be 'replace' or 'beside'")
        if self.top_k > self.sub_keys:
            raise ValueError(f"MemoryConfig.top_k is {self.top_k}; it must be at most sub_keys, {self.sub_keys}")

    @property
    def slots(self) -> int:
        """N, the number of slots."""
        return self.sub_keys * self.sub_keys


@dataclass(frozen=True)
class FinetuneConfig:
    """How facts are learned; see `docs/decisions/` for where the defaults come from.

    texts          study texts of a fact, at most
    top_t          t, slots trained per fact
    optimizer      «adam», or «sgd» as in the paper
    learning_rate  of the chosen rows
    max_steps      steps after which a fact counts as not learned
    stop_loss      mean answer loss (nats a token) from which the probe is looked at
    idf_power      exponent of the inverse document frequency
    protection     weight of slots that earlier facts own, as a share of the background (method §4.5)
    """

    texts: int = 20
    top_t: int = 200
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 0.05
    max_steps: int = 48
    stop_loss: float = 0.3
    idf_power: float = 3.0
    protection: float = 0.05

    def __post_init__(self) -> None:
        _positive(self, "texts", "top_t", "learning_rate", "max_steps", "stop_loss", "idf_power")
        if self.optimizer not in ("adam", "sgd"):
            raise ValueError(f"FinetuneConfig.optimizer is {self.optimizer!r}; it must be 'adam' or 'sgd'")
        if self.protection < 0:
            raise ValueError(f"FinetuneConfig.protection is {self.protection}; it must be at least 0")
