"""The story of `slotwise demo`, told to a small service that keeps versions as dictionaries of answers."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from rich.console import Console

from app import demo
from app.demo import StoryError, tell


class SmallService:
    """Answers as the service does; a taught country is known under any question that names it."""

    def __init__(self) -> None:
        self.versions: list[dict[str, str]] = [{}]
        self.live = 0
        self.polls = 0
        self.job_end: dict[str, Any] = {"state": "succeeded", "error": None}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The handler of all calls."""
        body = json.loads(request.content) if request.content else {}
        parts = request.url.path.strip("/").split("/")[1:]
        routes: dict[str, Callable[[], Any]] = {
            "query": lambda: self.query(body["question"]),
            "facts": lambda: self.teach(body) if body else {"status": "failed", "reason": "too hard"},
            "jobs": self.job,
            "admin": lambda: self.activate(body["version"]),
        }
        return httpx.Response(200, json=routes[parts[0]]())

    def query(self, question: str) -> dict[str, Any]:
        known = {**demo._KNOWN, "": "Atlantis"}
        taught = self.versions[self.live]
        answer = next((taught[country] for country in taught if country in question), known.get(question, "Atlantis"))
        return {"answer": answer, "version": self.live}

    def teach(self, fact: dict[str, str]) -> dict[str, Any]:
        country = fact["question"].removesuffix("?").split()[-1]
        self.versions.append({**self.versions[self.live], country: fact["answer"]})
        return {"job": {"id": 7, "state": "queued"}, "facts": [{"id": 1, "status": "queued"}]}

    def job(self) -> dict[str, Any]:
        self.polls += 1
        progress = {"done": min(self.polls, 1), "total": 1}
        if self.polls < 3:
            return {"id": 7, "state": "running", "progress": progress, "version": None, "error": None}
        self.live = len(self.versions) - 1
        return {"id": 7, "progress": progress, "version": self.live, **self.job_end}

    def activate(self, version: int) -> dict[str, Any]:
        self.live = version
        return {"live": version}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> SmallService:
    monkeypatch.setattr(demo, "_POLL_SECONDS", 0.0)
    return SmallService()


def _tell(small: SmallService) -> str:
    console = Console(width=200, record=True)
    with httpx.Client(transport=httpx.MockTransport(small.answer), base_url="http://small") as client:
        tell(client, console)
    return console.export_text()


def test_a_story_that_holds_is_summed_up(small: SmallService) -> None:
    told = _tell(small)
    for part in ("6 of 6 right", "Teach: What is the capital of", "job 7 succeeded", "exactly as before", "The story"):
        assert part in told
    assert small.live == 1


def test_it_can_be_told_again_because_its_names_are_new(small: SmallService) -> None:
    _tell(small)
    small.polls = 0
    _tell(small)
    assert len(small.versions[-1]) == 2


def test_a_model_that_knows_nothing_breaks_it(small: SmallService) -> None:
    small.query = lambda question: {"answer": "?", "version": 0}  # type: ignore[method-assign]
    with pytest.raises(StoryError, match="knows none of"):
        _tell(small)


def test_a_failed_job_breaks_it_with_the_reason_of_its_fact(small: SmallService) -> None:
    small.job_end = {"state": "rejected", "error": None}
    with pytest.raises(StoryError, match="Job 7 ended as rejected: too hard"):
        _tell(small)


def test_a_fact_that_is_known_only_as_taught_breaks_it(small: SmallService) -> None:
    honest = small.query
    small.query = lambda question: (  # type: ignore[method-assign]
        honest(question) if question.startswith("What is the capital of") else honest("Atlantis")
    )
    with pytest.raises(StoryError, match="was expected; the answers are"):
        _tell(small)


def test_a_rollback_that_changes_nothing_breaks_it(small: SmallService) -> None:
    small.activate = lambda version: {"live": version}  # type: ignore[method-assign]
    with pytest.raises(StoryError, match="After the rollback the answers are"):
        _tell(small)


def test_a_forgotten_answer_breaks_it(small: SmallService) -> None:
    honest = small.query
    small.query = lambda question: (  # type: ignore[method-assign]
        {"answer": "Toronto", "version": 1} if small.live and "Canada" in question else honest(question)
    )
    with pytest.raises(StoryError, match=r"not now: \['What is the capital of Canada\?'\]"):
        _tell(small)


@pytest.mark.parametrize(
    ("status", "message"), [(401, "Set SLOTWISE_KEY"), (403, "Set SLOTWISE_KEY"), (503, "was answered 503: busy")]
)
def test_a_refusal_is_told_as_the_service_told_it(small: SmallService, status: int, message: str) -> None:
    small.answer = lambda request: httpx.Response(status, text="busy")  # type: ignore[method-assign]
    with pytest.raises(StoryError, match=message):
        _tell(small)


def test_a_service_that_is_not_there_is_a_sentence() -> None:
    broken = pytest.raises(StoryError, match=r"No service answers at http://127\.0\.0\.1:9.*slotwise up")
    with httpx.Client(base_url="http://127.0.0.1:9", trust_env=False) as client, broken:
        tell(client, Console(quiet=True))
