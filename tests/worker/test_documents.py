"""A learner reads a document, by the rules or by another model, and learns its facts in the jobs behind that."""

from sqlalchemy import select

from app.db.tables import Job
from app.services import document_reading, documents
from app.services.document_reading import NewDocument, PostedDocument
from tests.test_phrasing import Endpoint, completion, endpoint
from tests.worker.posted import go_live
from worker.learner import Learner

__all__ = ["endpoint"]  # the same fixture here
TEXT = "The Olm eats ok. Why so?"


def submit(story, text: str = TEXT) -> document_reading.SubmittedDocument:
    with story.sessions() as session:
        post = PostedDocument(NewDocument(text), story.key, b"")
        return document_reading.submit(session, story.settings, post)


def whole(story, document: int) -> documents.WholeDocument:
    with story.sessions() as session:
        return documents.get(session, "main", document)


def test_a_document_is_read_and_its_facts_are_learned(story, learner: Learner):
    submitted = submit(story)
    learner.run()
    reading = story.job(submitted.job)
    assert (reading.state, reading.done, reading.total) == ("succeeded", 1, 1)
    (job,) = reading.report["jobs"]
    assert story.job(job).state == "verifying"
    go_live(story, job)
    (fact,) = whole(story, submitted.document).facts
    assert (fact.status, fact.statement) == ("live", "The Olm eats ok.")
    assert story.fact(fact.id).probe["answer"] == "ok"


def test_another_model_is_asked_chunk_by_chunk(story, checkpoint, queue, endpoint: Endpoint):
    endpoint.reply = lambda: (200, completion("What does the Olmen eat? | ok", "What is the Olmen? | a fish"))
    asks = {"phrasing_url": endpoint.url, "phrasing_model": "a-model", "phrasing_timeout_seconds": 5.0}
    learner = Learner(checkpoint, story.sessions, queue, story.settings.model_copy(update=asks))
    text = "The Olmen eats ok. Why so?"
    submitted = submit(story, text)
    learner.run()
    report = story.job(submitted.job).report
    assert (report["dropped"], report["facts"]["taught"], report["unread"]) == (1, 1, 1)
    (fact,) = whole(story, submitted.document).facts
    assert (fact.question, fact.answer) == ("What does the Olmen eat?", "ok")
    assert text in endpoint.asked[0][2]["messages"][0]["content"]


def test_a_document_of_which_nothing_is_read_makes_no_job_and_holds_up_no_other(story, learner: Learner):
    empty, good = submit(story, "Why so?"), submit(story)
    learner.run()
    assert story.job(empty.job).state == "rejected"
    assert story.job(good.job).state == "succeeded"
    with story.sessions() as session:
        assert len(session.scalars(select(Job.id)).all()) == 3
