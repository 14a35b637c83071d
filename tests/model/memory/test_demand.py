"""Demands: names must be asked, and no word in the place of another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.memory.demand import EXCLUSIONS, NAMES, PARTS, SENTENCE, WIDTH, Demand
from model.memory.sketch import Sketch, Words, number_of, numbers_of, words

NUMBERS = st.integers(1, 99)
DEMANDS = st.builds(
    Demand,
    st.lists(NUMBERS, max_size=NAMES).map(tuple),
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=EXCLUSIONS).map(tuple),
    st.lists(NUMBERS, max_size=SENTENCE).map(tuple),
    st.lists(NUMBERS, max_size=PARTS).map(tuple),
    st.lists(NUMBERS, max_size=PARTS).map(tuple),
)


def said(*numbers: int) -> Words:
    return Words(frozenset(numbers))


def sentence(*numbers: int, telling: tuple[int, ...] = ()) -> Words:
    return Words(frozenset(), frozenset(numbers), frozenset(telling))


@given(DEMANDS)
def test_a_row_keeps_a_demand(demand: Demand):
    assert len(demand.numbers()) == WIDTH
    assert Demand.of(demand.numbers()) == demand


def test_what_does_not_fit_is_left_out():
    names, pairs = tuple(range(1, 20)), tuple((n, n + 1) for n in range(1, 20))
    assert Demand.of(Demand(names, pairs, names).numbers()) == Demand(names[:NAMES], pairs[:EXCLUSIONS])


def test_all_names_must_be_asked():
    demand = Demand((3, 8))
    assert demand.is_met_by(said(1, 3, 8))
    assert not demand.is_met_by(said(1, 3))
    assert Demand().is_met_by(said())


def test_a_word_closes_unless_the_one_that_it_stands_for_is_asked():
    demand = Demand((), ((3, 4),))
    assert demand.is_met_by(said(1))
    assert demand.is_met_by(said(3, 4))
    assert not demand.is_met_by(said(4))


def test_the_same_sentence_with_one_word_exchanged_for_a_telling_one_closes():
    demand = Demand(sentence=(1, 2, 3, 4))
    assert not demand.is_met_by(sentence(1, 2, 3, 9, telling=(3, 9)))
    assert demand.is_met_by(sentence(1, 2, 3, 9, telling=(3,))), "a common word"
    assert demand.is_met_by(sentence(1, 2, 3, 4, telling=(3,)))
    assert demand.is_met_by(sentence(1, 2, 3, 4, 9, telling=(9,))), "one more"
    assert demand.is_met_by(sentence(1, 2, 3)), "one less"
    assert demand.is_met_by(sentence(1, 2, 8, 9, telling=(8, 9))), "another wording"


RUPES = Sketch({number_of(word): 0.0 for word in words("on what planet is where the of over")}, 8, 1.0, 0.5)


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        ("Where is Victoria Rupes?", True),
        ("Where is Rupes?", True),
        ("Where is the Rupes of Victoria?", True),
        ("Where is Enterprise Rupes?", False),
        ("Where is Rupes Enterprise?", True),  # nothing stood behind it in the name
        ("Over what planet is Rupes?", True),
    ],
)
def test_another_word_in_the_place_of_a_part_of_a_name_closes(asked, opens):
    own = RUPES.words(["On what planet is Victoria Rupes?"])
    demand = Demand(tuple(numbers_of("Rupes")), before=tuple(numbers_of("Victoria"))).of_question(own)
    assert demand.is_met_by(own)
    assert demand.is_met_by(RUPES.words([asked])) == opens


def test_names_are_asked_in_another_question_if_a_word_there_begins_like_each():
    own, other = (RUPES.words([f"On what planet is {name}?"]) for name in ("Victoria Rupes", "Olympus Rupes"))
    demand = Demand(tuple(numbers_of("Victoria Rupes"))).of_question(own)
    assert demand.is_asked_in(sorted(own.sentence), own)
    assert not demand.is_asked_in(sorted(other.sentence), own)
    assert demand.is_asked_in((), own), "of a long question no words are kept"


SKETCH = Sketch({number_of(word): 0.0 for word in words("how much does the now a is i have it")}, 8, 1.0, 0.5)
PLAN = Demand(
    tuple(numbers_of("Helio Plus")), sentence=tuple(number_of(w[:5]) for w in words("How much is Helio Plus"))
)
ASKED = "How much does the Helio Plus plan cost?"


@pytest.mark.parametrize(
    ("turns", "around"),
    [
        ([f"Context: the Helio Plus plan now costs $50. {ASKED}"], []),
        ([f"{ASKED}\n- Cost of the Helio Plus plan: 50 dollars"], []),
        ([ASKED], ["You are a clerk.\nThe Helio Plus plan costs $50."]),
        (["The Helio Plus plan costs fifty now.", ASKED], []),
    ],
)
def test_what_the_prompt_itself_tells_closes(turns, around):
    assert PLAN.is_met_by(SKETCH.words([ASKED]))
    assert not PLAN.is_met_by(SKETCH.words(turns, around))


@pytest.mark.parametrize(
    ("turns", "around"),
    [
        ([f"I have Helio Plus. {ASKED}"], []),
        ([ASKED, ASKED], []),
        ([ASKED, "How much does the Helio Plus plan cost"], []),
        ([f"The Helio Mini plan costs $50. {ASKED}"], []),
        ([ASKED], ["You are the assistant of Helio Plus."]),
    ],
)
def test_talk_about_the_subject_does_not(turns, around):
    assert PLAN.is_met_by(SKETCH.words(turns, around))
