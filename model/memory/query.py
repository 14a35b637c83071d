"""From the states of a frozen model to a query, and from a query to slots: what a memory folder holds.

addressing.safetensors   `what.weight` (A, E·D), `what.centre` (E·D,), `whom.weight`, `whom.centre`; `what.sub_keys`
                         (H, n, A) and `whom.sub_keys` (H, n, B)
statistics.safetensors   `document_frequency` (n·n,), how many background queries read an address; `bank.what`,
                         `bank.whom`: background queries, which must open nothing; `rarity.words`, numbers of
                         words, and `rarity.levels`, how rare they are
memory.json              which base it was made for, MemoryConfig, how many background queries were counted
Shapes: P places · E layers of a half · D width of the model · A width of what is asked · B width of whom it is about,
the sketch included · H heads · n sub-keys of a half · K addresses read per head · R = H·K of them · Y ways of each.
Product keys: Lample et al. 2019, https://arxiv.org/abs/1907.05242. They find candidates; what opens, rows decide.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from model.config import MemoryConfig
from model.errors import CheckpointError
from model.memory.lookup import PairLookup
from model.memory.sketch import Sketch

SHAPE, ADDRESSING, STATISTICS = "memory.json", "addressing.safetensors", "statistics.safetensors"
_FEWEST = 4  # rows of a product: fewer give other last bits


@dataclass(frozen=True)
class Query:
    """What places ask: what (P, A) and whom (P, B), both of norm 1, float32."""

    what: Tensor
    whom: Tensor

    def __len__(self) -> int:
        return len(self.what)

    def __getitem__(self, places: Tensor | slice) -> "Query":
        return Query(self.what[places], self.whom[places])


@dataclass(frozen=True)
class Background:
    """Of the background corpus: how many of its `queries` read each address (n·n,), and some of these queries."""

    document_frequency: Tensor
    queries: int
    bank: Query


class Addressing:
    """What finds the slots of a place. It never changes: another one makes all rows meaningless.

    base  fingerprint of the base that it was made for
    """

    def __init__(self, config: MemoryConfig, base: str, background: Background, tensors: Mapping[str, Tensor]) -> None:
        self.config, self.base, self.background = config, base, background
        self.layers = tuple(sorted({*config.what_layers, *config.whom_layers}))
        self.sketch = sketch_of(config, tensors)
        self._tensors = {name: tensor.float() for name, tensor in tensors.items() if not name.startswith("rarity.")}
        for half, width in (("what", config.what_width), ("whom", config.whom_width + config.sketch_width)):
            keys = self._tensors[f"{half}.sub_keys"]
            self._tensors[f"{half}.sub_keys"] = keys.view(config.heads, config.sub_keys, width)
        self._lookup = PairLookup(config.sub_keys, config.top_k)

    @classmethod
    def load(cls, folder: Path) -> "Addressing":
        """Read a memory folder; raises CheckpointError that names the folder and what is wrong with it."""
        try:
            shape = json.loads((folder / SHAPE).read_text(encoding="utf-8"))
            config = MemoryConfig(**shape["config"])
            tensors = load_file(folder / ADDRESSING) | load_file(folder / STATISTICS)
            bank = Query(tensors.pop("bank.what").float(), tensors.pop("bank.whom").float())
            counts = tensors.pop("document_frequency").float()
            if len(counts) != config.addresses:
                raise ValueError(f"document_frequency has {len(counts)} entries for {config.addresses} addresses")
            background = Background(counts, int(shape["background"]["queries"]), bank)
            return cls(config, str(shape["base"]), background, tensors)
        except (OSError, SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
            raise CheckpointError(f"the memory folder {folder} cannot be read: {error!r}") from error

    def to(self, device: torch.device) -> None:
        """Move what queries are made with."""
        self._tensors = {name: tensor.to(device) for name, tensor in self._tensors.items()}

    def query(self, states: Mapping[int, Tensor], sketches: Tensor) -> Query:
        """Feed-forward inputs (P, D) of `layers`, sketches (P, sketch_width) of norm 1 or 0 → the query of P places."""
        projected = self._projected("whom", self.config.whom_layers, states)
        share = self.config.sketch_share
        whom = torch.cat([(1 - share) ** 0.5 * projected, share**0.5 * sketches.to(projected)], dim=1)
        return Query(self._projected("what", self.config.what_layers, states), F.normalize(whom, dim=1))

    def slots(self, query: Query) -> tuple[Tensor, Tensor]:
        """The slots that places read, all ways of R addresses, nearest first within a head: (P, R, Y) int64.

        And how near the addresses are, (P, R).
        """
        halves = [
            torch.einsum("pd,hnd->hpn", _filled(half), self._tensors[f"{name}.sub_keys"])
            for name, half in (("whom", query.whom), ("what", query.what))
        ]
        addresses, scores = self._lookup(torch.stack(halves, dim=1))  # (P, H, K) of the places filled up
        P, Y = len(query), self.config.ways
        slots = addresses[:P].flatten(1)[:, :, None] * Y + torch.arange(Y, device=addresses.device)
        return slots, scores[:P].flatten(1)

    def _projected(self, half: str, layers: tuple[int, ...], states: Mapping[int, Tensor]) -> Tensor:
        concatenated = torch.cat([states[layer].float() for layer in layers], dim=1)
        centred = _filled(concatenated - self._tensors[f"{half}.centre"])
        return F.normalize(F.linear(centred, self._tensors[f"{half}.weight"]), dim=1)[: len(concatenated)]


def sketch_of(config: MemoryConfig, tensors: Mapping[str, Tensor]) -> Sketch:
    """The sketch of a memory of this shape, by its `rarity.words` and `rarity.levels`."""
    listed = zip(tensors["rarity.words"].tolist(), tensors["rarity.levels"].tolist(), strict=True)
    return Sketch(dict(listed), config.sketch_width, config.idf_power, config.earlier_turns)


def _filled(rows: Tensor) -> Tensor:
    """Rows (P, d) filled up to a power of two, at least four: a product's bits must not depend on its company."""
    size = max(_FEWEST, 1 << (len(rows) - 1).bit_length())
    return F.pad(rows, (0, 0, 0, size - len(rows)))
