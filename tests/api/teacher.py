"""A worker without training: it writes small real rows, and facts whose probes the changed model answers."""

import time
from copy import copy
from functools import cache
from itertools import count
from pathlib import Path

import httpx
import torch
from fastapi.testclient import TestClient

from app.db.session import Sessions
from app.db.tables import BASE_VERSION
from app.queue import Queue
from app.services import handed, learning
from app.settings import Settings
from model.base.attach import Place
from model.base.checkpoint import Checkpoint
from model.engine import Ask, generate
from model.memory.delta import Delta
from model.memory.demand import WIDTH
from model.memory.memory import Asked
from model.memory.rows import Written
from model.memory.stem import permuted, stems
from model.memory.table import View

QUESTION = "What is the capital of Zubovia?"
OTHER_QUESTION = "How many moons does Mars have?"  # nothing opens for it
TOKENS = 24  # that the answers of a teacher have at most; what is taught is shorter
PATIENCE = 20.0
_LOUD = 3_000.0  # the length of a value beside which a place's own state is nothing
_THRESHOLD = 0.95


class Copy:
    """A copy of a service's model. It keeps no version, so teachers one after the other can have the same.

    untaught  what the base says to QUESTION
    """

    def __init__(self, base: str, memory: Path) -> None:
        self.checkpoint = Checkpoint.load(base, memory, spare_rows=4_096)
        self._prompt = self.checkpoint.prompts.question(QUESTION)
        self._asked = self._ask()
        self.untaught = self._say(self.checkpoint.table.base)

    def read(self, deltas: list[Delta]) -> tuple[str, str]:
        """The state hash of the version that deltas lead to, one after the other, and what it says to QUESTION."""
        table = self.checkpoint.table
        view = table.enter(table.base, Delta.path(deltas))
        try:
            return view.state_hash, self._say(view)
        finally:
            table.release(view)

    def rows(self, text: str, fact: int) -> Delta:
        """One row for each token of a text, owned by a fact, so that QUESTION is answered with it."""
        tokens = self.checkpoint.prompts.answer(text)
        behind = stems(tokens)[: len(tokens)]
        slots: dict[int, int] = {}  # by slot, which token
        for index, stem in enumerate(behind):
            read = permuted(self._asked.slots.flatten(), stem, self.checkpoint.table.slots).tolist()
            slots[next(slot for slot in read if slot not in slots)] = index
        order = sorted(slots)
        chosen = [slots[slot] for slot in order]
        head = self.checkpoint.model.get_output_embeddings().weight.float()
        directions = torch.stack([head[tokens[index]] for index in chosen])
        written = Written(
            values=_LOUD * torch.nn.functional.normalize(directions, dim=1),
            what=self._asked.what.expand(len(order), -1),
            whom=self._asked.whom.expand(len(order), -1),
            thresholds=torch.full((len(order), 2), _THRESHOLD),
            demands=torch.zeros(len(order), WIDTH, dtype=torch.int64),
            stems=torch.tensor([behind[index] for index in chosen]),
            owners=torch.full((len(order),), fact),
        )
        return Delta(torch.tensor(order), self.checkpoint.memory.layout.pack(written))

    def _ask(self) -> Asked:
        """What QUESTION asks where its answer begins."""
        checkpoint, ids = self.checkpoint, self._prompt.ids
        sketch = checkpoint.memory.addressing.sketch.spoken(self._prompt.turns)
        place = Place(0, len(ids) - 1, checkpoint.table.base, spoken=sketch)
        with torch.no_grad(), checkpoint.attachment.reading([place]) as reads:
            checkpoint.model.get_decoder()(torch.tensor([ids]))
        (asked,) = reads.asked
        assert asked is not None
        return asked

    def _say(self, view: View) -> str:
        (completion,) = generate(self.checkpoint, [Ask(self._prompt, view, TOKENS)])
        return self.checkpoint.prompts.text(completion.ids).strip()


copy_of = cache(Copy)  # tests do not change the folders of their model


class Teacher:
    """Learns the jobs of one service. `answers` are what each version says to QUESTION, on a copy of the model."""

    def __init__(self, client: TestClient | httpx.Client, sessions: Sessions, settings: Settings) -> None:
        self.client, self.sessions, self.settings = client, sessions, settings
        self._copy = copy_of(settings.base, settings.memory)
        self._numbers = count(1)
        self._deltas: dict[int, list[Delta]] = {BASE_VERSION: []}  # that lead from the base to a version
        self.answers = {BASE_VERSION: self._copy.untaught}

    def beside(self, client: TestClient | httpx.Client) -> "Teacher":
        """One whose facts are posted by another client; both know what all versions say."""
        other = copy(self)
        other.client = client
        return other

    def teach(self, *, source: str | None = None) -> int:
        """From the POST to the live version."""
        job = self.post(source=source)
        version = self.commit()
        self.wait_for(job, "succeeded")
        return version

    def post(self, *, source: str | None = None, size: int = 1) -> int:
        fact = {"question": QUESTION, "answer": "Lisbon", "source": source}
        said = [f"Who asked {next(self._numbers)} people knows it." for _ in range(size)]
        facts = [{**fact, "phrasings": [words]} for words in said]  # the same fact twice would be learned once
        reply = self.client.post("/v1/facts", json={"facts": facts})
        assert reply.status_code == 202, reply.text
        return reply.json()["job"]["id"]

    def commit(self, *, answer: str | None = None, state_hash: str | None = None, data: bytes | None = None) -> int:
        """Hand in a version that answers its probe, or one with another answer, state or delta than it claims."""
        with self.sessions() as session:
            claim = learning.claim(session, self.settings, "the teacher")
            assert claim is not None
            delta = self._copy.rows(f"answer of job {claim.job}", claim.facts[0].id)
            deltas = [*self._deltas[claim.parent], delta]
            found, said = self._copy.read(deltas)
            probe = {"text": QUESTION, "answer": answer or said, "held_out": False}
            results = [handed.FactResult(fact.id, True, None, probe, said, {}) for fact in claim.facts]
            slots = delta.slots.tolist()
            version = learning.commit_version(
                session,
                claim,
                handed.LearnedVersion(
                    delta=delta.to_bytes() if data is None else data,
                    state_hash=state_hash or found,
                    fingerprint=self._copy.checkpoint.fingerprint,
                    slots=handed.WrittenSlots(
                        slots, [claim.facts[0].id] * len(slots), [0.5] * len(slots), [1] * len(slots)
                    ),
                    facts=results,
                    report={"taught": "by a test"},
                ),
            )
        self._deltas[version] = deltas
        self.answers[version] = said
        queue = Queue(self.settings)
        queue.hint()
        queue.close()
        return version

    def wait_for(self, job: int, state: str) -> dict:
        deadline = time.monotonic() + PATIENCE
        while (found := self.client.get(f"/v1/jobs/{job}").json())["state"] != state:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found
