"""Who may do what: no key, an unknown one, and every role at every call."""

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.db.session import Sessions
from app.db.tables import AuditEntry, Job
from app.services import keys

# Every call by the lowest role that may make it; a role may make the calls of the lower ones, too.
ACCESS = {
    None: """
        GET     /healthz
        HEAD    /healthz
        GET     /readyz
        HEAD    /readyz
        GET     /openapi.json
        HEAD    /openapi.json
        GET     /docs
        GET     /docs/{name}
        GET     /console
        GET     /console/{name}
    """,
    "reader": """
        GET     /v1/facts
        GET     /v1/facts/{fact_id}
        GET     /v1/documents
        GET     /v1/documents/{document_id}
        GET     /v1/jobs
        GET     /v1/jobs/{job_id}
        GET     /v1/jobs/{job_id}/events
        POST    /v1/query
        POST    /v1/completions
        POST    /v1/chat/completions
        GET     /v1/models
        GET     /v1/models/{model}
        GET     /v1/key
        GET     /metrics
    """,
    "writer": """
        POST    /v1/facts
        POST    /v1/facts/import
        POST    /v1/documents
        POST    /v1/jobs/{job_id}/cancel
    """,
    "operator": """
        DELETE  /v1/facts
        DELETE  /v1/facts/{fact_id}
        DELETE  /v1/documents/{document_id}
        GET     /v1/admin/versions
        GET     /v1/admin/versions/{version_id}
        GET     /v1/admin/versions/{a}/diff/{b}
        GET     /v1/admin/versions/{a}/diff/{b}/slots
        GET     /v1/admin/slots
        GET     /v1/admin/slots/map
        GET     /v1/admin/slots/{slot}
        GET     /v1/admin/activations
        GET     /v1/admin/aliases
        PUT     /v1/admin/aliases/{name}
        DELETE  /v1/admin/aliases/{name}
        GET     /v1/admin/alias-changes
        POST    /v1/admin/pause
        POST    /v1/admin/resume
        GET     /v1/admin/pauses
        POST    /v1/admin/rollback
        GET     /v1/admin/engines
        POST    /v1/admin/verify
    """,
    "admin": """
        GET     /v1/admin/namespaces
        POST    /v1/admin/namespaces
        GET     /v1/admin/keys
        POST    /v1/admin/keys
        DELETE  /v1/admin/keys/{key_id}
        GET     /v1/admin/audit
        GET     /v1/admin/webhooks
        POST    /v1/admin/webhooks
        DELETE  /v1/admin/webhooks/{webhook_id}
        GET     /v1/admin/webhooks/{webhook_id}/deliveries
        POST    /v1/admin/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver
    """,
}
LOWEST = {(*line.split(),): role for role, lines in ACCESS.items() for line in lines.strip().splitlines()}
BODIES = {
    ("POST", "/v1/facts"): {"statement": "Olms are blind."},
    ("POST", "/v1/documents"): {"text": "Olms are blind."},
    ("POST", "/v1/query"): {"question": "What?", "max_tokens": 1},
    ("POST", "/v1/completions"): {"model": "slotwise", "prompt": "What?", "max_tokens": 1},
    ("POST", "/v1/chat/completions"): {
        "model": "slotwise",
        "messages": [{"role": "user", "content": "What?"}],
        "max_tokens": 1,
    },
    ("POST", "/v1/admin/rollback"): {"version": 0, "reason": "a test"},
    ("POST", "/v1/admin/pause"): {"reason": "a test"},
    ("POST", "/v1/admin/resume"): {"reason": "a test"},
    ("PUT", "/v1/admin/aliases/{name}"): {"version": 99, "reason": "a test"},
    ("POST", "/v1/admin/namespaces"): {"name": "another"},
    ("POST", "/v1/admin/keys"): {"name": "another", "role": "reader"},
    ("POST", "/v1/admin/webhooks"): {"url": "https://example.com/", "events": ["job.failed"]},
}


def test_every_route_has_its_role_and_no_lower_one_may_call_it(
    app: FastAPI, client: TestClient, key_of: dict[str, str], sessions: Sessions
):
    routes = {(method, route.path) for route in iter_route_contexts(app.routes) for method in route.methods or ()}
    assert routes == set(LOWEST)
    assert set(BODIES) <= routes
    del client.headers["Authorization"]
    for held in (None, *keys.ROLES):
        header = {"Authorization": f"Bearer {key_of[held]}"} if held else {}
        for (method, path), needed in LOWEST.items():
            of_nobody = re.sub(r"\{[^}]+\}", "999", path)
            reply = client.request(method, of_nobody, json=BODIES.get((method, path)), headers=header)
            told = (held, method, path, reply.status_code, reply.text)
            if needed is None or (held and keys.ROLES.index(held) >= keys.ROLES.index(needed)):
                assert reply.status_code in (200, 201, 202, 404, 415, 422), told  # 415: what is allowed, and no file
            elif held is None:
                assert reply.status_code == 401, told
                assert reply.headers["WWW-Authenticate"] == "Bearer"
                assert "there is no API key; send the header Authorization: Bearer sw_…" in reply.text
            else:
                assert reply.status_code == 403, told
                assert f"this needs the role {needed}; the key 'the {held}' has the role {held}" in reply.text
        if held in (None, "reader"):
            with sessions() as session:
                assert session.scalar(select(func.count()).select_from(Job)) == 0
    with sessions() as session:
        done = select(AuditEntry.actor, AuditEntry.action).where(AuditEntry.key_id.is_not(None))
        assert {tuple(row) for row in session.execute(done)} == {
            ("the writer", "facts.teach"),
            ("the writer", "documents.read"),
            ("the operator", "learning.pause"),
            ("the operator", "learning.resume"),
            ("the operator", "facts.verify"),
            ("the admin", "learning.pause"),
            ("the admin", "learning.resume"),
            ("the admin", "namespaces.create"),
            ("the admin", "keys.create"),
            ("the admin", "webhooks.create"),
        }


@pytest.mark.parametrize(
    "header", ["Basic eDp5", "Bearer", "Bearer sw_unknown", "Bearer ünknown", "Bearer " + "x" * 5_000]
)
def test_what_is_no_key_is_refused_with_a_problem_document(untaught: TestClient, header: str):
    reply = untaught.get("/v1/facts", headers={b"Authorization": header.encode("latin-1")})
    assert reply.status_code == 401
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json()["type"] == "urn:slotwise:key-rejected"
    assert reply.json()["detail"] in (
        "the API key is unknown or revoked",
        "there is no API key; send the header Authorization: Bearer sw_…",
    )
