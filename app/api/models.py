"""/v1/models, as OpenAI's clients call it: the live version, and every kept one."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from app.api.deps import Reader, SessionDep
from app.api.errors import openai_errors
from app.api.openai import NAME, model_name, version_of
from app.api.schemas import Outgoing, example
from app.services import kept
from app.services.kept import Kept

router = APIRouter(prefix="/v1/models", tags=["openai"], responses=openai_errors())


class ModelOut(Outgoing):
    """A model that can be asked: `slotwise` is whatever version is live."""

    model_config = example(id="slotwise@3", object="model", created=1795341600, owned_by="slotwise", version=3)

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970")
    owned_by: Literal["slotwise"] = "slotwise"
    version: int

    @classmethod
    def of(cls, version: Kept, name: str) -> "ModelOut":
        """A version under one of its names."""
        return cls(id=name, created=int(version.created_at.timestamp()), version=version.version)


class ModelsOut(Outgoing):
    """All of them: the live one by its plain name first, then every version, newest first."""

    model_config = example(
        object="list",
        data=[{"id": "slotwise", "object": "model", "created": 1795341600, "owned_by": "slotwise", "version": 3}],
    )

    object: Literal["list"] = "list"
    data: list[ModelOut]


@router.get("")
def list_models(key: Reader, session: SessionDep) -> ModelsOut:
    """What `model` can be in the calls that ask."""
    versions = kept.every(session, key.namespace)
    live = [ModelOut.of(version, NAME) for version in versions if version.is_live]
    return ModelsOut(data=[*live, *(ModelOut.of(version, model_name(version.version)) for version in versions)])


@router.get("/{model}", responses=openai_errors(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
def get_model(
    model: Annotated[str, Path(description="`slotwise`, `slotwise@3`, or `slotwise@` and a name")],
    key: Reader,
    session: SessionDep,
) -> ModelOut:
    """One model."""
    return ModelOut.of(kept.one(session, key.namespace, version_of(model)), model)
