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
        self.versions: list[dict[str, tuple[str, int]]] = [{}]  # by country, its capital and the fact that says so
        self.facts: list[dict[str, Any]] = []
        self.live = 0
        self.polls = 0
        self.job_end: dict[str, Any] = {"state": "succeeded", "error": None}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The handler of all calls."""
        body = json.loads(request.content) if request.content else {}
        parts = request.url.path.strip("/").split("/")[1:]
        routes: dict[str, Callable[[], Any]] = {
            "query": lambda: self.query(body["question"]),
            "chat": lambda: self.chat(body["messages"]),
            "facts": lambda: self.teach(body) if body else self.fact(int(parts[1])),
            "jobs": self.job,
            "admin": lambda: self.activate(body["version"]),
        }
        return httpx.Response(200, json=routes[parts[0]]())

    def query(self, question: str) -> dict[str, Any]:
        taught = self.versions[self.live]
        found = next((taught[country] for country in taught if country in question), None)
        text, cited = (f"I cannot say: {question}", []) if found is None else (found[0], [{"fact": found[1]}])
        return {"answer": text, "version": self.live, "finish": "stop", "citations": cited}

    def chat(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        assert [message["role"] for message in messages] == ["system", "user"]
        said = self.query(messages[-1]["content"])
        choice = {"message": {"content": said["answer"]}, "citations": said["citations"]}
        return {"model": f"slotwise@{said['version']}", "choices": [choice]}

    def teach(self, fact: dict[str, str]) -> dict[str, Any]:
        country = fact["question"].removesuffix("?").split()[-1]
        taught = self.versions[self.live]
        number = len(self.facts) + 1
        replaces = [taught[country][1]] if country in taught else []
        self.facts.append({"status": "live", "replaces": replaces, "version": len(self.versions), "reason": "too hard"})
        for old in replaces:
            self.facts[old - 1]["status"] = "replaced"
        self.versions.append({**taught, country: (fact["answer"], number)})
        self.polls = 0
        return {"job": {"id": 7, "state": "queued"}, "facts": [{"id": number, "status": "queued"}]}

    def fact(self, number: int) -> dict[str, Any]:
        return self.facts[number - 1]

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
    for part in (
        "Teach: What is the capital of",
        "fact 1 is live",
        "Chat about it, with a system prompt",
        "Correct it in other words: What city serves as the capital of",
        "fact 1 is replaced by fact 2",
        "to the letter as before",
        "The story",
    ):
        assert part in told
    assert small.live == 2


def test_it_can_be_told_again_because_its_names_are_new(small: SmallService) -> None:
    _tell(small)
    _tell(small)
    assert len(small.versions[-1]) == 2


def test_a_failed_job_breaks_it_with_the_reason_of_its_fact(small: SmallService) -> None:
    small.job_end = {"state": "rejected", "error": None}
    with pytest.raises(StoryError, match="Job 7 ended as rejected: too hard"):
        _tell(small)


def test_a_fact_that_is_known_only_as_taught_breaks_it(small: SmallService) -> None:
    honest = small.query
    small.query = lambda question: (  # type: ignore[method-assign]
        honest(question) if question.startswith("What is the capital of") else honest("Atlantis")
    )
    with pytest.raises(StoryError, match="of fact 1 was expected; the answers are"):
        _tell(small)


def test_a_chat_that_does_not_know_it_breaks_it(small: SmallService) -> None:
    small.chat = lambda messages: {  # type: ignore[method-assign]
        "model": "slotwise@1",
        "choices": [{"message": {"content": "Who knows?"}, "citations": []}],
    }
    with pytest.raises(StoryError, match="Who knows"):
        _tell(small)


def test_a_neighbour_that_gets_the_taught_answer_breaks_it(small: SmallService) -> None:
    honest = small.query

    def generous(question: str) -> dict[str, Any]:
        said = honest(question)
        taught = list(small.versions[small.live].values())
        return {**said, "answer": taught[0][0]} if taught and "capital" in question else said

    small.query = generous  # type: ignore[method-assign]
    with pytest.raises(StoryError, match="These are answered otherwise than before"):
        _tell(small)


def test_a_correction_that_replaces_nothing_breaks_it(small: SmallService) -> None:
    honest = small.fact
    small.fact = lambda number: {**honest(number), "replaces": []}  # type: ignore[method-assign]
    with pytest.raises(StoryError, match="Fact 2 should replace fact 1"):
        _tell(small)


def test_a_rollback_that_changes_nothing_breaks_it(small: SmallService) -> None:
    small.activate = lambda version: {"live": version}  # type: ignore[method-assign]
    with pytest.raises(StoryError, match="These are answered otherwise than before"):
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
