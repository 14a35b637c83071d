"""A memory beside a frozen decoder: hooks that see what places ask, and add what is read there behind the last block.

The base is not changed: where nothing opens, the hooks return nothing and every bit is the base's. As the read is added
behind the last block, the keys and values of attention never depend on it, whatever version is read.
Shapes: B rows of a pass · T tokens · P places · D width.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from model.errors import CheckpointError
from model.memory.memory import Asked, Looked, Memory, Opened
from model.memory.sketch import Spoken
from model.memory.stem import EMPTY
from model.memory.table import View

_BLOCKS, _FEED_FORWARD, _LAST_NORM = ("layers", "h"), ("mlp",), ("norm", "final_layer_norm", "ln_f")  # by architecture


@dataclass(frozen=True)
class Place:
    """A position of a pass whose output is wanted, and the view that it reads.

    spoken  what the user's words tell, where an answer begins and a query is made
    asked   what was asked where its answer began, for the places behind that; `stem` are the tokens since
    A place with neither is read without memory.
    """

    row: int
    position: int
    view: View
    spoken: Spoken | None = None
    asked: Asked | None = None
    stem: int = EMPTY


@dataclass
class Reads:
    """What a pass found at its places, in their order.

    hidden  (P, D) float32, behind the last block, before anything was added
    asked   what each place asks; None at those without a query
    opened  the row that was read; None where nothing opened
    """

    places: Sequence[Place]
    hidden: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    asked: list[Asked | None] = field(default_factory=list)
    opened: list[Opened | None] = field(default_factory=list)


class Attachment:
    """The hooks of one model. One thread at a time may run the model.

    Raises CheckpointError for a model without the layers that the memory looks at, or of another width.
    """

    def __init__(self, model: PreTrainedModel, memory: Memory) -> None:
        self.memory = memory
        decoder = model.get_decoder()
        blocks = _part(decoder, _BLOCKS)
        layers, width = memory.addressing.layers, memory.addressing.config.value_width
        if not isinstance(blocks, nn.ModuleList) or layers[-1] >= len(blocks):
            count = len(blocks) if isinstance(blocks, nn.ModuleList) else 0
            raise CheckpointError(f"the memory looks at layer {layers[-1]}; the base has {count} layers")
        if model.config.hidden_size != width:
            raise CheckpointError(f"the memory is for a base of width {width}; the base has {model.config.hidden_size}")
        self._reads: Reads | None = None
        self._states: dict[int, Tensor] = {}
        for layer in layers:
            _part(blocks[layer], _FEED_FORWARD).register_forward_pre_hook(self._watcher(layer))
        last_norm(model).register_forward_pre_hook(self._read)

    @contextmanager
    def reading(self, places: Sequence[Place]) -> Iterator[Reads]:
        """Let the pass that is made within read at `places`; what it found is there behind it."""
        self._reads = reads = Reads(places)
        try:
            yield reads
        finally:
            self._reads, self._states = None, {}

    def _watcher(self, layer: int) -> Any:
        def watch(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            if self._reads is not None and any(place.spoken is not None for place in self._reads.places):
                self._states[layer] = args[0]

        return watch

    def _read(self, _: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        reads = self._reads
        if reads is None or not reads.places:
            return None
        hidden = args[0]
        rows, positions = ([getattr(place, name) for place in reads.places] for name in ("row", "position"))
        reads.hidden = hidden[rows, positions].float()
        reads.asked = self._asked(reads.places)
        looked = {
            index: Looked(asked, place.view, place.stem)
            for index, (place, asked) in enumerate(zip(reads.places, reads.asked, strict=True))
            if asked is not None and place.view is not self.memory.table.base
        }
        found = dict(zip(looked, self.memory.read(list(looked.values())), strict=True))
        reads.opened = [found.get(index) for index in range(len(reads.places))]
        open_ = [index for index, opened in enumerate(reads.opened) if opened is not None]
        if not open_:
            return None
        values = torch.stack([opened.value for opened in reads.opened if opened is not None])
        changed = hidden.clone()
        changed[[rows[index] for index in open_], [positions[index] for index in open_]] += values.to(hidden)
        return (changed, *args[1:])

    def _asked(self, places: Sequence[Place]) -> list[Asked | None]:
        """What is asked at places: made where an answer begins, carried behind that."""
        made = [place for place in places if place.spoken is not None]
        if not made:
            return [place.asked for place in places]
        rows, positions = [place.row for place in made], [place.position for place in made]
        states = {layer: state[rows, positions] for layer, state in self._states.items()}
        asked = iter(self.memory.ask(states, [place.spoken for place in made if place.spoken is not None]))
        return [place.asked if place.spoken is None else next(asked) for place in places]


def last_norm(model: PreTrainedModel) -> nn.Module:
    """The norm between a model's last block and its head."""
    return _part(model.get_decoder(), _LAST_NORM)


def _part(module: nn.Module, names: Sequence[str]) -> nn.Module:
    """The first of its parts that has one of these names."""
    for name in names:
        part = getattr(module, name, None)
        if isinstance(part, nn.Module):
            return part
    raise CheckpointError(f"{type(module).__name__} has none of the parts {', '.join(names)}; it cannot bear a memory")
