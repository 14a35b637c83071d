"""The text of an answer: what is given out is never taken back, whatever the pieces it came in."""

from hypothesis import given
from hypothesis import strategies as st

from model.base.prompts import Prompts
from model.engine.generation import TokenLogprob
from model.engine.text import AnswerText, Vocabulary
from tests import tiny

VOCABULARY = Vocabulary(Prompts(tiny.byte_tokenizer(), 1024))


def ids(text: str) -> list[int]:
    return tiny.byte_tokenizer()(text, add_special_tokens=False)["input_ids"]


def streamed(tokens: list[int], *stop: str) -> list[str]:
    text = AnswerText(VOCABULARY.text, stop)
    pieces = []
    for token in tokens:
        text.add(token)
        piece, stopped = text.take()
        pieces.append(piece.text)
        if stopped:
            break
    return [*pieces, text.finish().text]


@given(st.lists(st.integers(0, 255), max_size=24))
def test_pieces_together_are_the_decoded_tokens_without_white_space_around_them(tokens):
    assert "".join(streamed(tokens)) == VOCABULARY.text(tokens).strip()


@given(st.text("ab \n€", max_size=16))
def test_half_characters_are_held_back(text):
    assert all("\ufffd" not in piece for piece in streamed(ids(text)))


@given(st.text("ab \n€", max_size=16), st.lists(st.text("ab €", min_size=1, max_size=3), min_size=1, max_size=4))
def test_an_answer_ends_before_the_first_stop_string(text, stop):
    found = [text.find(end) for end in stop if end in text]
    pieces = streamed(ids(text), *stop)
    whole = "".join(pieces)
    if not found:
        assert whole == text.strip()
    else:
        # Of stop strings that overlap, the one that is complete first ends the answer.
        complete = min(text.find(end) + len(end) for end in stop if end in text)
        ends = [end for end in stop if text[:complete].endswith(end)]
        assert whole == text[: complete - max(map(len, ends))].strip()
    assert all(end not in whole for end in stop if end == end.strip())


def test_white_space_waits_for_what_follows_it():
    assert streamed(ids("  a  b ")) == ["", "", "a", "", "", "  b", "", ""]


def test_log_probabilities_come_with_the_text_of_their_tokens():
    text = AnswerText(VOCABULARY.text, ("END",))
    given_out = []
    for letter in "abENxENDz":
        text.add(*ids(letter), TokenLogprob(letter, -1.0, ()))
        piece, stopped = text.take()
        given_out.append((piece.text, "".join(logprob.token for logprob in piece.logprobs)))
        if stopped:
            break
    assert given_out == [("a", "a"), ("b", "b"), ("", ""), ("", ""), ("ENx", "ENx"), ("", ""), ("", ""), ("", "")]
    assert text.finish().logprobs == ()


def test_a_token_that_is_half_a_character_at_the_end_is_shown_as_what_it_is():
    assert streamed(ids("a€")[:2]) == ["a", "", "\ufffd"]
