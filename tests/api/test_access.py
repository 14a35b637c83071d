"""Who may do what: no key, an unknown one, and every role at every call."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from app.db.session import Sessions
from app.db.tables import ApiKey, Fact, Job
from app.services import keys

CALLS = [
    ("reader", "GET", "/v1/facts", None),
    ("reader", "GET", "/v1/facts/1", None),
    ("reader", "GET", "/v1/jobs/1", None),
    ("reader", "POST", "/v1/query", {"question": "What?", "max_tokens": 1}),
    ("writer", "POST", "/v1/facts", {"statement": "Olms are blind."}),
    ("reader", "GET", "/v1/jobs/999/events", None),
    ("writer", "POST", "/v1/facts/import", None),
    ("writer", "POST", "/v1/jobs/999/cancel", None),
    ("operator", "DELETE", "/v1/facts/999", None),
    ("operator", "DELETE", "/v1/facts?source=nowhere", None),
    ("operator", "GET", "/v1/admin/versions", None),
    ("operator", "GET", "/v1/admin/versions/0", None),
    ("operator", "POST", "/v1/admin/pause", {"reason": "a test"}),
    ("operator", "POST", "/v1/admin/resume", {"reason": "a test"}),
    ("operator", "GET", "/v1/admin/pauses", None),
    ("operator", "POST", "/v1/admin/rollback", {"version": 0, "reason": "a test"}),
]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}])
def test_without_a_key_every_call_is_refused(untaught: TestClient, untaught_sessions: Sessions, header):
    del untaught.headers["Authorization"]
    for _, method, path, body in CALLS:
        reply = untaught.request(method, path, json=body, headers=header)
        assert reply.status_code == 401, path
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.json()["detail"] == "there is no API key; send the header Authorization: Bearer sw_…"
    with untaught_sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0


@pytest.mark.parametrize("plain", ["sw_unknown", "ünknown", "x" * 5_000])
def test_an_unknown_key_is_refused(untaught: TestClient, plain):
    header = f"Bearer {plain}".encode("latin-1")
    reply = untaught.get("/v1/facts", headers={b"Authorization": header})
    assert reply.status_code == 401
    assert reply.json()["detail"] == "the API key is unknown or revoked"
    assert reply.json()["type"] == "urn:slotwise:key-rejected"


def test_a_revoked_key_is_refused_at_once(client: TestClient, sessions: Sessions):
    assert client.get("/v1/facts").status_code == 200
    with sessions.begin() as session:
        session.execute(update(ApiKey).values(revoked_at=func.now()))
    assert client.get("/v1/facts").status_code == 401


def test_every_role_may_do_what_it_is_for_and_nothing_above(client: TestClient, key_of, sessions: Sessions):
    for role, plain in key_of.items():
        client.headers["Authorization"] = f"Bearer {plain}"
        for needed, method, path, body in CALLS:
            # of two equal facts the second is the first; where it comes from tells them apart
            reply = client.request(method, path, json=body | {"source": role} if body and path == "/v1/facts" else body)
            if keys.ROLES.index(role) < keys.ROLES.index(needed):
                assert reply.status_code == 403, (role, path)
                assert reply.json()["detail"] == (
                    f"this needs the role {needed}; the key 'the {role}' has the role {role}"
                )
            else:
                # 415: what is allowed, and no file
                assert reply.status_code in (200, 202, 404, 415), (role, path, reply.text)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Fact)) == 3  # the reader stored none


def test_health_and_the_description_of_the_api_need_no_key(untaught: TestClient):
    del untaught.headers["Authorization"]
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        assert untaught.get(path).status_code == 200
