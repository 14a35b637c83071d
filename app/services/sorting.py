"""Facts of a call, held against each other and against those that are known: which are new. It stores nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.among import among
from app.db.tables import UNDECIDED, Fact
from app.services import facts
from app.services.facts import FactView
from app.services.sameness import Identity


@dataclass(frozen=True)
class Sorted:
    """The facts of a call, by their place in it and by what they say.

    new        those that nobody has posted; of facts that say the same, the last
    overruled  those whose question a later one answers otherwise
    known      by content, earlier facts that say the same and are live or on their way
    """

    new: list[int]
    overruled: set[int]
    known: Mapping[str, FactView]

    @property
    def learned(self) -> list[int]:
        """Those that a job will teach."""
        return [index for index in self.new if index not in self.overruled]


def sort(session: Session, namespace: str, identities: Sequence[Identity]) -> Sorted:
    """Which facts of a call are new."""
    last_of = {one.content: index for index, one in enumerate(identities)}
    overruled = _overruled(identities)
    settled = {identities[index].question for index in overruled}
    known = _known(session, namespace, [one for one in identities if one.question not in settled])
    new = [index for index in sorted(last_of.values()) if identities[index].content not in known]
    return Sorted(new, overruled, known)


def _overruled(identities: Sequence[Identity]) -> set[int]:
    """The facts of a call whose question a later one answers otherwise."""
    last = {one.question: one for one in identities}
    return {index for index, one in enumerate(identities) if last[one.question].contradicts(one)}


def _known(session: Session, namespace: str, identities: Sequence[Identity]) -> Mapping[str, FactView]:
    """By content, the newest facts that are live or on their way; nothing on its way contradicts or forgets them."""
    wanted = {one.content: one for one in identities}
    same = facts.with_status(namespace).where(among(Fact.content_sha256, wanted))
    found = {}
    for row in session.execute(same.order_by(Fact.id)):
        if row[1] == "live" or row[1] in UNDECIDED:
            found[row[0].content_sha256] = facts.view(row)
    leaving = facts.leaving(session, [view.id for view in found.values()])
    found = {content: view for content, view in found.items() if view.id not in leaving}
    questions = [wanted[content].question for content in found if wanted[content].question]
    coming = select(Fact.question_sha256, Fact.answer_sha256).where(Fact.state.in_(UNDECIDED))
    coming = coming.where(Fact.namespace == namespace, among(Fact.question_sha256, questions))
    answers: dict[str | None, set[str | None]] = {}
    for question, answer in session.execute(coming):
        answers.setdefault(question, set()).add(answer)
    return {
        content: view
        for content, view in found.items()
        if answers.get(wanted[content].question, set()) <= {wanted[content].answer}
    }
