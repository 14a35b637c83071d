"""The text of facts that are forgotten is erased when it was kept for as long as the settings say.

Statement, question, answer, phrasings and probe go, what models said to it, and the hashes of all these, by which short
texts can be guessed: from facts, from reports, and from what engines acknowledged. Numbers, source and times stay.
Logs, events, kept replies, webhooks and the audit log never had the text. Rows of older versions still tell it.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import ARRAY, Select, Text, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.orm import Session

from app.db.among import among
from app.db.session import transaction
from app.db.tables import UNDECIDED, Acknowledgement, Fact, Forgetting, Job, Json, Version
from app.services import audit, facts
from app.services.audit import Actor
from app.settings import Settings

RETENTION = Actor("retention")
_TEXTS = (
    *("statement", "question", "answer", "probe", "probe_answer", "reason", "stale_said"),
    *("question_sha256", "answer_sha256"),
)
_TOLD = ("unread", "note")  # of a fact's report: parts of its statement


def erase_due(session: Session, settings: Settings) -> list[int]:
    """Erase facts that were forgotten long enough ago, and what was posted in the same words and is not live."""
    days = settings.forgotten_text_days
    if days is None:
        return []
    limit = datetime.now(UTC) - timedelta(days=days)
    with transaction(session):
        named = _forgotten_before(session, settings, limit)
        if not named:
            return []
        ids = _with_twins(session, settings.namespace, named)
        _erase(session, ids, datetime.now(UTC))
        told = ", ".join(map(str, ids[:10])) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
        audit.record(session, RETENTION, "facts.erase", f"fact {told}", f"forgotten {days:g} days ago")
        return ids


def _forgotten_before(session: Session, settings: Settings, limit: datetime) -> list[int]:
    """Facts that the live version has forgotten since before `limit`; who erases them at this moment keeps them."""
    own = (Fact.namespace == settings.namespace, Fact.erased_at.is_(None), Forgetting.gone)
    gone = select(Forgetting.fact_id).join(Fact, Fact.id == Forgetting.fact_id).join(Job, Job.id == Forgetting.job_id)
    gone = gone.join(Version, Version.id == Job.version_id).where(*own, Version.created_at <= limit)
    by = facts.forgotten_by(session, set(session.scalars(gone)))
    made = select(Job.id).join(Version, Version.id == Job.version_id).where(Version.created_at <= limit)
    old = set(session.scalars(made.where(among(Job.id, set(by.values())))))
    due = sorted(fact for fact, job in by.items() if job in old)[: settings.max_facts]
    free = select(Fact.id).where(among(Fact.id, due), Fact.erased_at.is_(None)).order_by(Fact.id)
    return list(session.scalars(free.with_for_update(skip_locked=True)))


def _with_twins(session: Session, namespace: str, ids: Collection[int]) -> list[int]:
    words = session.scalars(select(Fact.content_sha256).where(among(Fact.id, ids))).all()
    same = facts.with_status().where(Fact.namespace == namespace, among(Fact.content_sha256, set(words)))
    kept = ("live", *UNDECIDED)
    return sorted({*ids, *(row[0].id for row in session.execute(same) if row[1] not in kept)})


def _erase(session: Session, ids: Collection[int], at: datetime) -> None:
    mine = among(Fact.id, ids)
    versions = select(Fact.version_id).where(mine, Fact.version_id.is_not(None))
    for noted in session.scalars(select(Acknowledgement).where(Acknowledgement.version_id.in_(versions))):
        noted.answers = [one | {"text": None} if one["fact"] in ids else one for one in noted.answers]
    for table in (Job, Version):
        for row in session.scalars(select(table).where(table.id.in_(_reporting(table, ids)))):
            row.report = _without(row.report or {}, ids, at)
    blank: dict[str, object] = dict.fromkeys(_TEXTS)
    blank |= {"content_sha256": "", "phrasings": [], "erased_at": at}
    blank["report"] = Fact.report.op("-")(cast(list(_TOLD), ARRAY(Text)))
    session.execute(update(Fact).where(mine).values(blank))


def _reporting(table: type[Job] | type[Version], ids: Collection[int]) -> Select[int]:
    """Rows whose report has a list in which one of these facts is named."""
    path = cast(literal("$.*[*] ? (@.fact == $ids[*])"), JSONPATH)
    return select(table.id).where(func.jsonb_path_exists(table.report, path, cast({"ids": list(ids)}, JSONB)))


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
