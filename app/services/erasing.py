"""The text of facts that are forgotten is erased when it was kept for as long as the settings say.

Statement, question, answer, phrasings and probe go, what models said to it, and the hashes of all these, by which short
texts can be guessed: from facts, from reports, and from what engines acknowledged. Numbers, source and times stay.
Logs, events, kept replies, webhooks and the audit log never had the text. Rows of older versions still tell it.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.among import among
from app.db.session import transaction
from app.db.tables import UNDECIDED, Acknowledgement, Fact, Forgetting, Job, Json, Version
from app.services import audit, facts, versions
from app.services.audit import Actor
from app.settings import Settings

RETENTION = Actor("retention")
_TEXTS = (
    *("statement", "question", "answer", "probe", "probe_answer", "reason", "stale_said"),
    *("question_sha256", "answer_sha256"),
)
_ANSWERS, _REPORTS = "$[*] ? (@.fact == $ids[*])", "$.*[*] ? (@.fact == $ids[*])"  # a list; lists by name
_TOLD = ("unread", "note")  # of a fact's report: parts of its statement


def erase_due(session: Session, settings: Settings) -> list[int]:
    """Erase facts that were forgotten long enough ago, and what was posted in the same words and is not live."""
    days = settings.forgotten_text_days
    if days is None:
        return []
    limit = datetime.now(UTC) - timedelta(days=days)
    with transaction(session):
        namespaces = session.scalars(_gone(limit).with_only_columns(Fact.namespace).distinct()).all()
    return [fact for namespace in namespaces for fact in _erase_in(session, settings, namespace, limit)]


def _erase_in(session: Session, settings: Settings, namespace: str, limit: datetime) -> list[int]:
    with transaction(session):
        named = _forgotten_before(session, settings, namespace, limit)
        if not named:
            return []
        ids = _with_twins(session, namespace, named)
        _erase(session, ids, datetime.now(UTC))
        told = ", ".join(map(str, ids[:10])) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
        audit.record(
            session, RETENTION, "facts.erase", f"fact {told}", f"forgotten {settings.forgotten_text_days:g} days ago"
        )
        return ids


def _forgotten_before(session: Session, settings: Settings, namespace: str, limit: datetime) -> list[int]:
    """Facts that the live version has forgotten since before `limit`; who erases them at this moment keeps them."""
    long_gone = set(session.scalars(_gone(limit).where(Fact.namespace == namespace)))
    if not long_gone:
        return []
    versions.locked_head(session, namespace)  # what it is forgotten by stays live until this is committed
    by = facts.forgotten_by(session, namespace, long_gone)
    made = select(Job.id).join(Version, Version.id == Job.version_id).where(Version.created_at <= limit)
    old = set(session.scalars(made.where(among(Job.id, set(by.values())))))
    due = sorted(fact for fact, job in by.items() if job in old)[: settings.max_facts]
    free = select(Fact.id).where(among(Fact.id, due), Fact.erased_at.is_(None)).order_by(Fact.id)
    return list(session.scalars(free.with_for_update(skip_locked=True)))


def _gone(limit: datetime) -> Select[int]:
    """Facts that a version forgot which was made before `limit`, whichever is live."""
    gone = select(Forgetting.fact_id).join(Fact, Fact.id == Forgetting.fact_id).join(Job, Job.id == Forgetting.job_id)
    gone = gone.join(Version, Version.id == Job.version_id)
    return gone.where(Fact.erased_at.is_(None), Forgetting.gone, Version.created_at <= limit)


def _with_twins(session: Session, namespace: str, ids: Collection[int]) -> list[int]:
    words = session.scalars(select(Fact.content_sha256).where(among(Fact.id, ids))).all()
    same = facts.with_status(namespace).where(among(Fact.content_sha256, set(words)))
    kept = ("live", *UNDECIDED)
    return sorted({*ids, *(row[0].id for row in session.execute(same) if row[1] not in kept)})


def _erase(session: Session, ids: Collection[int], at: datetime) -> None:
    mine = among(Fact.id, ids)
    for noted in session.scalars(select(Acknowledgement).where(_names(Acknowledgement.answers, _ANSWERS, ids))):
        noted.answers = [one | {"text": None} if one["fact"] in ids else one for one in noted.answers]
    for job in session.scalars(select(Job).where(_names(Job.report, _REPORTS, ids))):
        own = update(Job).where(Job.id == job.id)  # nothing has happened to the job
        session.execute(own.values(report=_without(job.report or {}, ids, at), updated_at=Job.updated_at))
    told = select(Version.id, Version.report).where(_names(Version.report, _REPORTS, ids))  # without their rows
    for number, report in session.execute(told).all():
        session.execute(update(Version).where(Version.id == number).values(report=_without(report or {}, ids, at)))
    blank: dict[str, object] = dict.fromkeys(_TEXTS)
    blank |= {"content_sha256": "", "phrasings": [], "erased_at": at}
    blank["report"] = Fact.report.op("-")(cast(list(_TOLD), ARRAY(Text)))
    session.execute(update(Fact).where(mine).values(blank))


def _names(told: InstrumentedAttribute[Any], path: str, ids: Collection[int]) -> ColumnElement[bool]:
    """Whether what stands at a path names one of these facts."""
    return func.jsonb_path_exists(told, cast(literal(path), JSONPATH), cast({"ids": list(ids)}, JSONB))


def _without(report: Json, ids: Collection[int], at: datetime) -> Json:
    """The report, in which nothing is said of these facts but when it was erased."""
    return {
        name: [_erased(one, ids, at) for one in told] if isinstance(told, list) else told
        for name, told in report.items()
    }


def _erased(one: object, ids: Collection[int], at: datetime) -> object:
    if isinstance(one, Mapping) and "said" in one and one.get("fact") in ids:
        return {**one, "said": None, "erased": at.isoformat()}
    return one
