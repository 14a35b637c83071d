"""/v1/admin/slots: who owns the slots of the memory, who wrote them, and what callers' questions read."""

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.bodies import Id
from app.api.deps import Cursor, Limit, Operator, PathId, ServingDep, SessionDep
from app.api.errors import KEYED, problems
from app.api.schemas import Outgoing, Page, example
from app.db.tables import VersionKind
from app.services import keys, slots
from app.services.facts import FactStatus
from app.services.pages import Page as ServicePage
from app.services.slots import Layout, SlotOrder, SlotView

if TYPE_CHECKING:
    from app.serving import Serving

router = APIRouter(prefix="/v1/admin/slots", tags=["slots"], responses=KEYED)
MAX_ADDRESS = 1 << 28  # sub-keys of either half are 2^14 at most

_READS = "questions of callers that read its address, where their answers began"


class SlotOut(Outgoing):
    """A slot that a published version has written."""

    model_config = example(slot=181204, address=2831, owner=12, writes=2, facts=2, reads=140)

    slot: int
    address: int
    owner: int | None = Field(description="the fact whose row it holds in the live version; null: the row of zeros")
    writes: int = Field(description="versions that have written it")
    facts: int = Field(description="facts that have had it, one behind the other")
    reads: int = Field(description=_READS)


class SlotWriteOut(Outgoing):
    """A version that wrote the slot, and for whom."""

    version: int
    kind: VersionKind
    created_at: datetime
    fact: int | None
    status: FactStatus | None = Field(description="of the fact, now")
    question: str | None
    statement: str | None
    answer: str | None
    score: float | None = Field(description="by TF-IDF when it was chosen; null where the version was imported")
    access_count: float | None = Field(description="how much the fact's question reads its address; null likewise")


class SlotDetail(SlotOut):
    """A slot and its history."""

    background: int = Field(description="background queries that read its address: what TF-IDF begins with")
    history: list[SlotWriteOut] = Field(description="the newest first, 100 at most")


class SlotMapOut(Outgoing):
    """Every address of the memory, in order."""

    model_config = example(
        version=3,
        addresses=4,
        ways=64,
        queries=140,
        since="2026-11-22T10:00:00Z",
        counted_at="2026-11-22T18:00:00Z",
        reads=[0, 12, 140, 3],
        written=[1, 0, 2, 0],
        facts=[1, 0, 2, 0],
    )

    version: int = Field(description="the live one, of which `written` and `facts` tell")
    addresses: int
    ways: int = Field(description="slots of an address: slot = address · ways + way")
    queries: int = Field(description="questions of callers that were counted")
    since: datetime | None = Field(description="the first of them; null where there is none")
    counted_at: datetime | None = Field(description="the last batch of them")
    reads: list[int] = Field(description="by address, how many of the questions read it")
    written: list[int] = Field(description="by address, how many of its slots hold a row")
    facts: list[int] = Field(description="by address, of how many facts these rows are; above 1 they collide")


@router.get("", response_model=Page[SlotOut])
def list_slots(
    key: Operator,
    session: SessionDep,
    serving: ServingDep,
    sort: Annotated[SlotOrder, Query(description="what the first has most of; `slot`: by number")] = "slot",
    fact: Annotated[Id | None, Query(description="slots that were written for this fact")] = None,
    address: Annotated[int | None, Query(ge=0, le=MAX_ADDRESS, description="slots of this address")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ServicePage[SlotView]:
    """Slots that published versions have written. Reads go on while pages are turned: a slot may be seen twice."""
    keys.require_main(key)
    layout = _layout(serving)
    return slots.page(
        session, key.namespace, layout, order=sort, cursor=cursor, limit=limit, fact=fact, address=address
    )


@router.get("/map")
def map_slots(key: Operator, session: SessionDep, serving: ServingDep) -> SlotMapOut:
    """All addresses at once, for a picture: how often each is read, and how full it is in the live version."""
    keys.require_main(key)
    layout = _layout(serving)
    found = slots.every_address(session, key.namespace, layout)
    return SlotMapOut(
        **{name: getattr(found, name) for name in ("version", "reads", "written", "facts")},
        addresses=layout.addresses,
        ways=layout.ways,
        queries=found.counted.queries,
        since=found.counted.since,
        counted_at=found.counted.counted_at,
    )


@router.get("/{slot}", responses=problems(HTTPStatus.NOT_FOUND))
def get_slot(
    slot: PathId,
    key: Operator,
    session: SessionDep,
    serving: ServingDep,
) -> SlotDetail:
    """One slot, also one that nobody has written: its live owner, its reads, and every version that wrote it."""
    keys.require_main(key)
    found = slots.get(session, key.namespace, _layout(serving), slot)
    frequency = serving.engine.checkpoint.memory.addressing.background.document_frequency
    background = int(frequency[found.slot.address])
    return SlotDetail.model_validate({**vars(found.slot), "background": background, "history": found.history})


def _layout(serving: "Serving") -> Layout:
    checkpoint = serving.engine.checkpoint
    config = checkpoint.memory.addressing.config
    return Layout(checkpoint.fingerprint, config.addresses, config.ways)
