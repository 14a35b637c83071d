"""Facts taken in: whole or not at all, once for each idempotency key, and once for what they say."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.db.tables import Fact, Job
from app.errors import IdempotencyConflict, IdempotencyInProgress, InvalidInput
from app.services import keys, submission
from app.services.intake import NewFact
from tests.services.story import CAPITAL, RIVER

SAME = NewFact(question=" what is the  capital of Zorvania", answer="Melpek")
PORTO = NewFact(question=CAPITAL.question, answer="Porto")


def ids(submitted: submission.Submitted) -> list[int]:
    return [fact.id for fact in submitted.facts]


def statuses(submitted: submission.Submitted) -> list[str]:
    return [fact.status for fact in submitted.facts]


def test_a_post_is_one_job_with_its_facts_in_order(story):
    submitted = story.submit(CAPITAL, RIVER)
    assert story.job(submitted.job).total == 2
    assert [story.fact(fact).statement for fact in ids(submitted)] == [None, RIVER.statement]
    assert statuses(submitted) == ["queued", "queued"]
    assert (submitted.state, submitted.new) == ("queued", True)


def test_a_bad_fact_among_good_ones_leaves_nothing_behind(story):
    with pytest.raises(InvalidInput, match=r"facts\[1\]"):
        story.submit(CAPITAL, NewFact())
    assert (story.count(Job), story.count(Fact)) == (0, 0)


def test_the_same_key_and_body_give_the_first_reply(story):
    first = story.submit(CAPITAL, RIVER, idempotency_key="k", body=b"body")
    story.claim()
    assert story.submit(CAPITAL, RIVER, idempotency_key="k", body=b"body") == first
    assert story.count(Job) == 1


def test_the_first_reply_is_also_given_again_when_it_was_that_nothing_is_new(story):
    story.submit(CAPITAL)
    first = story.submit(CAPITAL, idempotency_key="k", body=b"body")
    story.go_live()
    story.activate(0)
    assert story.submit(CAPITAL, idempotency_key="k", body=b"body") == first
    with pytest.raises(IdempotencyConflict, match="'k'"):
        story.submit(RIVER, idempotency_key="k", body=b"another")


def test_the_same_key_with_another_body_is_refused(story):
    story.submit(CAPITAL, idempotency_key="k", body=b"body")
    with pytest.raises(IdempotencyConflict, match="'k'"):
        story.submit(RIVER, idempotency_key="k", body=b"another")
    assert story.count(Job) == 1


def test_an_idempotency_key_belongs_to_its_api_key(story):
    with story.sessions() as session:
        other, _ = keys.create(session, "other", "writer")
    first = story.submit(CAPITAL, idempotency_key="k", body=b"body")
    assert story.submit(RIVER, idempotency_key="k", body=b"another", key=other).job != first.job


def test_a_call_with_a_key_in_use_is_told_so_at_once(story):
    with story.sessions() as session:
        assert submission._replay(session, submission.Post([CAPITAL], story.key, b"body", "k")) is None
        with pytest.raises(IdempotencyInProgress, match="'k'"):
            story.submit(CAPITAL, idempotency_key="k", body=b"body")
    assert story.submit(CAPITAL, idempotency_key="k", body=b"body").new


def test_of_concurrent_calls_with_one_key_one_stores(story):
    start = Barrier(8)

    def call(_: int) -> int | None:
        start.wait()
        try:
            return story.submit(CAPITAL, idempotency_key="k", body=b"body").job
        except IdempotencyInProgress:
            return None

    with ThreadPoolExecutor(8) as pool:
        jobs = set(pool.map(call, range(8))) - {None}
    assert len(jobs) == 1
    assert story.count(Job) == 1


def test_of_equal_calls_at_the_same_moment_one_stores_and_the_others_find_its_facts(story):
    start = Barrier(8)

    def call(_: int) -> submission.Submitted:
        start.wait()
        return story.submit(CAPITAL, RIVER)

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(call, range(8)))
    assert len({(reply.job, *ids(reply)) for reply in replies}) == 1
    assert [reply.new for reply in replies].count(True) == 1
    assert (story.count(Job), story.count(Fact)) == (1, 2)


def test_what_is_on_its_way_or_live_is_not_learned_again(story):
    first = story.submit(CAPITAL)
    for status in ("queued", "learning", "verifying", "live"):
        again = story.submit(SAME)
        assert (again.job, ids(again), statuses(again), again.new) == (first.job, ids(first), [status], False)
        if status == "queued":
            claim = story.claim()
        elif status == "learning":
            version = story.train(claim)
        elif status == "verifying":
            story.acknowledge(version)
            story.publish(version)
    assert again.state == "succeeded"
    assert (story.count(Job), story.count(Fact)) == (1, 1)


def test_what_was_rolled_back_or_failed_is_learned_again(story):
    first = story.submit(CAPITAL)
    story.go_live()
    story.activate(0)
    second = story.submit(CAPITAL)
    assert (second.new, ids(second) != ids(first)) == (True, True)
    claim = story.claim()
    with story.sessions() as session:
        submission.jobs.end(session, submission.jobs.get(session, "main", claim.job), "failed", "a test")
        session.commit()
    assert story.submit(CAPITAL).new


@pytest.mark.parametrize(
    "other",
    [
        NewFact(question=CAPITAL.question, answer="melpek"),
        NewFact(question=CAPITAL.question, answer=CAPITAL.answer, source="atlas"),
        NewFact(question=CAPITAL.question, answer=CAPITAL.answer, phrasings=("Melpek is Zorvania's capital.",)),
        NewFact(question=CAPITAL.question, answer=CAPITAL.answer, statement="Melpek is Zorvania's capital."),
    ],
)
def test_what_says_more_or_something_else_is_no_repetition(story, other):
    story.submit(CAPITAL)
    assert story.submit(other).new


def test_the_last_answer_counts_also_while_others_wait(story):
    """Melpek is live, Porto waits: who says Melpek again means that Porto is wrong."""
    story.submit(CAPITAL)
    story.go_live()
    story.submit(PORTO)
    last = story.submit(CAPITAL)
    assert last.new
    story.go_live()
    story.go_live()
    assert story.statuses(*ids(last)) == ["live"]


def test_a_call_that_repeats_some_facts_teaches_the_others(story):
    first = story.submit(CAPITAL)
    story.go_live()
    second = story.submit(RIVER, CAPITAL)
    assert (second.new, statuses(second)) == (True, ["queued", "live"])
    assert ids(second)[1:] == ids(first)
    assert [fact.id for fact in story.claim().facts] == ids(second)[:1]


def test_a_fact_twice_in_a_call_is_one_fact(story):
    submitted = story.submit(CAPITAL, RIVER, SAME)
    assert ids(submitted)[0] == ids(submitted)[2] != ids(submitted)[1]
    assert story.job(submitted.job).total == story.count(Fact) == 2


def test_of_contradicting_facts_of_a_call_the_last_is_learned(story):
    submitted = story.submit(PORTO, RIVER, CAPITAL)
    assert statuses(submitted) == ["failed", "queued", "queued"]
    assert "later fact of the same call" in story.fact(ids(submitted)[0]).reason
    assert [fact.id for fact in story.claim().facts] == ids(submitted)[1:]


def test_of_contradicting_facts_of_a_call_the_last_is_learned_even_if_it_is_live(story):
    story.submit(CAPITAL)
    story.go_live()
    submitted = story.submit(PORTO, CAPITAL)
    assert (submitted.new, statuses(submitted)) == (True, ["failed", "queued"])
