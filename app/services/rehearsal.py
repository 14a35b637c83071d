"""What a POST of facts would come to, without the model and without a trace: nothing is stored, nobody is rung for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from app.db.among import among
from app.db.tables import UNDECIDED, Fact
from app.services import facts, intake
from app.services.intake import NewFact
from app.services.sameness import Identity, identity
from app.services.sorting import Sorted, sort
from app.services.submission import OVERRULED
from app.settings import Settings
from model.errors import CannotBeAsked
from model.facts import Fact as Taught
from model.learn.wording import study

_Rivals = dict[str | None, list[tuple[int, str | None]]]
Verdict = Literal["new", "duplicate", "overruled", "unaskable"]
_TWICE = "a later fact of the same call says the same"


@dataclass(frozen=True)
class Foreseen:
    """What would become of a fact.

    verdict       «unaskable»: a job would be made of it and fail, because nothing tells what is asked
    duplicate_of  the fact that says the same and is live or on its way
    replaces      facts that are live or on their way, were posted with the same question and have another answer; the
                  model finds more
    questions     it would be taught by, without those that another model writes
    unread        parts of the statement that none of them teaches
    reason        why it would not be learned
    """

    verdict: Verdict
    duplicate_of: int | None = None
    replaces: tuple[int, ...] = ()
    questions: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    reason: str | None = None


def rehearse(session: Session, settings: Settings, namespace: str, new: Sequence[NewFact]) -> list[Foreseen]:
    """What would become of each fact, in the order sent. Raises InvalidInput, as `submit` does."""
    intake.check(new, settings)
    identities = [identity(fact) for fact in new]
    sorted_out = sort(session, namespace, identities)
    rivals = _rivals(session, namespace, [identities[index] for index in sorted_out.learned])
    return [_foreseen(index, new[index], one, sorted_out, rivals) for index, one in enumerate(identities)]


def _foreseen(
    index: int,
    fact: NewFact,
    one: Identity,
    sorted_out: Sorted,
    rivals: _Rivals,
) -> Foreseen:
    known = sorted_out.known.get(one.content)
    if known is not None:
        return Foreseen("duplicate", duplicate_of=known.id)
    if index not in sorted_out.new:
        return Foreseen("duplicate", reason=_TWICE)
    if index in sorted_out.overruled:
        return Foreseen("overruled", reason=OVERRULED)
    try:
        found = study(Taught(0, fact.statement, fact.question, fact.answer, fact.phrasings))
    except CannotBeAsked as error:
        return Foreseen("unaskable", reason=str(error))
    replaces = tuple(number for number, answer in rivals.get(one.question, ()) if answer != one.answer)
    questions = tuple(question for exchange in found.exchanges for question in exchange.questions)
    return Foreseen("new", replaces=replaces, questions=questions, unread=found.unread)


def _rivals(session: Session, namespace: str, identities: Sequence[Identity]) -> _Rivals:
    """By question, the facts that are live or on their way and were posted with it, with their answers."""
    asked = {one.question for one in identities if one.question is not None}
    query = facts.with_status(namespace).where(among(Fact.question_sha256, asked))
    found: _Rivals = {}
    for row in session.execute(query.order_by(Fact.id)):
        fact, status = row[0], row[1]
        if status == "live" or status in UNDECIDED:
            found.setdefault(fact.question_sha256, []).append((fact.id, fact.answer_sha256))
    return found
