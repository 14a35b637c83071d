"""/v1/admin/engines: the processes that serve the model."""

from fastapi import APIRouter

from app.api.deps import Operator, SessionDep, SettingsDep
from app.api.errors import KEYED
from app.api.schemas import EngineOut, Page
from app.services import engines
from app.services.engines import EngineView
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin/engines", tags=["engines"], responses=KEYED)


@router.get("", response_model=Page[EngineOut])
def list_engines(key: Operator, session: SessionDep, settings: SettingsDep) -> ServicePage[EngineView]:
    """Every engine heard of in the last day that has not stopped in order, the newest heartbeat first."""
    return ServicePage(engines.every(session, settings), None)
