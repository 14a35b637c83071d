"""The client against the real service on a real port: each call, typed, for both clients alike."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.client import (
    Answer,
    AsyncSlotwise,
    BadRequest,
    Conflict,
    KeyRejected,
    NewFact,
    NotFound,
    Piece,
    RoleTooLow,
    Slotwise,
    TimedOut,
)
from app.db.session import Sessions
from app.settings import Settings
from tests.api.running import Running
from tests.api.teacher import OTHER_QUESTION, QUESTION, Teacher


@pytest.fixture
def slotwise(service: Running, key_of: dict[str, str]) -> Iterator[Slotwise]:
    with Slotwise(service.url, key_of["admin"]) as client:
        yield client


@pytest.fixture
def worker(service: Running, key_of: dict[str, str], sessions: Sessions, settings: Settings) -> Iterator[Teacher]:
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {key_of['admin']}"}) as client:
        yield Teacher(client, sessions, settings)  # type: ignore[arg-type]


@pytest.fixture
def reading(untaught_service: Running, untaught_keys: dict[str, str]) -> Iterator[Slotwise]:
    """A reader's client of the service that nothing is taught to."""
    with Slotwise(untaught_service.url, untaught_keys["reader"]) as client:
        yield client


def test_a_fact_is_taught_followed_asked_and_rolled_back(slotwise: Slotwise, worker: Teacher):
    time = datetime(2026, 11, 22, tzinfo=UTC)
    end = datetime(2999, 1, 1, tzinfo=UTC)
    taught = slotwise.teach(
        question=QUESTION, answer="Lisbon", source="atlas", phrasings=["So?"], valid_from=time, valid_until=end
    )
    (ref,) = taught.facts
    assert (taught.job.state, ref.status) == ("queued", "queued")
    news = slotwise.follow(taught.job.id)
    assert next(news).state == "queued"
    version = worker.commit()
    *_, job = news
    assert (job.succeeded, job.version, job.facts[0].status) == (True, version, "live")
    fact = slotwise.fact(ref.id)
    assert (fact.source, fact.valid_from, fact.phrasings, fact.version) == ("atlas", time, ("So?",), version)
    assert (fact.valid_until, fact.stale, fact.verified_at is None) == (end, False, False)
    assert fact.probe is not None
    assert fact.probe.text == QUESTION
    answer = slotwise.ask(QUESTION)
    assert (answer.answer, answer.version, answer.finish) == (worker.answers[version], version, "stop")
    assert [(one.fact, one.source) for one in answer.citations] == [(ref.id, "atlas")]
    assert slotwise.ask(OTHER_QUESTION, only_taught=True).finish == "untaught"
    detail = slotwise.version(version)
    assert (detail.live, detail.job, detail.fact_list) == (True, taught.job.id, (fact,))
    assert [one.id for one in slotwise.versions().items] == [version, 0]
    assert [one.id for one in slotwise.models()] == ["slotwise", f"slotwise@{version}", "slotwise@0"]
    named = slotwise.forget(ref.id)
    assert (named.job.state, [one.status for one in named.facts]) == ("queued", ["live"])
    assert (slotwise.forget_source("atlas").job, slotwise.job(named.job.id).kind) == (named.job, "forget")
    with pytest.raises(NotFound, match="nowhere"):
        slotwise.forget_source("nowhere")
    with pytest.raises(Conflict, match="live"):
        slotwise.rollback(0, "a test", expected_live=0)
    moved = slotwise.rollback("previous", "a test", expected_live=version)
    assert (moved.live, moved.previous) == (0, version)
    assert slotwise.fact(ref.id).status == "rolled_back"
    with pytest.raises(Conflict, match=f"fact {ref.id} is rolled_back"):
        slotwise.forget(ref.id)
    assert slotwise.ask(QUESTION, version=version).answer == worker.answers[version]


