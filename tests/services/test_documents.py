"""Documents: taken in once, read into facts that know their place, and forgotten with what they alone taught."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.db.tables import AuditEntry, Delivery, Document, Fact, Job
from app.errors import (
    DocumentNotFound,
    DocumentNotRead,
    IdempotencyConflict,
    InvalidInput,
    LeaseLost,
)
from app.reading.reader import Reader
from app.services import cancelling, document_reading, documents, learning, relearn, webhooks
from app.services.document_reading import NewDocument, PostedDocument, SubmittedDocument
from app.services.documents import ForgottenDocument, WholeDocument
from app.services.intake import NewFact
from tests.services.story import TESTER, Story

OLMS = "The Olm rises in Zorvania. Why so? The Tarn rises in Melpek."
MORE = OLMS + " The Esk rises in Norvik."


def submit(story: Story, text: str, idempotency_key: str | None = None, **more: str) -> SubmittedDocument:
    document = NewDocument(text, **more)  # type: ignore[arg-type]
    with story.sessions() as session:
        body = repr(document).encode()
        post = PostedDocument(document, story.key, body, idempotency_key)
        return document_reading.submit(session, story.settings, post)


def read(story: Story) -> learning.Claim:
    """What a worker does with the next job, which reads."""
    claim = story.claim()
    assert (claim.kind, claim.facts) == ("read", ())
    reader = Reader(document_reading.limits(story.settings))
    with story.sessions() as session:
        document = document_reading.claimed(session, claim.job)
        chunks = reader.chunks(document.text, document.format)
        document_reading.expect(session, claim.job, len(chunks))
    with story.sessions() as session:
        learning.commit_reading(session, story.settings, claim, reader.read(document.text, document.title, chunks))
    return claim


def taught(story: Story, text: str, **more: str) -> int:
    """A document whose facts are live."""
    document = submit(story, text, **more).document
    for _ in story.job(read(story).job).report["jobs"]:
        story.go_live()
    return document


def whole(story: Story, document: int) -> WholeDocument:
    with story.sessions() as session:
        return documents.get(session, story.key.namespace, document)


def statuses(story: Story, document: int) -> list[str]:
    return [fact.status for fact in whole(story, document).facts]


def forget(story: Story, document: int) -> ForgottenDocument:
    with story.sessions() as session:
        return documents.forget(session, story.settings, story.key, document)


def test_a_document_becomes_facts_that_know_their_place(story):
    submitted = submit(story, f"# Rivers\n\n{OLMS}\n", format="markdown")
    assert (submitted.status, submitted.state, submitted.new) == ("reading", "queued", True)
    claim = read(story)
    job = story.job(claim.job)
    assert (job.state, job.done, job.total, job.version_id) == ("succeeded", 1, 1, None)
    assert story.events(claim.job) == ["queued", "running", "succeeded"]
    (learning_job,) = job.report["jobs"]
    told = {"taught": 2, "known": 0, "overruled": 0}
    assert job.report == {
        "document": submitted.document,
        "chunks": 1,
        "sentences": 3,
        "facts": told,
        "unread": 1,
        "jobs": [learning_job],
    }
    story.go_live()
    found = whole(story, submitted.document)
    assert (found.view.status, found.view.title, found.view.source) == ("read", "Rivers", "Rivers")
    assert (found.view.chunks, found.view.facts, found.view.unread) == (1, 2, 1)
    assert [(fact.statement, fact.status, fact.job) for fact in found.facts] == [
        ("The Olm rises in Zorvania.", "live", learning_job),
        ("The Tarn rises in Melpek.", "live", learning_job),
    ]
    assert [found.text[fact.start : fact.end] for fact in found.facts] == [fact.statement for fact in found.facts]
    assert found.unread == [{"chunk": 0, "start": 37, "end": 44, "reason": "it is a question", "text": "Why so?"}]
    assert found.chunks == [{"number": 0, "start": 10, "end": 70, "headings": ["Rivers"]}]
    fact = story.fact(found.facts[1].id)
    assert fact.documents == [{"document": submitted.document, "chunk": 0, "start": 45, "end": 70}]
    assert fact.source == "Rivers"


def test_a_document_without_a_title_is_a_source_by_its_number(story):
    document = taught(story, OLMS)
    assert whole(story, document).view.source == f"document {document}"
    assert story.fact(whole(story, document).facts[0].id).source == f"document {document}"
    other = submit(story, OLMS, source="atlas", title="Rivers")
    assert whole(story, other.document).view.source == "atlas"


def test_the_same_document_is_answered_with_itself_and_taught_anew_when_nothing_of_it_is_left(story):
    first = submit(story, OLMS)
    assert submit(story, OLMS) == replace(first, new=False)
    read(story)
    assert submit(story, OLMS).state == "succeeded"
    story.go_live()
    assert submit(story, OLMS) == replace(first, status="read", state="succeeded", new=False)
    assert story.count(Document) == 1
    assert submit(story, OLMS, title="Rivers").new, "the title is part of it"
    story.activate(0)
    assert submit(story, OLMS).new, "it was rolled back"


def test_equal_documents_at_the_same_moment_are_one(story):
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: submit(story, OLMS), range(4)))
    assert sorted(one.new for one in found) == [False] * 3 + [True]
    assert story.count(Document) == story.count(Job) == 1


def test_a_repeated_call_gets_the_first_reply(story):
    first = submit(story, OLMS, "once")
    read(story)
    assert submit(story, OLMS, "once") == first
    with pytest.raises(IdempotencyConflict):
        submit(story, MORE, "once")


def test_a_new_edition_teaches_only_what_is_new_and_large_ones_are_several_jobs(story):
    story.settings = story.settings.model_copy(update={"max_facts": 2})
    first = taught(story, OLMS, title="Rivers")
    second = submit(story, MORE, title="Rivers").document
    claim = read(story)
    report = story.job(claim.job).report
    assert (report["facts"], len(report["jobs"])) == ({"taught": 1, "known": 2, "overruled": 0}, 1)
    assert [fact.id for fact in whole(story, second).facts[:2]] == [fact.id for fact in whole(story, first).facts]
    places = story.fact(whole(story, first).facts[0].id).documents
    assert [place["document"] for place in places] == [first, second]
    story.go_live()
    third = submit(story, MORE, title="Other").document
    assert len(story.job(read(story).job).report["jobs"]) == 2
    assert len({fact.job for fact in whole(story, third).facts}) == 2


def test_a_sentence_that_stands_twice_is_one_fact_in_two_places(story):
    document = taught(story, f"{OLMS}\n\n{OLMS}")
    found = whole(story, document)
    assert (len(found.facts), len({fact.id for fact in found.facts}), found.view.facts) == (4, 2, 2)
    assert len(story.fact(found.facts[0].id).documents) == 2


def test_a_document_of_which_nothing_can_be_read_is_rejected_and_says_why(story):
    document = submit(story, "Why so? Nope.").document
    claim = read(story)
    job, found = story.job(claim.job), whole(story, document)
    assert (job.state, job.report["facts"]["taught"]) == ("rejected", 0)
    assert (found.view.status, found.view.reason) == ("failed", job.error)
    assert [part["reason"] for part in found.unread] == ["it is a question", "no rule reads it"]
    assert submit(story, "Why so? Nope.").new, "rules, or another model, may read it later"


def test_a_cancelled_reading_stores_nothing(story):
    submitted = submit(story, OLMS)
    claim = story.claim()
    with story.sessions() as session:
        cancelling.cancel(session, story.key, submitted.job)
    reader = Reader(document_reading.limits(story.settings))
    with story.sessions() as session, pytest.raises(LeaseLost):
        learning.commit_reading(session, story.settings, claim, reader.read(OLMS, None, reader.chunks(OLMS, "text")))
    found = whole(story, submitted.document)
    assert (found.view.status, found.view.reason) == ("failed", "cancelled by 'tester'")
    assert story.count(Fact) == 0


def test_forgetting_a_document_drops_its_text_and_forgets_what_it_alone_taught(story):
    by_hand = story.post(NewFact(statement="The Esk rises in Norvik.", source="Rivers"))
    story.go_live()
    first = taught(story, OLMS, title="Rivers")
    second = submit(story, MORE, title="Rivers").document
    assert story.job(read(story).job).report["jobs"] == [], "all of it is known"
    gone = forget(story, first)
    assert (gone.jobs, gone.new) == ((), False), "the second edition has all of its facts"
    assert (whole(story, first).text, whole(story, first).view.status) == (None, "forgotten")
    assert statuses(story, second) == ["live"] * 3
    gone = forget(story, second)
    assert [len(job.facts) for job in gone.jobs] == [2]
    story.go_without()
    assert statuses(story, second) == ["forgotten", "forgotten", "live"]
    assert story.statuses(*by_hand.facts) == ["live"]
    again = forget(story, second)
    assert ([job.job for job in again.jobs], again.new) == ([gone.jobs[0].job], False)
    with story.sessions() as session:
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert [action for action in actions if not action.startswith(("keys.", "facts.teach"))] == [
        "documents.read",
        "documents.read",
        "documents.forget",
        "facts.forget",
        "documents.forget",
    ]
    assert submit(story, MORE, title="Rivers").new


def test_a_document_that_is_read_or_learned_cannot_be_forgotten_yet(story):
    document = submit(story, OLMS).document
    with pytest.raises(DocumentNotRead, match=f"document {document} is read by job 1; cancel that, or wait"):
        forget(story, document)
    read(story)
    with pytest.raises(DocumentNotRead, match=f"fact 1 of document {document} is queued; cancel its job, or wait"):
        forget(story, document)
    with pytest.raises(DocumentNotFound, match="there is no document 99"):
        forget(story, 99)


def test_facts_stand_where_they_stood_when_another_base_learns_them(story):
    document = taught(story, OLMS)
    with story.sessions() as session:
        relearn.relearn(session, "e" * 64, "2" * 64, TESTER)
    found = whole(story, document).facts
    assert [fact.status for fact in found] == ["retired", "queued"] * 2
    assert found[0].start == found[1].start


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (NewDocument(""), "text: '' holds no word; at least 1 letter or digit is needed"),
        (NewDocument(" \n#\n"), "text: .* holds no word"),
        (NewDocument("a\x00b"), r"text: character 1 is the control character U\+0000, which is no text"),
        (NewDocument("Bell\x07"), r"text: character 4 is the control character U\+0007"),
        (NewDocument("a", title="x" * 501), "title: 501 characters; at most 500 are allowed"),
        (NewDocument("a", source="?"), "source: '\\?' holds no word"),
        (NewDocument("a " * 25_001), "text: 50,002 characters; at most 50,000 are read in a `dry_run`"),
    ],
)
def test_what_is_no_document_is_refused(story, document: NewDocument, message: str):
    with story.sessions() as session, pytest.raises(InvalidInput, match=message):
        document_reading.rehearse(session, story.settings, story.key.namespace, document)


def test_a_rehearsal_tells_what_the_rules_would_read_and_stores_nothing(story):
    taught(story, OLMS, title="Rivers")
    before = [story.count(table) for table in (Document, Fact, Job)]
    with story.sessions() as session:
        told = document_reading.rehearse(
            session, story.settings, story.key.namespace, NewDocument(MORE, title="Rivers")
        )
    assert verdicts(told.facts) == ["duplicate", "duplicate", "new"]
    found, foreseen = told.facts[2]
    assert MORE[found.start : found.end] == "The Esk rises in Norvik."
    assert foreseen.questions == ("Where does the Esk rise?",)
    assert [part.reason for part in told.unread] == ["it is a question"]
    assert [story.count(table) for table in (Document, Fact, Job)] == before


def verdicts(found: Sequence[tuple[object, object]]) -> list[str]:
    return [foreseen.verdict for _, foreseen in found]  # type: ignore[attr-defined]


def test_webhooks_are_told_that_a_document_was_read(story):
    with story.sessions() as session:
        webhooks.create(session, story.settings, "main", "https://example.com/", ["job.succeeded"], actor=TESTER)
    submit(story, OLMS)
    job = read(story).job
    with story.sessions() as session:
        (body,) = session.scalars(select(Delivery.body))
    assert json.loads(body)["data"] == {"job": job, "kind": "read", "version": None}
