"""The calls for API keys and namespaces, as values; `calls` has all others. They need the key of an admin."""

from app.client.calls import Call, Sent
from app.client.given import given
from app.client.results import ApiKey, Namespace, NewApiKey, Page

_PATH = "/v1/admin/keys"
_NAMESPACES = "/v1/admin/namespaces"


def create_key(
    name: str,
    role: str,
    *,
    namespace: str | None = None,
    requests_per_minute: int | None = None,
    facts_per_day: int | None = None,
) -> Call[NewApiKey]:
    """Make a key, whose text is in the result and can never be read again. It is sent once: sent twice it makes two.

    namespace  whose facts it may ask and teach; that of the calling key without it
    requests_per_minute, facts_per_day  limits of its own, instead of the service's
    Raises BadRequest for a role that there is not, NotFound for a namespace that there is not.
    """
    limits = {"requests_per_minute": requests_per_minute, "facts_per_day": facts_per_day}
    body = {"name": name, "role": role, **given(namespace=namespace), **limits}
    return Call(Sent("POST", _PATH, body, repeatable=False), NewApiKey.model_validate)


def keys(*, cursor: int | None = None, limit: int | None = None) -> Call[Page[ApiKey]]:
    """Keys, newest first, with those that are revoked."""
    return Call(Sent("GET", _PATH, params=given(cursor=cursor, limit=limit)), Page[ApiKey].model_validate)


def revoke_key(key_id: int) -> Call[ApiKey]:
    """Revoke a key; twice is once. Raises NotFound, and Conflict for the last admin key."""
    return Call(Sent("DELETE", f"{_PATH}/{key_id}"), ApiKey.model_validate)


def create_namespace(name: str, reason: str | None = None) -> Call[Namespace]:
    """Make a namespace, which begins at the base. Raises BadRequest for what is no name, Conflict where it is there."""
    return Call(Sent("POST", _NAMESPACES, {"name": name, "reason": reason}, repeatable=False), Namespace.model_validate)


def namespaces(*, cursor: int | None = None, limit: int | None = None) -> Call[Page[Namespace]]:
    """Namespaces that the key sees, newest first: its own, and with one of `main` all."""
    return Call(Sent("GET", _NAMESPACES, params=given(cursor=cursor, limit=limit)), Page[Namespace].model_validate)