def test_many_facts_are_one_job_and_the_key_gives_the_first_reply_again(slotwise: Slotwise):
    facts = [NewFact(statement=f"Olm {n} is blind.", source="zoo" if n else None) for n in range(3)]
    first = slotwise.teach_many(facts, idempotency_key="mine")
    assert slotwise.teach_many(facts, idempotency_key="mine") == first
    with pytest.raises(BadRequest, match="key"):
        slotwise.teach_many(facts[:1], idempotency_key="mine")
    page = slotwise.facts(source="zoo", limit=1)
    assert (page.items[0].statement, page.next_cursor is not None) == ("Olm 2 is blind.", True)
    (last,) = slotwise.facts(source="zoo", cursor=page.next_cursor, status="queued").items
    assert last.statement == "Olm 1 is blind."
    (job,) = slotwise.jobs(state="queued").items
    assert (job.id, job.progress.total, job.facts) == (first.job.id, 3, ())
    with pytest.raises(TimedOut, match=f"job {job.id} is still queued after 2 seconds"):
        slotwise.wait(job.id, timeout=2.0)


def test_streams_and_chats_say_what_a_whole_answer_says(reading: Slotwise):
    for whole, stream in (
        (reading.ask(QUESTION, max_tokens=8), reading.stream(QUESTION, max_tokens=8)),
        (reading.chat(QUESTION, max_tokens=8, version=0), reading.stream_chat(QUESTION, max_tokens=8, version=0)),
    ):
        *pieces, answer = stream
        assert answer == whole
        assert isinstance(answer, Answer)
        assert "".join(piece.text for piece in pieces if isinstance(piece, Piece)) == answer.answer
    said = reading.chat([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], max_tokens=4)
    assert (said.version, said.finish) == (0, "length")
    tokens = reading.complete("The capital", max_tokens=3, logprobs=2, temperature=1.0, seed=5, stop=["!"]).logprobs
    assert tokens is not None
    assert [len(token.top) for token in tokens] == [2] * 3


def test_a_stream_may_be_left_before_its_end(reading: Slotwise):
    for part in reading.stream(QUESTION):
        assert isinstance(part, Piece)
        break
    assert reading.health().status == "ok"


def test_refusals_carry_the_problem(reading: Slotwise, untaught_service: Running):
    with pytest.raises(BadRequest) as wrong:
        reading.ask(QUESTION, temperature=9)
    problem = wrong.value.problem
    assert (problem.type, problem.title, problem.status) == (
        "urn:slotwise:invalid-input",
        "Unprocessable Entity",
        422,
    )
    assert [error.field for error in problem.errors] == ["temperature"]
    with pytest.raises(BadRequest) as wrong:
        reading.chat(QUESTION, temperature=9)
    assert [error.field for error in wrong.value.problem.errors] == ["temperature"]
    with pytest.raises(NotFound, match="version 12"):
        reading.chat(QUESTION, version=12)
    with pytest.raises(NotFound, match="fact 9"):
        reading.fact(9)
    with pytest.raises(RoleTooLow):
        reading.engines()
    for bad in (Slotwise(untaught_service.url), Slotwise(untaught_service.url, "sw_wrong")):
        with bad, pytest.raises(KeyRejected):
            next(bad.stream(QUESTION))


def test_an_admin_makes_lists_and_revokes_keys(untaught_service: Running, untaught_keys: dict[str, str]):
    url = untaught_service.url
    with Slotwise(url, untaught_keys["admin"]) as admin:
        made = admin.create_key("a client", "writer", facts_per_day=9)
        assert (made.role, made.facts_per_day, made.requests_per_minute) == ("writer", 9, None)
        assert made.key not in repr(made)
        with Slotwise(url, made.key) as holder:
            assert holder.jobs().items == ()
            with pytest.raises(RoleTooLow):
                holder.keys()
            revoked = admin.revoke_key(made.id)
            with pytest.raises(KeyRejected):
                holder.jobs()
        assert admin.keys(limit=1).items == (revoked,)
        with pytest.raises(NotFound, match="key 999"):
            admin.revoke_key(999)
        with pytest.raises(BadRequest, match="role"):
            admin.create_key("a client", "king")

    async def main() -> None:
        async with AsyncSlotwise(url, untaught_keys["admin"]) as admin:
            made = await admin.create_key("another", "reader")
            assert (await admin.revoke_key(made.id)).revoked_at is not None
            assert (await admin.keys(cursor=made.id, limit=1)).items == (revoked,)

    asyncio.run(main())


