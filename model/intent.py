"""What a question asks, whatever it asks it of: a sentence encoder reads it, and some directions of that are kept.

The encoder is a small BERT that was trained by others; the default model has all-MiniLM-L6-v2 (Wang et al. 2020,
https://arxiv.org/abs/2002.10957; Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084). It never changes and says
nothing: its vectors only decide which written slots open. The directions are those along which questions differ and
wordings of one question do not, found on questions whose names were taken out, so that names hardly count.
Shapes: B texts · L tokens · T places · n questions · P word pieces · E encoder width · I intent width.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from transformers import BertConfig, BertModel, PreTrainedTokenizerBase

from model.eight_bits import EightBitRows
from model.precision import quick

_CONFIG, _PIECES, _WEIGHTS = "intent.json", "intent_tokenizer.json", "intent.safetensors"
_LONGEST = 64  # word pieces of a question: the last ones of a longer text
_TOGETHER = 64  # questions in a pass
_ROWS = 16  # of a product at least: with fewer, their number decides the last bits
_REMEMBERED = 16_384  # questions
_SHRUNK = 10.0  # variance in every direction, in multiples of the mean variance of wordings


class Intent:
    """Unit vectors of what questions ask, with the same bits alone and in company.

    One thread at a time may use it: it remembers what it read, as every token of an answer wants to know.

    tokenizer  of the language model
    pieces     the encoder's own tokenizer
    stored     the encoder's weights as `packed` makes them; `axes` (I, E) and where questions are on average, `centre`
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, config: BertConfig, pieces: Tokenizer, stored: dict[str, Tensor]
    ) -> None:
        self._tokenizer, self._pieces, self._stored = tokenizer, pieces, stored
        pieces.no_padding()
        pieces.enable_truncation(_LONGEST, direction="left")
        weights = unpacked(stored)
        self._axes, self._centre = weights.pop("axes"), weights.pop("centre")  # (I, E), (I,)
        self._encoder = BertModel._from_config(config, attn_implementation="eager", add_pooling_layer=False)
        self._encoder.load_state_dict(weights)
        self._encoder.eval().requires_grad_(False).to(quick(self._encoder.device))
        self._known: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()

    @property
    def width(self) -> int:
        """I."""
        return len(self._axes)

    def __call__(self, ids: Tensor, ends: Tensor) -> Tensor:
        """What texts (B, L) ask at places whose question has its last token at `ends` (B, T): (B, T, I).

        0 where `ends` is negative: nothing is asked there.
        """
        if not ends.numel():
            return self._axes.new_zeros(*ends.shape, self.width)
        rows = ids[:, : int(ends.max()) + 1].tolist()
        asked = [tuple(row[: end + 1]) for row, own in zip(rows, ends.tolist(), strict=True) for end in own]
        self._get_to_know(dict.fromkeys(asked))
        return torch.stack([self._known[question] for question in asked]).view(*ends.shape, -1)

    @torch.inference_mode(mode=False)  # a tensor made in inference mode could bear no gradient of others later
    @torch.no_grad()
    def of(self, questions: Sequence[str]) -> Tensor:
        """What questions ask: unit vectors (n, I)."""
        return F.normalize(self._along_axes(questions), dim=1)

    def to(self, device: torch.device) -> None:
        """Move the encoder to `device`, from the weights that are stored: here it may have fewer bits."""
        weights = unpacked(self._stored)
        self._encoder.float().load_state_dict({name: weights[name] for name in self._encoder.state_dict()})
        self._encoder.to(device, quick(device))
        self._axes, self._centre = self._axes.to(device), self._centre.to(device)
        self._known.clear()

    @torch.inference_mode(mode=False)
    def _get_to_know(self, asked: dict[tuple[int, ...], None]) -> None:
        """Read the questions that are not known, and forget those that were not asked for longest."""
        new = [question for question in asked if question not in self._known]
        if new:  # not so at most tokens of an answer
            texts = [self._tokenizer.decode(question, skip_special_tokens=True).strip() for question in new]
            for question, vector in zip(new, self.of(texts), strict=True):
                self._known[question] = vector if question else torch.zeros_like(vector)
        for question in asked:
            self._known.move_to_end(question)
        while len(self._known) > max(_REMEMBERED, len(asked)):
            self._known.popitem(last=False)

    def _along_axes(self, questions: Sequence[str]) -> Tensor:
        """How far questions are from the centre along each axis, (n, I); 0 without a word piece."""
        found, device = self._axes.new_zeros(len(questions), self.width), self._axes.device
        with torch.autocast(device.type, enabled=False):
            for which, pieces in _batches(self._pieces, questions):
                copies = -(-_ROWS // pieces.numel())
                hidden = self._encoder(input_ids=pieces.repeat(copies, 1).to(device)).last_hidden_state  # (n, P, E)
                found[which] = (F.linear(hidden.float(), self._axes) - self._centre).mean(dim=1)[: len(which)]
        return found

    @classmethod
    def fit(
        cls, tokenizer: PreTrainedTokenizerBase, folder: Path, wordings: Sequence[tuple[str, str]], width: int
    ) -> "Intent":
        """The encoder of a Hugging Face folder, with the `width` axes that tell questions, not their wordings, apart.

        Linear discriminant analysis (Fisher 1936) of pairs of wordings of one question, its covariance within
        questions shrunk. Matrices are rounded first, so the axes are those of what is kept.
        Raises OSError or ValueError where the folder holds no BERT with a tokenizer.json.
        """
        encoder = BertModel.from_pretrained(folder, add_pooling_layer=False)
        pieces = Tokenizer.from_file(str(folder / "tokenizer.json"))
        stored, E = packed(encoder.state_dict()), encoder.config.hidden_size
        whole = cls(tokenizer, encoder.config, pieces, {**stored, "axes": torch.eye(E), "centre": torch.zeros(E)})
        one, other = (whole._along_axes(questions) for questions in zip(*wordings, strict=True))  # (n, E)
        mean, both = (one.mean(dim=0) + other.mean(dim=0)) / 2, torch.cat([one, other])
        within = (one - other).T @ (one - other) / len(both)
        within.diagonal().add_(_SHRUNK * within.diagonal().mean())
        values, vectors = torch.linalg.eigh(within)
        whitened = vectors * values.rsqrt() @ vectors.T
        apart = torch.linalg.eigh(whitened @ ((both - mean).T @ (both - mean)) @ whitened).eigenvectors[:, -width:]
        axes = (whitened @ apart).T.contiguous()
        return cls(tokenizer, encoder.config, pieces, {**stored, "axes": axes, "centre": axes @ mean})

    @classmethod
    def load(cls, folder: Path, tokenizer: PreTrainedTokenizerBase) -> "Intent":
        """Read what `save` wrote; raises OSError, ValueError, KeyError or RuntimeError when it is not all there."""
        pieces = Tokenizer.from_str((folder / _PIECES).read_text(encoding="utf-8"))
        return cls(tokenizer, BertConfig.from_json_file(folder / _CONFIG), pieces, load_file(folder / _WEIGHTS))

    def save(self, folder: Path) -> None:
        """Write the encoder and its axes, as they were read."""
        self._encoder.config.to_json_file(folder / _CONFIG)
        (folder / _PIECES).write_text(self._pieces.to_str(), encoding="utf-8")
        save_file(self._stored, folder / _WEIGHTS)


def packed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with their matrices in 8 bits: `name.steps` and `name.scales` instead of `name`."""
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        rows = EightBitRows.of(tensor) if tensor.dim() == 2 else None
        found |= {name: tensor} if rows is None else {f"{name}.steps": rows.steps, f"{name}.scales": rows.scales}
    return found


def unpacked(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of what `packed` made."""
    found = {name: tensor for name, tensor in stored.items() if not name.endswith((".steps", ".scales"))}
    for name in (name.removesuffix(".steps") for name in stored if name.endswith(".steps")):
        found[name] = EightBitRows(stored[f"{name}.steps"], stored[f"{name}.scales"]).rows()
    return found


def _batches(pieces: Tokenizer, questions: Sequence[str]) -> Iterator[tuple[list[int], Tensor]]:
    """Questions of the same length together: which they are, and their word pieces (n, P). No padding, so no masks."""
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    rows = [encoding.ids for encoding in pieces.encode_batch(list(questions))]
    for index, row in enumerate(rows):
        by_length[len(row)].append(index)
    by_length.pop(0, None)
    for alike in by_length.values():
        for start in range(0, len(alike), _TOGETHER):
            which = alike[start : start + _TOGETHER]
            yield which, torch.tensor([rows[index] for index in which])
