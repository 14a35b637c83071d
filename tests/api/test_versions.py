"""The versions and their tree, and moving the head on it."""

from fastapi.testclient import TestClient
from sqlalchemy import select

from app.db.session import Sessions
from app.db.tables import Activation
from tests.api.teacher import Teacher


def roll(client: TestClient, version: int | str, **more: object) -> dict:
    reply = client.post("/v1/admin/rollback", json={"version": version, "reason": "a test", **more})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_versions_are_listed_newest_first_with_their_counts(client: TestClient, teacher: Teacher):
    first, second = teacher.teach(), teacher.teach()
    page = client.get("/v1/admin/versions").json()
    assert page["next_cursor"] is None
    for version in page["items"]:
        assert version.pop("created_at")
    slots = {version: len(answer) + 1 for version, answer in teacher.answers.items()}  # a row a letter, and the end
    shown = {"kind": "learn", "state": "published", "facts": 1}
    assert page["items"] == [
        {"id": second, "parent_id": first, **shown, "live": True, "slots": slots[second]},
        {"id": first, "parent_id": 0, **shown, "live": False, "slots": slots[first]},
        {"id": 0, "parent_id": None, "kind": "base", "state": "published", "live": False, "facts": 0, "slots": 0},
    ]
    newest = client.get("/v1/admin/versions", params={"limit": 1}).json()
    rest = client.get("/v1/admin/versions", params={"cursor": newest["next_cursor"]}).json()
    assert [version["id"] for version in newest["items"] + rest["items"]] == [second, first, 0]


def test_a_version_shows_how_it_came_about(client: TestClient, teacher: Teacher):
    version = teacher.teach(source="atlas")
    detail = client.get(f"/v1/admin/versions/{version}").json()
    assert detail["report"] == {"taught": "by a test", "replaced": []}
    assert len(detail["state_hash"]) == 64
    assert [fact["source"] for fact in detail["fact_list"]] == ["atlas"]
    base = client.get("/v1/admin/versions/0").json()
    assert (base["report"], base["fact_list"], base["live"]) == (None, [], False)


def test_the_head_goes_back_and_forth_and_every_move_is_written_down(
    client: TestClient, teacher: Teacher, sessions: Sessions
):
    first, second = teacher.teach(), teacher.teach()
    assert roll(client, "previous") == {"live": first, "previous": second}
    assert roll(client, "previous", expected_live=first) == {"live": 0, "previous": first}
    assert roll(client, second) == {"live": second, "previous": 0}
    with sessions() as session:
        moves = session.execute(select(Activation.version_id, Activation.actor).order_by(Activation.id)).all()
    assert moves[-3:] == [(first, "the admin"), (0, "the admin"), (second, "the admin")]


def test_a_rollback_that_comes_too_late_is_refused(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    body = {"version": 0, "reason": "a test", "expected_live": 0}
    reply = client.post("/v1/admin/rollback", json=body)
    assert reply.status_code == 409
    assert reply.json()["detail"] == f"version {version} is live, not 0"
    assert client.get(f"/v1/admin/versions/{version}").json()["live"]


def test_a_rollback_to_the_live_version_changes_nothing(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    assert roll(client, version) == {"live": version, "previous": version}


def test_what_is_taught_after_a_rollback_is_a_branch(client: TestClient, teacher: Teacher):
    first = teacher.teach()
    roll(client, 0)
    branch = teacher.teach()
    parents = {item["id"]: item["parent_id"] for item in client.get("/v1/admin/versions").json()["items"]}
    assert parents == {branch: 0, first: 0, 0: None}
