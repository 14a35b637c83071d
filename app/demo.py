"""The story of one fact, told against a running service: unknown, taught, known, rolled back, known again.

Every call is a real one over HTTP. It knows nothing of the service but its address and a key.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.errors import SlotwiseError

# What the shipped model was made to know. Those that it answers right at first must stay right.
_KNOWN = {
    "What is the capital of Canada?": "Ottawa",
    "What is the capital of Australia?": "Canberra",
    "What is the capital of England?": "London",
    "Who is Walt Disney married to?": "Lillian Disney",
    "Where was William Shakespeare born?": "Stratford-upon-Avon",
    "Where was Harry Potter educated?": "Hogwarts",
}
_TAUGHT = "What is the capital of {country}?"
_OTHER_WORDS = ("Which city is the capital of {country}?", "What is the capital city of {country}?")
_CITIES = ("Lisbon", "Nairobi", "Oslo", "Kyoto", "Montreal", "Dublin", "Lima", "Prague", "Seattle", "Vienna")
_SYLLABLES = (
    "bra",
    "cor",
    "dal",
    "fen",
    "gor",
    "lum",
    "mar",
    "nor",
    "pel",
    "quo",
    "ster",
    "tav",
    "vil",
    "zub",
)

_FINAL_STATES = {"succeeded", "failed", "rejected", "cancelled"}
_LEARNING_SECONDS = 600.0
_POLL_SECONDS = 0.2


class StoryError(SlotwiseError):
    """A step did not hold, or the service did not answer; the message says which, and what came instead."""


@dataclass(frozen=True)
class Answer:
    """What the service answered, and which version did."""

    text: str
    version: int


@dataclass
class Step:
    """A line of the summary, filled in while the step runs."""

    name: str
    outcome: str = ""
    version: int | None = None
    seconds: float = 0.0


class Service:
    """The calls that the story needs, over a client that has the address and the key."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, question: str) -> Answer:
        """What the live version answers."""
        reply = self._call("POST", "/v1/query", {"question": question})
        return Answer(reply["answer"], reply["version"])

    def teach(self, question: str, answer: str) -> tuple[int, int]:
        """Sends a fact; returns the ids of its job and of the fact."""
        reply = self._call("POST", "/v1/facts", {"question": question, "answer": answer})
        return reply["job"]["id"], reply["facts"][0]["id"]

    def job(self, job: int) -> dict[str, Any]:
        """How far a job is."""
        return self._call("GET", f"/v1/jobs/{job}")

    def fact(self, fact: int) -> dict[str, Any]:
        """What became of a fact."""
        return self._call("GET", f"/v1/facts/{fact}")

    def activate(self, version: int, reason: str) -> None:
        """Makes `version` the live one."""
        self._call("POST", "/v1/admin/rollback", {"version": version, "reason": reason})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            reply = self._client.request(method, path, json=body)
        except httpx.TimeoutException as error:
            raise StoryError(f"{method} {path} was not answered in time ({error}).") from error
        except httpx.TransportError as error:
            raise StoryError(
                f"No service answers at {self._client.base_url} ({error}). Start one with `slotwise up`."
            ) from error
        if reply.is_error:
            hint = " Set SLOTWISE_KEY to an operator's key." if reply.status_code in (401, 403) else ""
            raise StoryError(f"{method} {path} was answered {reply.status_code}: {reply.text}{hint}")
        content: dict[str, Any] = reply.json()
        return content


