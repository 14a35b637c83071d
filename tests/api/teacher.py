"""A worker without training: it makes small real deltas, and facts whose probes the changed model answers."""

import time
from itertools import count

import torch
from fastapi.testclient import TestClient

from app.db.session import Sessions
from app.db.tables import BASE_VERSION
from app.queue import Queue
from app.services import learning
from app.settings import Settings
from model.checkpoint import Checkpoint
from model.delta import Delta
from model.evaluate import complete

QUESTION = "What is the capital of Zubovia?"
PATIENCE = 20.0


class Teacher:
    """Learns the jobs of one service. `answers` are what each version says to QUESTION, on this copy of the model."""

    def __init__(self, client: TestClient, sessions: Sessions, settings: Settings) -> None:
        self.client, self.sessions, self.settings = client, sessions, settings
        self._checkpoint = Checkpoint.load(settings.checkpoint)
        self._numbers = count(1)
        self._views = {BASE_VERSION: self._checkpoint.table.base}
        self.answers = {BASE_VERSION: self._answer(BASE_VERSION)}

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
            delta = self._delta(claim)
            view = self._checkpoint.table.enter(self._views[claim.parent], delta)
            said = self._say(view)
            probe = {"kind": "question", "text": QUESTION, "answer": answer or said}
            results = [learning.FactResult(fact.id, True, None, probe, said, {}) for fact in claim.facts]
            version = learning.commit_version(
                session,
                claim,
                learning.LearnedVersion(
                    delta=delta.to_bytes() if data is None else data,
                    state_hash=state_hash or view.state_hash,
                    fingerprint=self._checkpoint.fingerprint,
                    slots=learning.WrittenSlots(slots := delta.slots.tolist(), [0.5] * len(slots), [1] * len(slots)),
                    facts=results,
                    report={"taught": "by a test"},
                ),
            )
        self._views[version] = view
        self.answers[version] = said
        queue = Queue(self.settings)
        queue.hint()
        queue.close()
        return version

    def wait_for(self, job: int, state: str) -> dict:
        deadline = time.monotonic() + PATIENCE
        while (found := self.client.get(f"/v1/jobs/{job}").json())["state"] != state:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found

    def _delta(self, claim: learning.Claim) -> Delta:
        """Every row anew, at random: only so is a random model sure to say something else."""
        table = self._checkpoint.table
        slots = torch.arange(0, table.slots, 2)
        before = table.read(self._views[claim.parent], slots)
        noise = torch.randn(before.shape, generator=torch.Generator().manual_seed(claim.job))
        return Delta(slots, (3 * noise).to(before.dtype))

    def _answer(self, version: int) -> str:
        return self._say(self._views[version])

    def _say(self, view) -> str:
        return complete(self._checkpoint, [self._checkpoint.question_prompt(QUESTION)], view, 32)[0]
