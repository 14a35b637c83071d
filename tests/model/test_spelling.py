"""Words are numbered by their characters, however they are cut into tokens; a word counts once it has ended."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.spelling import OPENER, Spelling, number_of
from model.words import Texts, Words

PIECES = ("<|end|>", " ", "\n", "?", "'", " Zor", " Z", "or", "van", "ia", "vania", "zor", " zor", " ferries", " ferry")
PIECES += (" ports", " port", "s", "F", "erry", "4", "47", "1", "71", " 4", " The", " the")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
TOKENS = PIECES + LETTERS
FRAGMENTS = [bytes([byte]) for byte in range(128, 256)]  # of characters that several tokens make up


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    spelling = Spelling(len(TOKENS) + len(FRAGMENTS))
    spelling.tell([token.encode() for token in TOKENS] + FRAGMENTS, TOKENS.index("<|end|>"))
    return spelling


def said(spelling: Spelling, *tokens: str) -> list[int]:
    """The numbers of the words of a text, those of no word left out."""
    return numbers_in(spelling, [TOKENS.index(token) for token in tokens])


def numbers_in(spelling: Spelling, ids: list[int]) -> list[int]:
    numbers, ended = spelling(torch.tensor([ids]))
    return [number for number, end in zip(numbers[0].tolist(), ended[0].tolist(), strict=True) if end and number]


def test_a_word_has_one_number_however_it_is_cut_and_whatever_its_case(spelling):
    ways = ((" Zor", "van", "ia"), (" Z", "or", "vania"), ("zor", "vania"), (" ", "z", "or", "v", "a", "n", "ia"))
    assert {tuple(said(spelling, *way)) for way in ways} == {(number_of("zorvania"),)}
    assert said(spelling, " 4", "47", "1") == [number_of("4471")] == said(spelling, "4", "4", "71")


def test_words_end_at_spaces_and_marks(spelling):
    text = (" The", " Zor", "vania", "'", "s", " ferry", "?", "\n", " port")
    assert said(spelling, *text) == [number_of(word) for word in ("the", "zorvania", "s", "ferry", "port")]


def test_a_token_that_is_an_inflected_word_counts_as_its_base(spelling):
    assert said(spelling, " ferries", " ports") == said(spelling, "F", "erry", " port")


def test_what_opens_a_text_is_a_word_of_its_own(spelling):
    assert said(spelling, "<|end|>", "e", "n", "d") == [OPENER, number_of("end")]


@given(st.lists(st.text("abcxyz", min_size=1, max_size=16), min_size=1, max_size=3))
def test_up_to_sixteen_tokens_make_a_word(spelling, words):
    assert said(spelling, *" ".join(words)) == list(map(number_of, words))


def test_letters_that_are_cut_into_bytes_are_letters(spelling):
    def cut(text: str) -> list[int]:
        return [TOKENS.index(chr(b)) if b < 128 else len(TOKENS) + b - 128 for b in text.encode()]

    assert numbers_in(spelling, cut("włos")) == [number_of("włos")]
    assert numbers_in(spelling, cut("где живёт")) == [number_of("где"), number_of("живёт")]


def test_a_place_reads_no_word_that_has_not_ended(spelling):
    words = Words(len(TOKENS), 4_096)
    words.spelling.tell([token.encode() for token in TOKENS], 0)
    words.opening[TOKENS.index("\n")] = True
    words.rarity.uniform_(0.5, 1.0)
    ids = torch.tensor([[TOKENS.index(token) for token in ("<|end|>", " the", " Zor", "vania", "\n")]])
    whole = words(Texts.whole(ids))
    for end in range(1, 6):
        alone = words(Texts.whole(ids[:, :end]))
        assert all(torch.equal(one[0, end - 1], other[0, -1]) for one, other in zip(whole, alone, strict=True))
    slots, weights = (read[0, -1][whole[1][0, -1] > 0] for read in whole)
    assert len(set(slots.tolist())) == len(weights) == 6  # three words, alone and in pairs
