"""Facts: taken in whole or not at all, once for each idempotency key, read with a derived status."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.db.tables import Fact, Job
from app.errors import FactNotFound, IdempotencyConflict, IdempotencyInProgress, InvalidInput
from app.services import facts, keys
from app.services.intake import NewFact
from tests.services.story import CAPITAL, RIVER


@pytest.fixture
def submit(story):
    def submit(*new: NewFact, idempotency_key: str | None = None, body: bytes = b"", key=None) -> facts.Submitted:
        with story.sessions() as session:
            return facts.submit(
                session, story.settings, new, key=key or story.key, idempotency_key=idempotency_key, body=body
            )

    return submit


def test_a_post_is_one_job_with_its_facts_in_order(story, submit):
    submitted = submit(CAPITAL, RIVER)
    assert story.job(submitted.job).total == 2
    assert [story.fact(fact).statement for fact in submitted.facts] == [None, RIVER.statement]
    assert story.statuses(*submitted.facts) == ["queued", "queued"]
    assert not submitted.replayed


def test_a_bad_fact_among_good_ones_leaves_nothing_behind(story, submit):
    with pytest.raises(InvalidInput, match=r"facts\[1\]"):
        submit(CAPITAL, NewFact())
    assert (story.count(Job), story.count(Fact)) == (0, 0)


def test_the_same_key_and_body_give_the_first_reply(story, submit):
    first = submit(CAPITAL, RIVER, idempotency_key="k", body=b"body")
    story.claim()
    again = submit(CAPITAL, RIVER, idempotency_key="k", body=b"body")
    assert (again.job, again.facts, again.replayed) == (first.job, first.facts, True)
    assert story.count(Job) == 1


def test_the_same_key_with_another_body_is_refused(story, submit):
    submit(CAPITAL, idempotency_key="k", body=b"body")
    with pytest.raises(IdempotencyConflict, match="'k'"):
        submit(RIVER, idempotency_key="k", body=b"another")
    assert story.count(Job) == 1


def test_an_idempotency_key_belongs_to_its_api_key(story, submit):
    with story.sessions() as session:
        other, _ = keys.create(session, "other", "writer")
    first = submit(CAPITAL, idempotency_key="k", body=b"body")
    assert submit(RIVER, idempotency_key="k", body=b"another", key=other).job != first.job


def test_a_call_with_a_key_in_use_is_told_so_at_once(story, submit):
    with story.sessions() as session:
        assert facts._replay(session, story.key, "k", b"body") is None
        with pytest.raises(IdempotencyInProgress, match="'k'"):
            submit(CAPITAL, idempotency_key="k", body=b"body")
    assert submit(CAPITAL, idempotency_key="k", body=b"body").replayed is False


def test_of_concurrent_calls_with_one_key_one_stores(story, submit):
    start = Barrier(8)

    def call(_: int) -> int | None:
        start.wait()
        try:
            return submit(CAPITAL, idempotency_key="k", body=b"body").job
        except IdempotencyInProgress:
            return None

    with ThreadPoolExecutor(8) as pool:
        jobs = set(pool.map(call, range(8))) - {None}
    assert len(jobs) == 1
    assert story.count(Job) == 1


def test_live_and_rolled_back_follow_the_head_over_a_tree(story):
    """Base → a → b, then back to a → c: what is live is the line from the base to the head."""
    posted = {}
    versions = {}

    def learn(name: str) -> None:
        posted[name] = story.post().facts[0]
        versions[name] = story.train(story.claim())
        story.acknowledge(versions[name])
        story.publish(versions[name])

    def statuses() -> dict[str, str]:
        return {name: story.fact(fact).status for name, fact in posted.items()}

    learn("a")
    learn("b")
    assert statuses() == {"a": "live", "b": "live"}
    story.activate("previous")
    assert statuses() == {"a": "live", "b": "rolled_back"}
    learn("c")
    assert statuses() == {"a": "live", "b": "rolled_back", "c": "live"}
    story.activate(versions["b"])
    assert statuses() == {"a": "live", "b": "live", "c": "rolled_back"}
    story.activate(0)
    assert set(statuses().values()) == {"rolled_back"}
    with story.sessions() as session:
        assert [view.id for view in facts.page(session, None, 9, status="rolled_back").items] == sorted(
            posted.values(), reverse=True
        )
        assert facts.page(session, None, 9, status="live").items == []


def test_pages_are_newest_first_and_meet_without_gap_or_overlap(story, submit):
    ids = [fact for _ in range(3) for fact in submit(CAPITAL, RIVER).facts]
    seen, cursor, sizes = [], None, []
    with story.sessions() as session:
        while True:
            page = facts.page(session, cursor, 4)
            seen += [view.id for view in page.items]
            sizes.append(len(page.items))
            submit(CAPITAL)  # what comes in meanwhile does not move the pages
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == sorted(ids, reverse=True)
    assert sizes == [4, 2]


def test_a_page_that_ends_the_list_has_no_cursor(story, submit):
    submit(CAPITAL, RIVER)
    with story.sessions() as session:
        assert facts.page(session, None, 2).next_cursor is None
        assert facts.page(session, None, 1).next_cursor is not None


def test_a_page_can_be_of_one_source(story, submit):
    submit(CAPITAL)
    (wanted,) = submit(NewFact(statement="A tale of Olm.", source="atlas")).facts
    with story.sessions() as session:
        assert [view.id for view in facts.page(session, None, 9, source="atlas").items] == [wanted]


def test_the_facts_of_a_job_and_those_that_its_version_carries(story, submit):
    posted = submit(CAPITAL, RIVER)
    submit(CAPITAL)
    version = story.train(story.claim(), failing=[posted.facts[0]])
    with story.sessions() as session:
        assert [view.id for view in facts.of_job(session, posted.job)] == list(posted.facts)
        assert [view.id for view in facts.of_version(session, version)] == [posted.facts[1]]
        assert facts.of_job(session, 99) == facts.of_version(session, 0) == []


def test_an_unknown_fact_is_not_found(story):
    with pytest.raises(FactNotFound, match="77"):
        story.fact(77)
