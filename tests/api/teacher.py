"""A worker without training: it writes small real rows, and facts whose probes the changed model answers."""

import time
from itertools import count

import torch
from fastapi.testclient import TestClient

from app.db.session import Sessions
from app.db.tables import BASE_VERSION
from app.queue import Queue
from app.services import learning
from app.settings import Settings
from model.base.attach import Place
from model.base.checkpoint import Checkpoint
from model.engine import Ask, generate
from model.memory.delta import Delta
from model.memory.memory import Asked
from model.memory.rows import NAMES, Written
from model.memory.stem import permuted, stems
from model.memory.table import View

QUESTION = "What is the capital of Zubovia?"
OTHER_QUESTION = "How many moons does Mars have?"  # nothing opens for it
TOKENS = 24  # that the answers of a teacher have at most; what is taught is shorter
PATIENCE = 20.0
_LOUD = 3_000.0  # the length of a value beside which a place's own state is nothing
_THRESHOLD = 0.95


class Teacher:
    """Learns the jobs of one service. `answers` are what each version says to QUESTION, on this copy of the model."""

    def __init__(self, client: TestClient, sessions: Sessions, settings: Settings) -> None:
        self.client, self.sessions, self.settings = client, sessions, settings
        self._checkpoint = Checkpoint.load(settings.base, settings.memory, spare_rows=4_096)
        self._prompt = self._checkpoint.prompts.question(QUESTION)
        self._asked = self._ask()
        self._numbers = count(1)
        self._views = {BASE_VERSION: self._checkpoint.table.base}
        self.answers = {BASE_VERSION: self._say(self._checkpoint.table.base)}

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
            probe = {"text": QUESTION, "answer": answer or said, "held_out": False}
            results = [learning.FactResult(fact.id, True, None, probe, said, {}) for fact in claim.facts]
            slots = delta.slots.tolist()
            version = learning.commit_version(
                session,
                claim,
                learning.LearnedVersion(
                    delta=delta.to_bytes() if data is None else data,
                    state_hash=state_hash or view.state_hash,
                    fingerprint=self._checkpoint.fingerprint,
                    slots=learning.WrittenSlots(
                        slots, [claim.facts[0].id] * len(slots), [0.5] * len(slots), [1] * len(slots)
                    ),
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
        """One row for each token of an answer that no other job has, owned by the first fact of the job."""
        tokens = self._checkpoint.prompts.answer(f"answer of job {claim.job}")
        behind = stems(tokens)[: len(tokens)]
        slots: dict[int, int] = {}  # by slot, which token
        for index, stem in enumerate(behind):
            read = permuted(self._asked.slots.flatten(), stem, self._checkpoint.table.slots).tolist()
            slots[next(slot for slot in read if slot not in slots)] = index
        order = sorted(slots)
        chosen = [slots[slot] for slot in order]
        head = self._checkpoint.model.get_output_embeddings().weight.float()
        directions = torch.stack([head[tokens[index]] for index in chosen])
        written = Written(
            values=_LOUD * torch.nn.functional.normalize(directions, dim=1),
            what=self._asked.what.expand(len(order), -1),
            whom=self._asked.whom.expand(len(order), -1),
            thresholds=torch.full((len(order), 2), _THRESHOLD),
            names=torch.zeros(len(order), NAMES, dtype=torch.int64),
            stems=torch.tensor([behind[index] for index in chosen]),
            owners=torch.full((len(order),), claim.facts[0].id),
        )
        return Delta(torch.tensor(order), self._checkpoint.memory.layout.pack(written))

    def _ask(self) -> Asked:
        """What QUESTION asks where its answer begins."""
        checkpoint, ids = self._checkpoint, self._prompt.ids
        sketch = checkpoint.memory.addressing.sketch.spoken(self._prompt.turns)
        place = Place(0, len(ids) - 1, checkpoint.table.base, spoken=sketch)
        with torch.no_grad(), checkpoint.attachment.reading([place]) as reads:
            checkpoint.model.get_decoder()(torch.tensor([ids]))
        (asked,) = reads.asked
        assert asked is not None
        return asked

    def _say(self, view: View) -> str:
        (completion,) = generate(self._checkpoint, [Ask(self._prompt, view, TOKENS)])
        return self._checkpoint.prompts.text(completion.ids).strip()
