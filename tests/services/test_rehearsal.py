"""A rehearsal foresees what a POST then does, and leaves nothing behind."""

from collections.abc import Sequence

import pytest

from app.db.tables import Fact, Job
from app.errors import InvalidInput
from app.services import rehearsal
from app.services.intake import NewFact
from app.services.rehearsal import Foreseen
from tests.services.story import CAPITAL, RIVER, Story

PORTO = NewFact(question=CAPITAL.question, answer="Porto")


def rehearse(story: Story, *facts: NewFact) -> list[Foreseen]:
    with story.sessions() as session:
        return rehearsal.rehearse(session, story.settings, "main", facts)


def verdicts(found: Sequence[Foreseen]) -> list[str]:
    return [one.verdict for one in found]


def test_it_tells_what_is_new_twice_there_overruled_or_not_to_be_asked(story):
    earlier = story.post(RIVER)
    facts = (PORTO, RIVER, CAPITAL, CAPITAL, NewFact(statement="Is it raining?"))
    found = rehearse(story, *facts)
    assert verdicts(found) == ["overruled", "duplicate", "duplicate", "new", "unaskable"]
    assert (found[1].duplicate_of, found[2].duplicate_of) == (earlier.facts[0], None)
    assert "later fact of the same call" in (found[0].reason or "")
    assert found[4].reason == "nothing tells what is asked and answered: an answer is missing"
    assert (story.count(Job), story.count(Fact)) == (1, 1)
    taken = story.submit(*facts)
    assert [fact.status for fact in taken.facts] == ["failed", "queued", "queued", "queued", "queued"]
    assert taken.facts[1].id == earlier.facts[0]
    assert taken.facts[2].id == taken.facts[3].id


def test_a_new_answer_names_the_facts_that_it_would_take_the_place_of(story):
    old = story.post(CAPITAL)
    story.go_live()
    coming = story.post(NewFact(question=CAPITAL.question, answer="Nairobi"))
    assert rehearse(story, PORTO)[0].replaces == (*old.facts, *coming.facts)
    assert rehearse(story, NewFact(question=CAPITAL.question, answer="Melpek", source="atlas"))[0].replaces == (
        coming.facts
    )
    story.claim()
    story.activate(0)
    assert rehearse(story, PORTO)[0].replaces == coming.facts, "what is not live is not replaced"


def test_it_shows_the_questions_and_what_would_not_be_taught(story):
    (found,) = rehearse(
        story, NewFact(question="What is the capital of Zorvania?", answer="Lisbon", phrasings=("So?",))
    )
    assert found.questions[:2] == ("What is the capital of Zorvania?", "So?")
    (stated,) = rehearse(story, RIVER)
    assert "What does the river Olm flow through?" in stated.questions, stated.questions


def test_what_a_post_refuses_is_refused(story):
    with pytest.raises(InvalidInput, match=r"facts\[1\].answer: it is missing"):
        rehearse(story, CAPITAL, NewFact(question="Who?"))
