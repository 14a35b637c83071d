"""The people of these tests: a caller who posts, a worker who trains, an engine that acknowledges.

Deltas are plain bytes here: no rule of the services looks into them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select, update

from app.db.session import Sessions
from app.db.tables import Activation, ApiKey, EngineRow, Fact, Head, Job, JobEvent, Version
from app.services import engines, facts, forgetting, handed, learning, publishing, submission, versions
from app.services.audit import Actor
from app.services.intake import NewFact
from app.settings import Settings

TESTER = Actor("tester")
FINGERPRINT = "f" * 64
BASE_STATE = "0" * 64
CAPITAL = NewFact(question="What is the capital of Zorvania?", answer="Melpek")
RIVER = NewFact(statement="The river Olm flows through Melpek.")
TookOver = Mapping[int, Sequence[int]]


@dataclass(frozen=True)
class Posted:
    """A job and its facts."""

    job: int
    facts: tuple[int, ...]


class Story:
    """One namespace from its first start on. Every step has a session of its own, as processes have."""

    def __init__(
        self,
        sessions: Sessions,
        settings: Settings,
        key: ApiKey,
        fingerprint: str = FINGERPRINT,
        base_state: str = BASE_STATE,
    ) -> None:
        self.sessions, self.settings, self.key, self.fingerprint = sessions, settings, key, fingerprint
        with sessions() as session:
            versions.bootstrap(session, fingerprint, base_state)

    def post(self, *new: NewFact) -> Posted:
        """Facts of the caller's, or one that nobody has posted yet."""
        fresh = NewFact(question=f"What is the capital of {self.count(Fact)}?", answer="Melpek")
        posted = self.submit(*new or (fresh,))
        return Posted(posted.job, tuple(fact.id for fact in posted.facts))

    def submit(
        self, *new: NewFact, key: ApiKey | None = None, idempotency_key: str | None = None, body: bytes = b""
    ) -> submission.Submitted:
        with self.sessions() as session:
            post = submission.Post(new, key or self.key, body, idempotency_key)
            return submission.submit(session, self.settings, post)

    def forget(self, named: int | str) -> submission.Submitted:
        """A fact by its number, or all of a source."""
        with self.sessions() as session:
            if isinstance(named, str):
                return forgetting.forget_source(session, self.settings, self.key, named)
            return forgetting.forget(session, self.key, named)

    def claim(self, owner: str = "worker") -> learning.Claim:
        with self.sessions() as session:
            claim = learning.claim(session, self.settings, owner)
        assert claim is not None
        return claim

    def nothing_to_claim(self) -> bool:
        with self.sessions() as session:
            return learning.claim(session, self.settings, "another worker") is None

    def train(self, claim: learning.Claim, failing: Sequence[int] = (), **rows: Any) -> int:
        with self.sessions() as session:
            return learning.commit_version(
                session, claim, learned(claim, failing, fingerprint=self.fingerprint, **rows)
            )

    def take_out(self, claim: learning.Claim, silenced: Sequence[int] = ()) -> int:
        """What a worker does that has forgotten the facts of a claim."""
        with self.sessions() as session:
            return learning.commit_forgotten(session, claim, forgotten(claim, silenced, self.fingerprint))

    def go_without(self, silenced: Sequence[int] = ()) -> int:
        """The next job, which forgets, from its claim to the live version."""
        version = self.take_out(self.claim(), silenced)
        self.acknowledge(version)
        assert self.publish(version).state == "published"
        return version

    def beat(self, engine: str = "engine") -> None:
        with self.sessions() as session:
            engines.beat(session, engines.Beat(engine, versions.head(session, self.key.namespace)))

    def acknowledge(
        self, version: int, engine: str = "engine", *, state: str | None = None, wrong: Sequence[int] = ()
    ) -> None:
        """Build a version as an engine does; it answers the probes, those of the facts in `wrong` wrongly."""
        self.beat(engine)
        with self.sessions() as session:
            probes = session.scalars(select(Fact.id).where(Fact.version_id == version))
            answers = [
                publishing.ProbeAnswer(fact, "nonsense" if fact in wrong else "Melpek", fact not in wrong)
                for fact in probes
            ]
            found = state or versions.live(session, version).state_hash
            publishing.acknowledge(session, engine, version, found, answers)

    def publish(self, version: int) -> publishing.Outcome:
        with self.sessions() as session:
            return publishing.publish(session, self.settings, version)

    def learn(self, *new: NewFact) -> int:
        """From the POST to the live version, without a hitch."""
        self.post(*new)
        return self.go_live()

    def go_live(self, **rows: Any) -> int:
        """The next job, from its claim to the live version."""
        version = self.train(self.claim(), **rows)
        self.acknowledge(version)
        assert self.publish(version).state == "published"
        return version

    def activate(self, target, **expected) -> versions.Activated:
        with self.sessions() as session:
            name = self.key.namespace
            return versions.activate(session, name, target, reason="a test", actor=TESTER, **expected)

    def sweep(self, *dead: str) -> list[int]:
        with self.sessions() as session:
            return learning.sweep(session, self.settings, lambda owner: owner in dead)

    def live(self) -> int:
        with self.sessions() as session:
            return versions.head(session, self.key.namespace).version

    def job(self, job_id: int) -> Job:
        with self.sessions() as session:
            return session.get_one(Job, job_id)

    def fact(self, fact_id: int) -> facts.FactView:
        with self.sessions() as session:
            return facts.get(session, self.key.namespace, fact_id)

    def statuses(self, *fact_ids: int) -> list[str]:
        return [self.fact(fact_id).status for fact_id in fact_ids]

    def version_state(self, version: int) -> str:
        with self.sessions() as session:
            return session.get_one(Version, version).state

    def events(self, job_id: int) -> list[str]:
        with self.sessions() as session:
            query = select(JobEvent.kind).where(JobEvent.job_id == job_id).order_by(JobEvent.id)
            return list(session.scalars(query))

    def activations(self) -> list[int]:
        with self.sessions() as session:
            return list(session.scalars(select(Activation.version_id).order_by(Activation.id)))

    def count(self, table: type) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def silence_worker(self) -> None:
        """Let as much time pass as ends a lease."""
        self._age(Head.lease_heartbeat, self.settings.lease_seconds)

    def silence_engine(self) -> None:
        """Let as much time pass as makes an engine count as dead."""
        self._age(EngineRow.heartbeat, self.settings.engine_fresh_seconds)

    def move_clock(self, seconds: float) -> None:
        """Put PostgreSQL's clock forward, or back: what was said before lies further in the past, or the future."""
        for said in (Head.lease_heartbeat, EngineRow.heartbeat, Job.created_at, JobEvent.created_at, Fact.created_at):
            self._shift(said, -seconds)

    def age_facts(self, seconds: float) -> None:
        """Let as much time pass since all facts were posted."""
        self._age(Fact.created_at, seconds)

    def age_events(self, seconds: float) -> None:
        """The same since all that has happened to jobs."""
        self._age(JobEvent.created_at, seconds)

    def _age(self, column, seconds: float) -> None:
        self._shift(column, -seconds - 1)

    def _shift(self, column, seconds: float) -> None:
        with self.sessions.begin() as session:
            session.execute(update(column.class_).values({column: column + timedelta(seconds=seconds)}))


