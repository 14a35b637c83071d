"""/v1/key: the key that a call is made with, for those who hold one and do not know what they may."""

from fastapi import APIRouter

from app.api.deps import Reader
from app.api.errors import KEYED
from app.api.keys import KeyOut
from app.db.tables import ApiKey

router = APIRouter(prefix="/v1/key", tags=["keys"], responses=KEYED)


@router.get("", response_model=KeyOut)
def get_own_key(key: Reader) -> ApiKey:
    """The key of this call: its name, its role, and limits of its own."""
    return key
