"""Facts: read with a derived status, one by one and by page."""

import pytest

from app.errors import FactNotFound
from app.services import facts, versions
from app.services.intake import NewFact
from tests.services.story import CAPITAL, RIVER

PORTO = NewFact(question="Which city is Zorvania's capital?", answer="Porto")
LISBON = NewFact(question=CAPITAL.question, answer="Lisbon")


def test_live_and_rolled_back_follow_the_head_over_a_tree(story):
    """Base → a → b, then back to a → c: what is live is the line from the base to the head."""
    posted = {}
    made = {}

    def learn(name: str) -> None:
        posted[name] = story.post().facts[0]
        made[name] = story.go_live()

    def statuses() -> dict[str, str]:
        return {name: story.fact(fact).status for name, fact in posted.items()}

    learn("a")
    learn("b")
    assert statuses() == {"a": "live", "b": "live"}
    story.activate("previous")
    assert statuses() == {"a": "live", "b": "rolled_back"}
    learn("c")
    assert statuses() == {"a": "live", "b": "rolled_back", "c": "live"}
    story.activate(made["b"])
    assert statuses() == {"a": "live", "b": "live", "c": "rolled_back"}
    story.activate(0)
    assert set(statuses().values()) == {"rolled_back"}
    with story.sessions() as session:
        assert [view.id for view in facts.page(session, "main", None, 9, status="rolled_back").items] == sorted(
            posted.values(), reverse=True
        )
        assert facts.page(session, "main", None, 9, status="live").items == []


def test_a_fact_that_takes_over_rows_replaces_their_owner_and_a_rollback_gives_it_back(story):
    (old,) = story.post(CAPITAL).facts
    first = story.go_live()
    (new,) = story.post(PORTO).facts
    assert story.statuses(old, new) == ["live", "queued"]
    second = story.go_live(took_over={new: [old]})
    assert story.statuses(old, new) == ["replaced", "live"]
    assert (story.fact(old).replaced_by, story.fact(new).replaces) == (new, [old])
    story.activate(first)
    assert story.statuses(old, new) == ["live", "rolled_back"]
    assert (story.fact(old).replaced_by, story.fact(new).replaces) == (None, [old])
    story.activate(0)
    assert story.statuses(old, new) == ["rolled_back", "rolled_back"]
    assert story.fact(old).replaced_by is None
    story.activate(second)
    with story.sessions() as session:
        assert [view.id for view in facts.page(session, "main", None, 9, status="replaced").items] == [old]
        assert [view.id for view in facts.page(session, "main", None, 9, status="live").items] == [new]


def test_of_three_answers_the_last_counts_and_each_names_the_one_before(story):
    ids = []
    for fact in (CAPITAL, PORTO, LISBON):
        ids += story.post(fact).facts
        story.go_live(took_over={ids[-1]: ids[-2:-1]})
    assert story.statuses(*ids) == ["replaced", "replaced", "live"]
    assert [story.fact(fact).replaces for fact in ids] == [[], [ids[0]], [ids[1]]]
    assert [story.fact(fact).replaced_by for fact in ids] == [ids[1], ids[2], None]


def test_a_fact_replaces_as_many_as_it_took_over_rows_of_and_the_report_names_them(story):
    posted = story.post(CAPITAL, RIVER)
    story.go_live()
    (new,) = story.post(PORTO).facts
    version = story.go_live(took_over={new: posted.facts})
    assert story.fact(new).replaces == list(posted.facts)
    assert story.statuses(*posted.facts, new) == ["replaced", "replaced", "live"]
    with story.sessions() as session:
        assert versions.get(session, "main", version).report["replaced"] == [
            {"fact": new, "replaces": list(posted.facts)}
        ]


def test_the_same_answer_in_other_words_replaces_nothing_while_the_old_probe_is_answered(story):
    (old,) = story.post(CAPITAL).facts
    first = story.go_live()
    again = NewFact(question="Zorvania's capital?", answer=" Melpek ")
    (new,) = story.post(again).facts
    story.go_live(took_over={new: [old]})
    assert (story.statuses(old, new), story.fact(new).replaces) == (["live", "live"], [])
    story.activate(first)
    (new,) = story.post(again).facts
    story.go_live(took_over={new: [old]}, silent=[old])
    assert (story.statuses(old, new), story.fact(new).replaces) == (["replaced", "live"], [old])