def learned(
    claim: learning.Claim,
    failing: Sequence[int] = (),
    took_over: TookOver = MappingProxyType({}),
    silent: Collection[int] = (),
    fingerprint: str = FINGERPRINT,
) -> handed.LearnedVersion:
    """What a worker hands in that has learned all facts of a claim but those in `failing`.

    took_over  by fact, the earlier ones whose rows it took over
    silent     earlier facts whose probe is not answered any more
    """
    results = [
        handed.FactResult(
            fact=fact.id,
            learned=fact.id not in failing,
            reason="the model says 'Paris'" if fact.id in failing else None,
            probe={"text": "Zorvania's capital?", "answer": fact.answer or "Melpek", "held_out": True},
            probe_answer="Paris" if fact.id in failing else "Melpek",
            report={"steps": 3, "seconds": 1.5},
            took_over=tuple(took_over.get(fact.id, ())),
        )
        for fact in claim.facts
    ]
    taught = [result.fact for result in results if result.learned]
    return handed.LearnedVersion(
        delta=f"rows of job {claim.job} on {claim.parent}".encode(),
        state_hash=f"{claim.job:032x}{claim.epoch:032x}",
        fingerprint=fingerprint,
        slots=handed.WrittenSlots([7], taught[:1], [0.5], [3]) if taught else handed.WrittenSlots([], [], [], []),
        facts=results,
        report={"facts": {"learned": len(taught), "failed": len(failing)}},
        silent=frozenset(silent),
    )


def forgotten(
    claim: learning.Claim, silenced: Sequence[int] = (), fingerprint: str = FINGERPRINT
) -> forgetting.ForgottenVersion:
    """What a worker hands in that has forgotten the facts of a claim."""
    return forgetting.ForgottenVersion(
        delta=f"zeros of job {claim.job} on {claim.parent}".encode(),
        state_hash=f"{claim.job:032x}{claim.epoch:032x}",
        fingerprint=fingerprint,
        slots=3,
        facts=[fact.id for fact in claim.facts],
        silenced=silenced,
        report={"slots": 3, "silenced": list(silenced)},
    )
