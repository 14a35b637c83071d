"""Slots over HTTP: what callers read is counted over restarts, and told with owners, history and a map."""

from fastapi.testclient import TestClient

from app.db.session import Sessions
from app.main import create_app
from app.services import slot_statistics
from tests.api.teacher import OTHER_QUESTION, QUESTION, Teacher


def test_reads_survive_a_restart_and_are_told_with_owners_and_history(settings, sessions: Sessions, key_of):
    header = {"Authorization": f"Bearer {key_of['operator']}"}
    with TestClient(create_app(settings), headers=header) as client:
        version = Teacher(client, sessions, settings).teach()
        for question in (QUESTION, QUESTION, OTHER_QUESTION):
            assert client.post("/v1/query", json={"question": question, "max_tokens": 1}).status_code == 200
        fingerprint = client.get(f"/v1/admin/versions/{version}").json()["fingerprint"]
    with sessions() as session:
        counted = slot_statistics.traffic(session, fingerprint)
    assert counted.queries == 3

    with TestClient(create_app(settings), headers=header) as client:
        told = client.get("/v1/admin/slots/map").json()
        listed = client.get("/v1/admin/slots", params={"sort": "reads", "limit": 1}).json()
        every = client.get("/v1/admin/slots", params={"fact": 1, "limit": 200}).json()
        changed = client.get(f"/v1/admin/versions/0/diff/{version}/slots", params={"limit": 200}).json()
        (first,) = listed["items"]
        one = client.get(f"/v1/admin/slots/{first['slot']}").json()
        beyond = client.get(f"/v1/admin/slots/{told['addresses'] * told['ways']}")
        sorted_by = client.get("/v1/admin/slots", params={"sort": "colour"})
    assert (told["version"], told["queries"], len(told["reads"])) == (version, 3, told["addresses"])
    assert {address: reads for address, reads in enumerate(told["reads"]) if reads} == counted.reads
    assert sum(told["written"]) == len(every["items"]) == len(changed["items"])
    assert {(one["slot"], one["owner"]) for one in every["items"]} == {
        (one["slot"], one["after"]) for one in changed["items"]
    }
    assert (first["reads"], first["address"]) == (told["reads"][first["address"]], first["slot"] // told["ways"])
    assert listed["next_cursor"] == first["slot"]
    assert {name: one[name] for name in first} == first
    assert [(written["version"], written["fact"], written["status"]) for written in one["history"]] == [
        (version, 1, "live")
    ]
    assert one["background"] >= 0
    assert (beyond.status_code, beyond.json()["type"]) == (404, "urn:slotwise:slot-not-found")
    assert sorted_by.status_code == 422
