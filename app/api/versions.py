"""/v1/admin: what the model has been, and which of that is live."""

from http import HTTPStatus

from fastapi import APIRouter, BackgroundTasks

from app.api.bodies import PathVersion, RollbackIn
from app.api.deps import Cursor, Limit, Operator, QueueDep, ServingDep, SessionDep
from app.api.errors import KEYED, problems
from app.api.schemas import ActivatedOut, Page, VersionDetail, VersionOut
from app.services import facts, versions
from app.services.audit import holder
from app.services.pages import Page as ServicePage
from app.services.versions import Activated, VersionView

router = APIRouter(prefix="/v1/admin", tags=["versions"], responses=KEYED)


@router.get("/versions", response_model=Page[VersionOut])
def list_versions(
    key: Operator, session: SessionDep, cursor: Cursor = None, limit: Limit = 50
) -> ServicePage[VersionView]:
    """Published versions, newest first: a tree, by `parent_id`."""
    return versions.page(session, key.namespace, cursor, limit)


@router.get("/versions/{version_id}", responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
def get_version(version_id: PathVersion, key: Operator, session: SessionDep) -> VersionDetail:
    """One version by its number or a name, with the report of its job and the facts that it taught."""
    version = versions.get(session, key.namespace, versions.resolve(session, key.namespace, version_id))
    return VersionDetail.of(version, facts.of_version(session, key.namespace, version.id))


@router.post("/rollback", response_model=ActivatedOut, responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
def roll_back(
    body: RollbackIn,
    key: Operator,
    session: SessionDep,
    serving: ServingDep,
    queue: QueueDep,
    background: BackgroundTasks,
) -> Activated:
    """Make a published version live. Whatever was live before answers no query that comes after the reply.

    The engine has its view first: a version that it has no room for is refused, and the old one serves on. Requests
    in flight finish on the version that they began with, unless `abort_in_flight` ends them with an error.
    """
    activated = serving.activate(
        session,
        key.namespace,
        body.version,
        reason=body.reason,
        actor=holder(key),
        expected_live=body.expected_live,
        abort_in_flight=body.abort_in_flight,
    )
    background.add_task(queue.hint)  # behind the reply: this engine has followed already, others answer by the head
    return activated
