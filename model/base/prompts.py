"""Texts to token ids and back: the only place that tokenizes, and that knows how a conversation is written.

What people write is text: a control token that stands in it stays the characters that it is spelt with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from model.errors import CheckpointError, InvalidPrompt, PromptTooLong

Message = Mapping[str, str]  # role, content

_SPARE_TOKENS = 8  # of a probe, beyond those of the answer
_MARK = "\ue000{number}\ue001"  # stands for a message's content while the template is written; private, in no template


@dataclass(frozen=True)
class Prompt:
    """What is to be continued.

    ids    token ids; the answer begins behind the last
    turns  what the user says, turn by turn; of a text that is continued as it is, the text
    around what neither the user nor the assistant says: system messages, what tools gave
    ends   of a text that is continued as it is: where in it each token ends, in characters; else empty
    """

    ids: tuple[int, ...]
    turns: tuple[str, ...]
    ends: tuple[int, ...] = ()
    around: tuple[str, ...] = ()


class Prompts:
    """Prompts of one model.

    tokenizer  must have a chat template
    positions  that the model has; a text that cannot fit is refused before it is tokenized
    ends       ids that end an answer
    Raises CheckpointError without a chat template.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, positions: int, ends: Sequence[int] = ()) -> None:
        if not tokenizer.chat_template:
            raise CheckpointError(
                "the tokenizer has no chat template, so nobody can tell how it is to be asked; "
                "a folder with a chat_template.jinja is needed"
            )
        self.tokenizer, self.positions = tokenizer, positions
        # Two copies: whether control tokens are read as text is a state of the tokenizer, which threads would share.
        self._whole, self._plain = _copied(tokenizer), _copied(tokenizer)
        self._whole.encode_special_tokens, self._plain.encode_special_tokens = False, True
        self._special = tuple(sorted(tokenizer.get_added_vocab(), key=len, reverse=True))
        self.end = self._end_of_an_answer()
        self.ends = frozenset([self.end, *ends, *([] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id])])

    def question(self, question: str) -> Prompt:
        """A conversation that begins with a question. Raises PromptTooLong, InvalidPrompt."""
        return self.chat([{"role": "user", "content": question}])

    def chat(self, messages: Sequence[Message]) -> Prompt:
        """A conversation whose next turn is the assistant's.

        Raises PromptTooLong; InvalidPrompt where the template refuses it.
        """
        turns = tuple(message["content"] for message in messages if message["role"] == "user")
        around = tuple(message["content"] for message in messages if message["role"] not in {"user", "assistant"})
        self._refuse_what_cannot_fit(sum(len(message["content"]) for message in messages))
        if any(self._holds_control(message["content"]) for message in messages):
            marked = [dict(each) | {"content": _MARK.format(number=i)} for i, each in enumerate(messages)]
            ids = self._joined(self._written(marked), [message["content"] for message in messages])
        else:
            ids = self._encoded(self._written(messages))
        return Prompt(tuple(ids), turns, around=around)

    def continuation(self, text: str) -> Prompt:
        """A text that is continued as it is, behind what opens every text of this tokenizer.

        Raises PromptTooLong, InvalidPrompt for a text without a token.
        """
        self._refuse_what_cannot_fit(len(text))
        encoding = self._plain.encode(text, add_special_tokens=False)
        ids = (*self._opening, *encoding.ids)
        if not ids:
            raise InvalidPrompt("the prompt has 0 tokens; at least 1 is needed")
        return Prompt(ids, (text,), (*(0 for _ in self._opening), *(end for _, end in encoding.offsets)))

    def answer(self, answer: str) -> tuple[int, ...]:
        """The ids of an answer, its end token last."""
        return (*self._as_text(answer), self.end)

    def probe_tokens(self, answer: str) -> int:
        """How many tokens are asked for where `answer` is expected: a few more, so that one that goes on is seen to."""
        return len(self.answer(answer)) + _SPARE_TOKENS

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids, control tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)) if ids else ""

    def spelt(self, answer: str) -> str:
        """What comes back of an answer once it was turned into tokens: the answer, or it cannot be taught."""
        return self.text(self.answer(answer)[:-1])

    @cached_property
    def _opening(self) -> tuple[int, ...]:
        """What the tokenizer puts in front of every text, if anything."""
        ids: list[int] = self.tokenizer("")["input_ids"]
        bos = self.tokenizer.bos_token_id
        return tuple(ids) if bos is not None and ids == [bos] else ()

    @cached_property
    def _longest_token(self) -> int:
        return max(map(len, self.tokenizer.get_vocab()))

    def _refuse_what_cannot_fit(self, characters: int) -> None:
        """To count the tokens of a very long text would take seconds."""
        limit = self.positions * self._longest_token
        if characters > limit:
            raise PromptTooLong(
                f"the prompt has {characters:,} characters; {self.positions:,} positions hold {limit:,}"
            )

    def _holds_control(self, text: str) -> bool:
        return any(token in text for token in self._special) or "\ue000" in text

    def _written(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> str:
        try:
            written: str = self.tokenizer.apply_chat_template(
                [dict(message) for message in messages], tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except Exception as error:  # a template may raise anything, and it is the caller's messages that it refuses
            raise InvalidPrompt(f"the chat template refuses it: {error}") from error
        return written

    def _joined(self, written: str, contents: Sequence[str]) -> list[int]:
        """Ids of a written conversation in which marks stand for `contents`: these are text, whatever they hold."""
        ids: list[int] = []
        for number, content in enumerate(contents):
            before, mark, behind = written.partition(_MARK.format(number=number))
            if mark:  # a template may leave a message out
                ids += self._encoded(before) + self._as_text(content)
                written = behind
        return ids + self._encoded(written)

    def _encoded(self, written: str) -> list[int]:
        """Ids of what the template has written, control tokens and all."""
        ids: list[int] = self._whole.encode(written, add_special_tokens=False).ids
        return ids

    def _as_text(self, text: str) -> list[int]:
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        return ids

    def _end_of_an_answer(self) -> int:
        """The token that the template puts behind an assistant's turn; the tokenizer's own where it puts none."""
        mark = _MARK.format(number=0)
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": mark}]
        behind = self._written(turns, add_generation_prompt=False).rpartition(mark)[2]
        ids = self._encoded(behind)
        if ids and ids[0] in self.tokenizer.all_special_ids:
            return ids[0]
        if self.tokenizer.eos_token_id is None:
            raise CheckpointError("the tokenizer has no token that ends an answer")
        return int(self.tokenizer.eos_token_id)


def _copied(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """A tokenizer of our own. Raises CheckpointError for one that is not of the library `tokenizers`."""
    if not tokenizer.is_fast:
        raise CheckpointError(f"{type(tokenizer).__name__} has no tokenizer.json, which is needed")
    return Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