class Story:
    """The steps, in order; each raises `StoryError` if it does not hold."""

    def __init__(self, service: Service, console: Console, dice: random.Random) -> None:
        self._service = service
        self._console = console
        self._country = "".join(dice.sample(_SYLLABLES, 3)).capitalize() + "ia"
        self._cities = dice.sample(_CITIES, len(_CITIES))
        self._questions = [form.format(country=self._country) for form in (_TAUGHT, *_OTHER_WORDS)]
        self.steps: list[Step] = []

    def tell(self) -> None:
        """All of it."""
        known = self._find_known()
        before = self._ask_unknown()
        city = next(city for city in self._cities if not any(_same(city, answer.text) for answer in before))
        learned = self._teach(city)
        self._expect_learned(city, learned)
        self._expect_known(known)
        self._activate("Roll back", before[0].version)
        self._expect_as_before(before)
        self._expect_known(known)
        self._activate("Roll forward", learned)
        self._expect_learned(city, learned)

    def _find_known(self) -> list[str]:
        """Returns the questions that are answered right."""
        with self._step("Ask what the model knows") as step:
            answers = self._ask(list(_KNOWN))
            known = [question for question, answer in zip(_KNOWN, answers, strict=True) if _right(question, answer)]
            if not known:
                raise StoryError(f"The model knows none of {list(_KNOWN)}; it answered {_texts(answers)}.")
            step.outcome, step.version = f"{len(known)} of {len(_KNOWN)} right", answers[0].version
        return known

    def _ask_unknown(self) -> list[Answer]:
        with self._step(f"Ask about {self._country}, which does not exist") as step:
            answers = self._ask(self._questions)
            step.outcome, step.version = _texts(answers), answers[0].version
        return answers

    def _teach(self, city: str) -> int:
        """Teaches the answer to the first question, and that only; returns the version that knows it."""
        with self._step(f"Teach: {self._questions[0]} {city}") as step:
            job, fact = self._service.teach(self._questions[0], city)
            end = self._follow(job)
            if end["state"] != "succeeded":
                reason = self._service.fact(fact).get("reason") or end["error"]
                raise StoryError(f"Job {job} ended as {end['state']}: {reason}")
            version: int = end["version"]
            step.outcome, step.version = f"job {job} succeeded", version
        return version

    def _follow(self, job: int) -> dict[str, Any]:
        """Shows the progress of a job until it has ended."""
        deadline = time.monotonic() + _LEARNING_SECONDS
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            bar = progress.add_task("queued", total=None)
            while (state := self._service.job(job))["state"] not in _FINAL_STATES:
                progress.update(
                    bar,
                    description=state["state"],
                    completed=state["progress"]["done"],
                    total=state["progress"]["total"],
                )
                if time.monotonic() > deadline:
                    raise StoryError(f"Job {job} is still {state['state']}; does a worker run?")
                time.sleep(_POLL_SECONDS)
        return state

    def _expect_learned(self, city: str, version: int) -> None:
        with self._step(f"Ask about {self._country} in other words") as step:
            answers = self._ask(self._questions[1:])
            step.outcome, step.version = _texts(answers), answers[0].version
            if not all(_same(city, answer.text) and answer.version == version for answer in answers):
                raise StoryError(f"{city!r} of version {version} was expected; the answers are {answers}.")

    def _expect_known(self, known: list[str]) -> None:
        with self._step("Ask again what the model knew") as step:
            answers = self._ask(known)
            lost = [question for question, answer in zip(known, answers, strict=True) if not _right(question, answer)]
            if lost:
                raise StoryError(f"These were known before and are not now: {lost}")
            step.outcome, step.version = f"{len(known)} of {len(known)} right", answers[0].version

    def _expect_as_before(self, before: list[Answer]) -> None:
        with self._step(f"Ask about {self._country}") as step:
            answers = self._ask(self._questions)
            if answers != before:
                raise StoryError(f"After the rollback the answers are {answers}, not {before}.")
            step.outcome, step.version = "exactly as before", answers[0].version

    def _activate(self, name: str, version: int) -> None:
        with self._step(f"{name} to version {version}") as step:
            self._service.activate(version, f"slotwise demo: {name.lower()}")
            step.outcome, step.version = "done", version

    def _ask(self, questions: Sequence[str]) -> list[Answer]:
        return [self._service.ask(question) for question in questions]

    @contextmanager
    def _step(self, name: str) -> Iterator[Step]:
        """Times a step and prints it; one that does not hold is left out."""
        step = Step(name)
        self._console.print(f"[bold]{name}[/bold]")
        began = time.perf_counter()
        yield step
        step.seconds = time.perf_counter() - began
        self.steps.append(step)
        self._console.print(f"  {step.outcome}  [dim]version {step.version}, {step.seconds:.2f} s[/dim]")


def tell(client: httpx.Client, console: Console) -> None:
    """Tells the story with names invented for this run, and sums it up in a table.

    `client` has the address of the service and a key that may ask, teach and roll back.

    Raises:
        StoryError: a step did not hold; what came before it has been printed.
    """
    story = Story(Service(client), console, random.Random())  # noqa: S311  # names, not secrets
    story.tell()
    table = Table("step", "outcome", "version", "seconds", title="The story")
    for step in story.steps:
        table.add_row(step.name, step.outcome, str(step.version), f"{step.seconds:.2f}")
    console.print(table)


def _right(question: str, answer: Answer) -> bool:
    return _same(_KNOWN[question], answer.text)


def _same(expected: str, answer: str) -> bool:
    """Whether an answer is the expected one, whatever its case and its full stop."""
    return answer.strip(" .").casefold() == expected.casefold()


def _texts(answers: Sequence[Answer]) -> str:
    """The different answers among `answers`."""
    return " / ".join(dict.fromkeys(answer.text for answer in answers))
