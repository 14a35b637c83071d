"""The calls for API keys, as values; `calls` has all others. They need the key of an admin."""

from app.client.calls import Call, Sent
from app.client.results import ApiKey, NewApiKey, Page

_PATH = "/v1/admin/keys"


def create_key(
    name: str, role: str, *, requests_per_minute: int | None = None, facts_per_day: int | None = None
) -> Call[NewApiKey]:
    """Make a key, whose text is in the result and can never be read again. It is sent once: sent twice it makes two.

    requests_per_minute, facts_per_day  limits of its own, instead of the service's
    Raises BadRequest for a role that there is not.
    """
    limits = {"requests_per_minute": requests_per_minute, "facts_per_day": facts_per_day}
    body = {"name": name, "role": role, **limits}
    return Call(Sent("POST", _PATH, body, repeatable=False), NewApiKey.model_validate)


def keys(*, cursor: int | None = None, limit: int | None = None) -> Call[Page[ApiKey]]:
    """Keys, newest first, with those that are revoked."""
    asked = {"cursor": cursor, "limit": limit}
    params = {name: value for name, value in asked.items() if value is not None}
    return Call(Sent("GET", _PATH, params=params), Page[ApiKey].model_validate)


def revoke_key(key_id: int) -> Call[ApiKey]:
    """Revoke a key; twice is once. Raises NotFound, and Conflict for the last admin key."""
    return Call(Sent("DELETE", f"{_PATH}/{key_id}"), ApiKey.model_validate)
