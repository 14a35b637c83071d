"""Histories of ours on a tiny model: jobs that are kept, corrections, and facts that are forgotten or never taught."""

import pytest

from evaluation.histories import Histories, Plan, corrected, forgotten, retained
from evaluation.sets import Case
from model.facts import Fact
from tests import tiny

PLACES = ("Ellery", "Quennick", "Marlow", "Tarrin", "Ostrava", "Belcombe", "Dunmore", "Vessel")


def case(number, kind, answer):
    place = PLACES[number % len(PLACES)]
    asked = f"Who keeps the {kind} at {place}?"
    fact = Fact(number, question=asked, answer=answer)
    return Case(fact, asked, f"The {kind} at {place} is kept by whom?", (answer,), neighbour=f"Who sold the {kind}?")


TAUGHT = [case(number, "lighthouse", f"Ada {number}") for number in range(6)]
UNTAUGHT = [case(number, "archive", f"Bo {number}") for number in range(6, 12)]
PLAN = Plan(TAUGHT, UNTAUGHT, corrected=2, forgotten=2, asked=6)


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    base, memory = tiny.folders(tmp_path_factory.mktemp("tiny"))
    return Histories(str(base), memory, "cpu", tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def view(histories):
    view, reports = histories.taught("taught", histories.checkpoint.table.base, [each.fact for each in TAUGHT])
    assert all(each["learned"] for each in reports)
    return view


def test_a_job_that_is_kept_leads_to_the_same_view(histories, view):
    again, reports = histories.taught("taught", histories.checkpoint.table.base, [each.fact for each in TAUGHT])
    assert again.state_hash == view.state_hash
    assert [each["fact"] for each in reports] == [each.fact.id for each in TAUGHT]


def test_what_was_taught_is_found_by_age_and_what_was_not_is_asked_too(histories, view):
    figures = retained(histories, view, PLAN)
    assert figures["posted words"]["right"] == 1.0
    assert figures["never taught"]["asked"] == figures["neighbours"]["asked"] == 6
    assert 0.0 <= figures["never taught"]["identical"] <= 1.0


def test_a_correction_is_said_in_the_words_it_was_posted_in(histories, view):
    figures = corrected(histories, view, PLAN)
    assert (figures["corrected"], figures["learned"]) == (2, 2)
    assert figures["posted words: new answer"] + figures["other words: new answer"] >= 2
    assert figures["others"]["right before"] == 1.0


def test_forgotten_is_what_never_taught_is(histories, view):
    figures = forgotten(histories, view, PLAN)
    posted = figures["posted words"]
    assert posted["with"] == {"right": 1.0, "opened": 2}
    assert posted["forgotten"]["right"] == posted["never taught"]["right"] == 0.0
    assert posted["forgotten and never taught say the same"] == 2