def test_a_fact_that_rides_on_the_rows_of_another_is_replaced_with_it(story):
    """The second gives the first one's answer on rows of its own; the third takes these over, and knows of no other."""
    (first,) = story.post(CAPITAL).facts
    story.go_live()
    (second,) = story.post(NewFact(question="Zorvania's capital?", answer="Melpek")).facts
    story.go_live(took_over={second: [first]})
    (third,) = story.post(PORTO).facts
    story.go_live(took_over={third: [second]})
    assert story.statuses(first, second, third) == ["replaced", "replaced", "live"]
    assert story.fact(third).replaces == [first, second]


def test_a_statement_that_says_the_same_replaces_nothing(story):
    (old,) = story.post(CAPITAL).facts
    story.go_live()
    (new,) = story.post(NewFact(statement="MELPEK is the capital of Zorvania, on the Olm.")).facts
    story.go_live(took_over={new: [old]})
    assert story.statuses(old, new) == ["live", "live"]


def test_a_fact_that_failed_replaces_nothing(story):
    (old,) = story.post(CAPITAL).facts
    story.go_live()
    posted = story.post(PORTO, RIVER)
    rows = {fact: [old] for fact in posted.facts}
    version = story.train(story.claim(), failing=posted.facts[:1], took_over=rows)
    story.acknowledge(version, wrong=posted.facts[1:])
    story.publish(version)
    assert story.statuses(old, *posted.facts) == ["live", "failed", "failed"]
    assert [story.fact(fact).replaces for fact in posted.facts] == [[], []]


def test_what_is_learned_again_on_another_version_replaces_only_what_it_took_over_there(story):
    (old,) = story.post(CAPITAL).facts
    story.go_live()
    (new,) = story.post(PORTO).facts
    version = story.train(story.claim(), took_over={new: [old]})
    story.activate(0)
    assert story.publish(version).state == "superseded"
    story.go_live()
    assert (story.statuses(old, new), story.fact(new).replaces) == (["rolled_back", "live"], [])


def test_where_facts_came_from_is_told_for_many_at_once(story):
    posted = story.post(CAPITAL, NewFact(statement="A tale of Olm.", source="atlas"))
    with story.sessions() as session:
        assert facts.sources(session, [*posted.facts, 99]) == dict(zip(posted.facts, (None, "atlas"), strict=True))
        assert facts.sources(session, []) == {}


def test_pages_are_newest_first_and_meet_without_gap_or_overlap(story):
    ids = [fact for _ in range(6) for fact in story.post().facts]
    seen, cursor, sizes = [], None, []
    with story.sessions() as session:
        while True:
            page = facts.page(session, "main", cursor, 4)
            seen += [view.id for view in page.items]
            sizes.append(len(page.items))
            story.post()  # what comes in meanwhile does not move the pages
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == sorted(ids, reverse=True)
    assert sizes == [4, 2]


def test_a_page_that_ends_the_list_has_no_cursor(story):
    story.post(CAPITAL, RIVER)
    with story.sessions() as session:
        assert facts.page(session, "main", None, 2).next_cursor is None
        assert facts.page(session, "main", None, 1).next_cursor is not None


def test_a_page_can_be_of_one_source(story):
    story.post(CAPITAL)
    (wanted,) = story.post(NewFact(statement="A tale of Olm.", source="atlas")).facts
    with story.sessions() as session:
        assert [view.id for view in facts.page(session, "main", None, 9, source="atlas").items] == [wanted]


def test_the_facts_of_a_job_and_those_that_its_version_carries(story):
    posted = story.post(CAPITAL, RIVER)
    story.post()
    version = story.train(story.claim(), failing=[posted.facts[0]])
    with story.sessions() as session:
        assert [view.id for view in facts.of_job(session, "main", posted.job)] == list(posted.facts)
        assert [view.id for view in facts.of_version(session, "main", version)] == [posted.facts[1]]
        assert facts.of_job(session, "main", 99) == facts.of_version(session, "main", 0) == []


def test_an_unknown_fact_is_not_found(story):
    with pytest.raises(FactNotFound, match="77"):
        story.fact(77)
