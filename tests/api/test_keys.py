"""Keys, their limits and the audit log over HTTP; the service is the one to which nothing is taught."""

import httpx
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI, RateLimitError

from app.db.session import Sessions
from app.services import audit
from tests.api.running import Running


@pytest.fixture
def admin(untaught: TestClient, redis_url: str) -> TestClient:
    """An admin's client; nothing is counted yet, for whatever key had this number in another database."""
    return untaught


def made(admin: TestClient, **fields: object) -> dict:
    reply = admin.post("/v1/admin/keys", json={"name": "a test", "role": "reader", **fields})
    assert reply.status_code == 201, reply.text
    return reply.json()


def holding(key: dict) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['key']}"}


def test_a_key_is_made_shown_once_used_listed_and_revoked(admin: TestClient):
    key = made(admin, name="the assistant", facts_per_day=5)
    assert key["key"].startswith("sw_")
    assert admin.get("/v1/jobs", headers=holding(key)).status_code == 200
    newest, before = admin.get("/v1/admin/keys", params={"limit": 2}).json()["items"]
    assert set(newest) == set(key) - {"key"}
    assert newest.pop("last_used_at") is not None
    assert newest == {name: value for name, value in key.items() if name not in ("key", "last_used_at")}
    assert newest["id"] > before["id"]
    revoked = admin.delete(f"/v1/admin/keys/{key['id']}")
    assert (revoked.status_code, revoked.json()["revoked_at"] is not None) == (200, True)
    assert admin.get("/v1/jobs", headers=holding(key)).status_code == 401
    page = admin.get("/v1/admin/keys", params={"limit": 1}).json()
    assert (page["items"], page["next_cursor"]) == ([revoked.json()], key["id"])
    assert admin.delete(f"/v1/admin/keys/{key['id']}").json() == revoked.json()
    assert admin.delete("/v1/admin/keys/999").json()["detail"] == "there is no key 999"


def test_the_last_admin_key_is_not_revoked(admin: TestClient):
    (last,) = (key for key in admin.get("/v1/admin/keys").json()["items"] if key["role"] == "admin")
    reply = admin.delete(f"/v1/admin/keys/{last['id']}")
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:slotwise:last-admin-key")
    assert reply.json()["detail"] == f"key {last['id']} is the last admin key; make another before it is revoked"
    assert admin.get("/v1/admin/keys").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"role": "king"}, "role"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"facts_per_day": 10**10}, "facts_per_day"),
        ({"facts_per_year": 1}, "facts_per_year"),
    ],
)
def test_what_no_key_can_be_is_refused_by_its_field(admin: TestClient, wrong: dict, field: str):
    reply = admin.post("/v1/admin/keys", json={"name": "a test", "role": "reader", **wrong})
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith(f"{field}: ")


def test_beyond_its_requests_a_key_is_told_which_limit_and_when(admin: TestClient, untaught_service: Running):
    key = made(admin, requests_per_minute=3)
    for _ in range(2):
        assert admin.get("/v1/jobs", headers=holding(key)).status_code == 200
    with httpx.Client(base_url=untaught_service.url, headers=holding(key)) as another_process:
        assert another_process.get("/v1/jobs").status_code == 200
        replies = [client.get("/v1/jobs", headers=holding(key)) for client in (admin, another_process)]
    for reply in replies:
        assert (reply.status_code, reply.json()["type"]) == (429, "urn:slotwise:limit-reached")
        assert reply.headers["Content-Type"] == "application/problem+json"
        seconds = reply.headers["Retry-After"]
        assert 50 <= int(seconds) <= 60
        told = f"requests_per_minute: this key may send 3 requests a minute; 1 more in {seconds} s"
        assert reply.json()["detail"] == told
    assert admin.get("/v1/jobs").status_code == 200
    with (
        OpenAI(base_url=f"{untaught_service.url}/v1", api_key=key["key"], max_retries=0) as client,
        pytest.raises(RateLimitError) as refused,
    ):
        client.models.list()
    assert (refused.value.code, refused.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert 50 <= int(refused.value.response.headers["Retry-After"]) <= 60


def test_beyond_its_facts_nothing_is_stored(admin: TestClient):
    key = made(admin, role="writer", facts_per_day=1)
    two = {"facts": [{"statement": "Olms are blind."}, {"statement": "Olms are pale."}]}
    reply = admin.post("/v1/facts", json=two, headers=holding(key))
    assert reply.status_code == 422
    assert reply.json()["detail"] == "facts_per_day: 2 facts; this key may send 1 a day"
    assert admin.post("/v1/facts", json={"statement": "?"}, headers=holding(key)).status_code == 422  # it counts, too
    reply = admin.post("/v1/facts", json={"statement": "Olms are blind."}, headers=holding(key))
    assert reply.status_code == 429
    assert reply.json()["detail"].startswith("facts_per_day: this key may send 1 facts a day; 1 more in ")
    assert admin.get("/v1/facts").json()["items"] == []


def test_the_audit_log_tells_who_did_what_and_holds(admin: TestClient, untaught_sessions: Sessions):
    key = made(admin, name="audited")
    admin.delete(f"/v1/admin/keys/{key['id']}")
    page = admin.get("/v1/admin/audit", params={"limit": 2}).json()
    told = [(row["actor"], row["action"], row["subject"], row["reason"]) for row in page["items"]]
    assert told == [
        ("the admin", action, f"key {key['id']}, reader: audited", None) for action in ("keys.revoke", "keys.create")
    ]
    assert page["next_cursor"] == page["items"][-1]["id"]
    by_hand = admin.get("/v1/admin/audit", params={"actor": "command line", "action": "keys.create"}).json()["items"]
    assert [row["subject"] for row in by_hand] == [
        f"key {number}, {role}: the {role}"
        for number, role in reversed([*enumerate(("reader", "writer", "operator", "admin"), 1)])
    ]
    assert {row["key"] for row in by_hand} == {None}
    with untaught_sessions() as session:
        assert audit.verify(session).hash == page["items"][0]["hash"]
