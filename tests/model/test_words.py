"""Addresses of words: order plays no part where an answer begins, places of an answer differ, rare words weigh most."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from model.config import MemoryConfig
from model.words import PAIRS, Texts, Words

BREAK, NO_WORD, SLOTS = 7, 8, 4_096
TOKENS = st.lists(st.integers(9, 199), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def words() -> Words:
    words = Words(200, SLOTS)
    words.opening[BREAK] = True
    words.spelling.whole[[BREAK, NO_WORD]] = 0
    words.spelling.whole[151] = words.spelling.whole[150]  # the same word with another case
    words.rarity[:202] = torch.linspace(0.5, 1.0, 202)
    return words


def read(words: Words, *ids: int) -> torch.Tensor:
    """The address in front of what follows `ids`, as weights of all slots: (SLOTS,)."""
    slots, weights = words(Texts.whole(torch.tensor([ids])))
    return torch.zeros(SLOTS).index_add_(0, slots[0, -1], weights[0, -1])


@given(TOKENS, st.randoms(use_true_random=False))
def test_where_an_answer_begins_order_and_what_is_no_word_play_no_part(words, tokens, rng):
    tokens = list({int(words.spelling.whole[token]): token for token in tokens}.values())
    mixed = [*rng.sample(tokens, len(tokens)), NO_WORD]
    torch.testing.assert_close(read(words, *tokens, BREAK), read(words, *mixed, BREAK))


@given(TOKENS, st.data())
@example(list(range(20, 40)), None)
def test_a_place_has_the_same_bits_in_a_longer_text_and_alone(words, tokens, data):
    end = data.draw(st.integers(1, len(tokens))) if data else 1
    whole = words(Texts.whole(torch.tensor([tokens])))
    one = words(Texts(torch.tensor([tokens]), torch.tensor([[end - 1]])))
    alone = words(Texts.whole(torch.tensor([tokens[:end]])))
    for all_places, place, last in zip(whole, one, alone, strict=True):
        assert torch.equal(all_places[0, end - 1], place[0, 0])
        assert torch.equal(all_places[0, end - 1], last[0, -1])


def test_questions_with_rare_words_in_common_read_the_same_slots(words):
    one = read(words, 20, 30, 180, 190, 195, BREAK)
    near, far = read(words, 25, 180, 190, 195, BREAK), read(words, 20, 30, 160, 170, 175, BREAK)
    assert float(one @ one) == pytest.approx(1.0)
    assert 0.4 < float(one @ near) < 0.9
    assert float(one @ far) < 0.1


def test_case_makes_no_other_word(words):
    assert torch.equal(read(words, 20, 150, 180, BREAK), read(words, 20, 151, 180, BREAK))


def test_the_places_of_an_answer_read_other_slots(words):
    asked = (20, 30, 180, 190, BREAK)
    places = [read(words, *asked, *answer) for answer in ((), (40,), (40, 41), (40, 41, 41))]
    for index, place in enumerate(places):
        assert all(float(place @ other) < 0.1 for other in places[:index])


def test_a_text_without_a_word_reads_nothing(words):
    assert not read(words, NO_WORD, BREAK).any()


def parts(words: Words, *texts: tuple[int, ...]) -> list[torch.Tensor]:
    """The addresses of the parts of texts, as weights of all slots: (SLOTS,) each."""
    longest = max(map(len, texts))
    ids = torch.tensor([[*text, BREAK] + [BREAK] * (longest - len(text)) for text in texts])
    slots, weights = words.parts(Texts(ids, torch.tensor([[len(text)] for text in texts])))
    return [torch.zeros(SLOTS).index_add_(0, *part) for part in zip(slots, weights, strict=True)]


def test_parts_are_what_texts_with_one_of_their_common_words_read(words):
    found = parts(words, (20, 30, 150, 160), (25, 150, 160))
    expected = [(20, 30, 160), (25, 160), (20, 30, 150), (25, 150)]  # the rarer word first
    assert len(found) == len(expected)
    for part, text in zip(found, expected, strict=True):
        torch.testing.assert_close(part, read(words, *text, BREAK))


def test_no_part_is_a_word_that_is_no_name_that_nobody_asked_of_or_the_only_one_in_common(words):
    assert len(parts(words, (20, 150, 195), (25, 150, 195))) == 2  # 150 alone, but not 195
    assert len(parts(words, (20, 150), (20, 30, 150))) == 2  # 20 is too common for a name
    assert parts(words, (20, 150), (25, 150)) == []
    assert parts(words, (20, 30), (25, 35)) == []


def test_places_stand_for_themselves():
    texts = Texts.whole(torch.arange(12).view(2, 6)).at(torch.tensor([[0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 1]]).bool())
    assert texts.ids.tolist() == [[*range(6)], [*range(6, 12)], [*range(6, 12)]]
    assert texts.positions.tolist() == [[2], [0], [5]]


def test_words_need_as_many_reads_as_there_are_pairs():
    with pytest.raises(ValueError, match=f"4 heads of 16; words need 1 of {PAIRS}"):
        MemoryConfig((0,), query="words")
    with pytest.raises(ValueError, match="query is 'sound'"):
        MemoryConfig((0,), query="sound")
