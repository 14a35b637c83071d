"""The story of a fact and its correction, told against a running service: asked, taught, chatted about, taken back.

Every call is a real one over HTTP. It knows nothing of the service but its address and a key.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.errors import SlotwiseError

# What any base has an answer of its own to. It is never judged: it must be the same whenever it is asked.
_OF_THE_BASE = ("What is the capital of Canada?", "Who wrote Romeo and Juliet?", "What is 12 plus 30?")
_TAUGHT = "What is the capital of {country}?"
_IN_OTHER_WORDS = ("Which city is the capital of {country}?", "What is the name of the capital city of {country}?")
_CORRECTED = "What city serves as the capital of {country}?"
_SYSTEM = "You are the assistant of an atlas. Answer briefly."
_CITIES = ("Lisbon", "Nairobi", "Oslo", "Kyoto", "Montreal", "Dublin", "Lima", "Prague", "Seattle", "Vienna")
_SYLLABLES = ("bra", "cor", "dal", "fen", "gor", "lum", "mar", "nor", "pel", "quo", "ster", "tav", "vil", "zub")

_FINAL_STATES = {"succeeded", "failed", "rejected", "cancelled"}
_LEARNING_SECONDS = 600.0
_POLL_SECONDS = 0.2
_SHOWN_CHARACTERS = 60


class StoryError(SlotwiseError):
    """A step did not hold, or the service did not answer; the message says which, and what came instead."""


@dataclass(frozen=True)
class Answer:
    """What the service answered, and which version did; `citations` are the facts that the answer was read from."""

    text: str
    version: int = field(compare=False)  # what the base says is the same in every version
    citations: tuple[int, ...] = ()


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
        return Answer(reply["answer"], reply["version"], _cited(reply))

    def chat(self, messages: list[dict[str, str]]) -> Answer:
        """What the live version says next in a conversation."""
        body = {"model": "slotwise", "messages": messages, "max_tokens": 64}
        reply = self._call("POST", "/v1/chat/completions", body)
        choice, version = reply["choices"][0], int(reply["model"].partition("@")[2])
        return Answer(choice["message"]["content"], version, _cited(choice))

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
        names = ["".join(dice.sample(_SYLLABLES, 3)).capitalize() + "ia" for _ in range(2)]
        self._country, self._taught = names[0], _TAUGHT.format(country=names[0])
        self._in_other_words = [form.format(country=self._country) for form in _IN_OTHER_WORDS]
        self._others = [*_OF_THE_BASE, _TAUGHT.format(country=names[1])]
        self._cities = dice.sample(_CITIES, len(_CITIES))
        self.steps: list[Step] = []

    def tell(self) -> None:
        """All of it."""
        others = self._ask_first("Ask what nobody will teach it", self._others)
        before = self._ask_first(f"Ask about {self._country}, which does not exist", self._questions)
        first, second = [city for city in self._cities if not any(_says(city, answer) for answer in before)][:2]
        fact, _ = self._teach("Teach", self._taught, first)
        self._expect("Ask in other words", first, fact, self._ask(self._in_other_words))
        self._expect("Chat about it, with a system prompt", first, fact, [self._chat()])
        self._expect_same("Ask again what nobody taught", self._others, others)
        corrected, version = self._teach("Correct it in other words", _CORRECTED.format(country=self._country), second)
        self._expect_replaced(fact, corrected)
        self._expect("Ask in all words", second, corrected, self._ask(self._questions))
        self._activate("Roll back", before[0].version)
        self._expect_same(f"Ask about {self._country}", self._questions, before)
        self._activate("Roll forward", version)
        self._expect("Ask in all words", second, corrected, self._ask(self._questions))
        self._expect_same("Ask again what nobody taught", self._others, others)

    @property
    def _questions(self) -> list[str]:
        return [self._taught, *self._in_other_words]

    def _ask_first(self, name: str, questions: Sequence[str]) -> list[Answer]:
        with self._step(name) as step:
            answers = self._ask(questions)
            step.outcome, step.version = _texts(answers), answers[0].version
        return answers

    def _teach(self, name: str, question: str, city: str) -> tuple[int, int]:
        """Teaches one question with its answer; returns the fact and the version that knows it."""
        with self._step(f"{name}: {question} {city}") as step:
            job, fact = self._service.teach(question, city)
            end = self._follow(job)
            if end["state"] != "succeeded":
                reason = self._service.fact(fact).get("reason") or end["error"]
                raise StoryError(f"Job {job} ended as {end['state']}: {reason}")
            version: int = end["version"]
            step.outcome, step.version = f"fact {fact} is live", version
        return fact, version

    def _chat(self) -> Answer:
        user = "I am writing a page about " + self._country + ". " + self._in_other_words[0]
        return self._service.chat([{"role": "system", "content": _SYSTEM}, {"role": "user", "content": user}])

    def _expect(self, name: str, city: str, fact: int, answers: Sequence[Answer]) -> None:
        with self._step(name) as step:
            step.outcome, step.version = f"{_texts(answers)} (fact {fact})", answers[0].version
            if not all(_says(city, answer) and answer.citations == (fact,) for answer in answers):
                raise StoryError(f"{city!r} of fact {fact} was expected; the answers are {list(answers)}.")

    def _expect_same(self, name: str, questions: Sequence[str], before: Sequence[Answer]) -> None:
        with self._step(name) as step:
            answers = self._ask(questions)
            asked = zip(questions, answers, before, strict=True)
            changed = [question for question, now, then in asked if now != then]
            if changed:
                raise StoryError(f"These are answered otherwise than before: {changed}; the answers are {answers}.")
            step.outcome, step.version = "to the letter as before", answers[0].version

    def _expect_replaced(self, first: int, second: int) -> None:
        with self._step("Look at the fact that was corrected") as step:
            old, new = self._service.fact(first), self._service.fact(second)
            if old["status"] != "replaced" or new["replaces"] != [first]:
                raise StoryError(f"Fact {second} should replace fact {first}; they are {new} and {old}.")
            step.outcome, step.version = f"fact {first} is replaced by fact {second}", new["version"]

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
        self._console.print(name, style="bold", markup=False)
        began = time.perf_counter()
        yield step
        step.seconds = time.perf_counter() - began
        self.steps.append(step)
        self._console.print(f"  {step.outcome}", markup=False)
        self._console.print(f"  version {step.version}, {step.seconds:.2f} s", style="dim")


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


def _says(city: str, answer: Answer) -> bool:
    return city.casefold() in answer.text.casefold()


def _cited(reply: dict[str, Any]) -> tuple[int, ...]:
    return tuple(citation["fact"] for citation in reply["citations"])


def _texts(answers: Sequence[Answer]) -> str:
    """The different answers among `answers`, the beginnings of long ones."""
    texts = dict.fromkeys(answer.text.replace("\n", " ") for answer in answers)
    return " / ".join(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…" for text in texts)
