"""Which facts a new one replaces: those whose rows it took over, unless they are told all the same.

The model finds them: their rows opened to the new fact's wordings. An earlier fact that gives the same answer is not
replaced as long as its own probe is still answered; what rides on its rows from then on shares its fate. Steps of the
service `learning`: they run inside the transaction of their caller, and do not commit.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import Fact, FactReplacement
from app.services.sameness import is_same_answer


@dataclass(frozen=True)
class Touched:
    """An earlier fact that lost rows, with its probe; the version may become live only knowing what it says to that."""

    fact: int
    text: str
    answer: str


def touched(session: Session, ids: Collection[int]) -> list[Touched]:
    """The facts of `ids` that have a probe, oldest first."""
    found = session.scalars(select(Fact).where(Fact.id.in_(ids)).order_by(Fact.id)) if ids else ()
    return [Touched(fact.id, fact.probe["text"], fact.probe["answer"]) for fact in found if fact.probe is not None]


def store(session: Session, fact_id: int, took_over: Collection[int], silent: Collection[int]) -> list[int]:
    """Note what a fact replaces that has its result already; returns these facts in ascending order.

    took_over  facts whose rows it took over
    silent     facts whose own probe the new version does not answer any more
    """
    if not took_over:
        return []
    new = session.get_one(Fact, fact_id, populate_existing=True)
    losers = sorted(with_riders(session, took_over).items())
    replaced = [number for number, fact in losers if number != fact_id and (number in silent or not _tells(new, fact))]
    for number in replaced:
        session.execute(insert(FactReplacement).values(fact_id=fact_id, replaced_id=number))
    return replaced


def forget(session: Session, ids: Select[int] | Iterable[int]) -> None:
    """Take back what facts replace that have not been published."""
    session.execute(delete(FactReplacement).where(FactReplacement.fact_id.in_(ids)))


def with_riders(session: Session, ids: Collection[int]) -> dict[int, Fact]:
    """Facts, and those that each of them took over because they gave the same answer: their rows are its own."""
    found: dict[int, Fact] = {}
    wanted = set(ids)
    while wanted:
        newly = session.scalars(select(Fact).where(Fact.id.in_(wanted))).all()
        found |= {fact.id: fact for fact in newly}
        replaced = select(FactReplacement.replaced_id).where(FactReplacement.fact_id.in_(wanted))
        riders = {number for fact in newly for number in (fact.report or {}).get("took_over", ())}
        wanted = riders - set(session.scalars(replaced)) - set(found)
    return found


def _tells(new: Fact, old: Fact) -> bool:
    """Whether a new fact says what an old one says."""
    answer = _answer(old)
    if is_same_answer(answer, _answer(new)):
        return True
    return new.answer is None and answer.casefold() in (new.statement or "").casefold()


def _answer(fact: Fact) -> str:
    return fact.answer or (fact.probe or {}).get("answer", "")
