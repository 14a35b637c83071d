"""The paper's step on a memory of product keys: Lin et al. 2025, https://arxiv.org/abs/2510.15103.

The same addresses as ours, without keys in rows and without thresholds: every place reads all slots of its addresses,
weighted by the softmax of their scores, and the weighted sum of their values is added behind the last block. A fact is
one batch of its wordings and one or more steps of SGD; of the slots that all its tokens read the best by TF-IDF are
trained. The paper's memory was trained with its model from the start; here all values begin as zero.
Shapes: T places · R addresses that a place reads · S slots · D width.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.base import Base, Example, Seen, watching
from evaluation.rival import wordings
from evaluation.sets import Chat
from model.base.attach import last_norm
from model.base.prompts import Prompt
from model.facts import Fact
from model.learn.choose import access_counts, tf_idf
from model.memory.query import Addressing


class ProductKeys:
    """The base with a memory of product keys behind its last block.

    memory  folder whose addresses are read
    rate    learning rate of SGD; steps, of a fact; top, slots of a step
    idf     whether the background counts
    """

    def __init__(
        self, folder: Path, device: str, memory: Path, rate: float, steps: int, top: int = 64, *, idf: bool = True
    ) -> None:
        self._base, self._addressing = Base(folder, device), Addressing.load(memory)
        self._addressing.to(torch.device(device))
        self._rate, self._steps, self._top, self._idf = rate, steps, top, idf
        config = self._addressing.config
        self._table = torch.zeros(config.addresses, config.value_width, device=device)
        self._written: set[int] = set()
        self._sketches = torch.empty(0)

    def teach(self, facts: Sequence[Fact]) -> None:
        """One fact behind another."""
        for exchange in wordings(facts):
            self._step([self._base.example(question, exchange.answer) for question in exchange.questions])

    def answers(self, chats: Sequence[Chat], tokens: int) -> list[str]:
        """What the base says with the memory behind it."""
        with self._reading():
            return self._base.answers([self._base.prompt(chat) for chat in chats], tokens, self._begin)

    def scores(self, asked: Sequence[tuple[Chat, str]]) -> list[float]:
        """How likely the base is to say it with the memory behind it."""
        prompts = [self._base.prompt(chat) for chat, _ in asked]
        with self._reading():
            return self._base.scores(prompts, [answer for _, answer in asked], self._begin)

    def size(self) -> int:
        """Of the rows that were written."""
        return len(self._written) * self._table.shape[1] * self._table.element_size()

    def _step(self, examples: Sequence[Example]) -> None:
        """The steps of one fact."""
        states, slots, weights, wanted = list[Tensor](), list[Tensor](), list[Tensor](), list[int]()
        counts = torch.zeros(len(self._table), device=self._table.device)
        for example, seen in self._base.seen(examples, self._addressing.layers):
            read, share = self._read(seen, self._sketch([example.prompt]).expand(len(seen.hidden), -1))
            counts.index_add_(0, read.flatten(), share.flatten())
            begins = len(example.prompt.ids) - 1
            states.append(seen.hidden[begins:].float())
            slots.append(read[begins:])
            weights.append(share[begins:])
            wanted += example.answer
        chosen = self._chosen(counts)
        self._written.update(chosen.tolist())
        self._descend(chosen, torch.cat(states), torch.cat(slots), torch.cat(weights), torch.tensor(wanted))

    def _chosen(self, counts: Tensor) -> Tensor:
        background = self._addressing.background
        frequency = background.document_frequency.to(counts) if self._idf else torch.zeros_like(counts)
        scores = tf_idf(counts, frequency, torch.zeros_like(counts), background.queries, 0.0)
        return scores.topk(self._top).indices

    def _descend(self, chosen: Tensor, states: Tensor, slots: Tensor, weights: Tensor, wanted: Tensor) -> None:
        """Rows of the chosen slots are a parameter of their own: no other row can move."""
        place = torch.full((len(self._table),), -1, device=slots.device)
        place[chosen] = torch.arange(len(chosen), device=slots.device)
        at, rows = place[slots], self._table[chosen].clone()
        frozen = torch.einsum("tr,trd->td", weights * (at < 0), self._table[slots])
        model = self._base.model
        for _ in range(self._steps):
            part = rows.requires_grad_()
            own = torch.einsum("tr,trd->td", weights * (at >= 0), part[at.clamp(min=0)])
            logits = model.get_output_embeddings()(last_norm(model)((states + frozen + own).to(model.dtype)))
            (gradient,) = torch.autograd.grad(F.cross_entropy(logits.float(), wanted.to(logits.device)), part)
            rows = (part - self._rate * gradient).detach()
        self._table[chosen] = rows

    def _read(self, seen: Seen, sketches: Tensor) -> tuple[Tensor, Tensor]:
        """The addresses (T, R) that places read, and their shares, which sum to 1."""
        query = self._addressing.query(seen.states, sketches)
        slots, scores = self._addressing.slots(query)
        addresses = slots[:, :, 0] // self._addressing.config.ways
        return addresses, torch.stack([access_counts(each) for each in scores])

    def _begin(self, prompts: Sequence[Prompt]) -> None:
        self._sketches = self._sketch(prompts)

    def _sketch(self, prompts: Sequence[Prompt]) -> Tensor:
        sketches = [torch.from_numpy(self._addressing.sketch.of(prompt.turns)) for prompt in prompts]
        return torch.stack(sketches).to(self._table.device)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """The memory is read at the last place of each row, until the block is left."""
        with watching(self._base.model, self._addressing.layers) as seen:
            handle = last_norm(self._base.model).register_forward_pre_hook(self._reader(seen))
            try:
                yield
            finally:
                handle.remove()

    def _reader(self, seen: Seen):  # type: ignore[no-untyped-def]
        def read(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            if len(given[0]) != len(self._sketches):  # what all rows begin with: nothing is said there
                return given
            hidden = given[0].clone()
            last = Seen({layer: each[:, -1] for layer, each in seen.states.items()})
            slots, weights = self._read(last, self._sketches)
            hidden[:, -1] += torch.einsum("tr,trd->td", weights, self._table[slots]).to(hidden)
            return (hidden, *given[1:])

        return read