def test_an_admin_of_main_makes_and_lists_namespaces(untaught_service: Running, untaught_keys: dict[str, str]):
    with Slotwise(untaught_service.url, untaught_keys["admin"]) as admin:
        space = admin.create_namespace("of-clients", "a test")
        assert (space.live, space.facts, admin.namespaces(limit=1).items) == (0, 0, (space,))
        theirs = admin.create_key("theirs", "operator", namespace="of-clients")
        with Slotwise(untaught_service.url, theirs.key) as holder:
            assert holder.facts().items == ()
            with pytest.raises(RoleTooLow, match="needs a key of 'main'"):
                holder.engines()


def test_health_needs_no_key_and_engines_an_operators(untaught_service: Running, untaught_keys: dict[str, str]):
    with Slotwise(f"{untaught_service.url}/") as anybody:
        assert anybody.health().status == "ok"
        ready = anybody.ready()
    assert (ready.status, ready.version, ready.head) == ("ready", 0, 0)
    with Slotwise(untaught_service.url, untaught_keys["operator"]) as operator:
        assert ready.engine in [engine.id for engine in operator.engines().items]


def test_the_asynchronous_client_does_the_same(service: Running, key_of: dict[str, str], worker: Teacher):
    async def main() -> None:
        async with AsyncSlotwise(service.url, key_of["admin"]) as slotwise:
            taught = await slotwise.teach(question=QUESTION, answer="Lisbon")
            committed = asyncio.create_task(asyncio.to_thread(worker.commit))
            job = await slotwise.wait(taught.job.id, timeout=20)
            version = await committed
            assert job.version == version
            whole, chatted = await asyncio.gather(slotwise.ask(QUESTION), slotwise.chat(QUESTION))
            assert whole.answer == chatted.answer == worker.answers[version]
            *pieces, answer = [part async for part in slotwise.stream(QUESTION)]
            assert answer == whole
            assert "".join(piece.text for piece in pieces if isinstance(piece, Piece)) == whole.answer
            with pytest.raises(NotFound):
                await slotwise.job(99)
            assert (await slotwise.rollback("previous", "a test")).live == 0

    asyncio.run(main())


def test_facts_one_by_one_and_files_are_imported_by_both_clients(
    service: Running, slotwise: Slotwise, key_of: dict[str, str], tmp_path: Path
):
    file, sent = tmp_path / "facts.jsonl", []
    file.write_text('{"statement": "Olm 1 is blind."}\n{"statement": 2}\n')
    facts = (NewFact(statement=f"Olm {number} is blind.") for number in range(3))
    report = slotwise.import_facts(facts, idempotency_key="k", on_progress=sent.append)
    assert (report.accepted, report.refused, len(report.jobs), len(sent)) == (3, 0, 1, 3)

    async def main() -> None:
        async with AsyncSlotwise(service.url, key_of["writer"]) as other:
            report = await other.import_facts(file)
            assert (report.accepted, report.duplicates, report.refused) == (0, 1, 1)
            assert report.errors[0].line == 2
            assert (await other.import_facts(str(file), dry_run=True)).dry_run

    asyncio.run(main())
    job = slotwise.cancel(report.jobs[0].id)
    assert (job.state, {fact.status for fact in job.facts}) == ("cancelled", {"cancelled"})
    assert (slotwise.pause("a test").paused, slotwise.ready().learning) == (True, "paused")
    assert not slotwise.resume("a test").paused
