"""What a learner makes of an endpoint that words facts."""

from app.services.intake import NewFact
from tests.test_phrasing import Endpoint, endpoint
from worker.learner import Learner

__all__ = ["endpoint"]  # the same fixture here


def test_the_fact_tells_why_it_was_taught_in_no_other_words(endpoint: Endpoint, story, checkpoint, queue):
    endpoint.reply = lambda: (500, b"")
    settings = story.settings.model_copy(
        update={"phrasing_url": endpoint.url, "phrasing_model": "a-model", "phrasing_timeout_seconds": 5.0}
    )
    learner = Learner(checkpoint, story.sessions, queue, settings)
    posted = story.post(NewFact(question="What is the capital of Zorvania?", answer="ok"))
    learner.run()
    fact = story.fact(posted.facts[0])
    assert "answered 500" in fact.report["note"]
    assert story.job(posted.job).state == "verifying"
