"""/v1/admin/versions/{a}/diff/{b}: what two versions tell otherwise, and what both say to the same questions."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from app.api.asking import ask_of, question_prompt
from app.api.bodies import PathVersion, Sampled, Text
from app.api.citations import cited
from app.api.deps import Cursor, Limit, Operator, ServingDep, SessionDep, SettingsDep
from app.api.errors import KEYED, problems
from app.api.query import AnswerOut
from app.api.schemas import Outgoing, Page, example
from app.api.streams import cancelled_when_gone
from app.db.tables import ApiKey
from app.errors import InvalidInput
from app.services import diffs, slots
from app.services.diffs import Diff
from app.services.facts import FactStatus
from app.services.pages import Page as ServicePage
from app.services.slots import SlotChange
from app.settings import Settings

if TYPE_CHECKING:
    from app.serving import Ask, Serving

MAX_QUESTIONS = 8
_TOKENS = 64  # of an answer, as /v1/query has them where nothing is said

router = APIRouter(prefix="/v1/admin/versions", tags=["versions"], responses=KEYED)


class StepOut(Outgoing):
    """A version on the way, and the bytes of its delta."""

    version: int
    bytes: int


class ToldOut(Outgoing):
    """A fact that one of the two versions tells."""

    id: int
    statement: str | None
    question: str | None
    answer: str | None
    source: str | None
    version: int = Field(description="the one that taught it")
    status: FactStatus = Field(description="what it is now, whatever the two versions tell")
    slots: int = Field(description="that it wrote")


class ReplacedOut(Outgoing):
    """What stands in the place of a fact: one of them replaces the other, or both a third."""

    before: ToldOut = Field(description="as `a` tells it")
    after: ToldOut = Field(description="as `b` tells it")


class SaidOut(Outgoing):
    """What both versions say to a question."""

    question: str
    same: bool = Field(description="whether the answers are the same text")
    a: AnswerOut
    b: AnswerOut


class DiffOut(Outgoing):
    """What changes from version `a` to version `b`."""

    model_config = example(
        a=2,
        b=4,
        ancestor=1,
        back=[{"version": 2, "bytes": 8704}],
        forward=[{"version": 4, "bytes": 5216}],
        bytes=13920,
        slots=8,
        added=[],
        removed=[],
        replaced=[],
        answers=[],
    )

    a: int
    b: int
    ancestor: int = Field(description="the newest version that both come from")
    back: list[StepOut] = Field(description="from `a` to the ancestor, newest first: what is taken back")
    forward: list[StepOut] = Field(description="from the ancestor to `b`, oldest first: what is added")
    bytes: int = Field(description="of all deltas on the way")
    slots: int = Field(description="written by a version on the way, or for a fact that one of the two alone tells")
    added: list[ToldOut] = Field(description="told in `b` and not in `a`")
    removed: list[ToldOut] = Field(description="told in `a` and not in `b`")
    replaced: list[ReplacedOut]
    answers: list[SaidOut] = Field(description="to the questions of `ask`")


@dataclass(frozen=True)
class _Compared:
    """A diff, and what is asked of both of its versions; nothing where there is no question."""

    diff: Diff
    questions: list[str]
    asks: "tuple[Ask, ...]"


def _compared(
    a: PathVersion,
    b: PathVersion,
    key: Operator,
    session: SessionDep,
    serving: ServingDep,
    settings: SettingsDep,
    ask: Annotated[list[Text], Query(description="up to 8 questions, which both versions answer")] = [],  # noqa: B006  # FastAPI copies it
) -> _Compared:
    if len(ask) > MAX_QUESTIONS:
        raise InvalidInput(f"ask: {len(ask):,} questions; at most {MAX_QUESTIONS} are allowed")
    diff = diffs.diff(session, key.namespace, a, b)
    session.close()  # answers take a while, and others need the connection
    return _Compared(diff, ask, _asks(ask, diff, key, serving, settings) if ask else ())


def _asks(questions: list[str], diff: Diff, key: ApiKey, serving: "Serving", settings: Settings) -> "tuple[Ask, ...]":
    prompts = [
        question_prompt(f"ask[{index}]", question, serving, settings) for index, question in enumerate(questions)
    ]
    tokens = min(_TOKENS, settings.max_tokens)
    plainly = Sampled()
    return tuple(
        ask_of(plainly, prompts, key=key, settings=settings, version=version, max_tokens=tokens, logprobs=None)
        for version in (diff.a, diff.b)
    )


@router.get(
    "/{a}/diff/{b}",
    response_model_exclude_unset=True,
    responses=problems(
        HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.GATEWAY_TIMEOUT
    ),
)
async def diff_versions(
    compared: Annotated[_Compared, Depends(_compared)], request: Request, serving: ServingDep
) -> DiffOut:
    """Which facts are told in one published version and not in the other, and what that took.

    Both answer the questions of `ask` in one batch, with the most probable token every time.
    """
    answers = await _answers(compared, request, serving) if compared.asks else []
    return DiffOut.model_validate({**vars(compared.diff), "answers": answers})


class SlotChangeOut(Outgoing):
    """A slot whose row is another fact's."""

    model_config = example(slot=181204, before=4, after=12)

    slot: int
    before: int | None = Field(description="the fact that owns it in `a`; null where it holds the row of zeros")
    after: int | None = Field(description="the same in `b`")


@router.get(
    "/{a}/diff/{b}/slots",
    response_model=Page[SlotChangeOut],
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def diff_slots(
    a: PathVersion,
    b: PathVersion,
    key: Operator,
    session: SessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ServicePage[SlotChange]:
    """Every slot that differs between two published versions, the highest number first, with its owner in either."""
    return slots.between(session, key.namespace, a, b, cursor, limit)


async def _answers(compared: _Compared, request: Request, serving: "Serving") -> list[SaidOut]:
    async with AsyncExitStack() as stack:
        feeds = []
        for ask in compared.asks:  # each is admitted at once where its view is there, so both run together
            feeds.append(await serving.ask(ask))
            await stack.enter_async_context(cancelled_when_gone(feeds[-1], request.receive))
        both = await asyncio.gather(*(feed.answers() for feed in feeds))
    left, right = [[AnswerOut.of(one) for one in await cited(serving, answers)] for answers in both]
    return [
        SaidOut(question=question, same=a.answer == b.answer, a=a, b=b)
        for question, a, b in zip(compared.questions, left, right, strict=True)
    ]
