"""/healthz and /readyz, without a key: is the process alive, and does it answer queries?"""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from app.api.deps import ServingDep
from app.api.errors import problems
from app.api.refusals import Refusal
from app.api.schemas import Health, Ready

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """The event loop turns. It says nothing of the model, lest a planned pause get the process killed."""
    return Health()


@router.get("/readyz", response_model=Ready, responses=problems(HTTPStatus.SERVICE_UNAVAILABLE))
def readyz(request: Request, serving: ServingDep) -> Ready | JSONResponse:
    """A token was generated just now, the database was heard of, and the engine follows the head."""
    state = serving.readiness()
    if not state.failing:
        return Ready.model_validate(state)
    detail = "; ".join(f"{part}: {reason}" for part, reason in state.failing.items())
    refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, "NotReady", more={"failing": state.failing})
    return refusal.reply(request.url.path)
