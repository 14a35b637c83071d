"""Names of versions, the history of the head and differences of versions, over HTTP."""

import pytest
from fastapi.testclient import TestClient

from tests.api.teacher import OTHER_QUESTION, QUESTION, TOKENS, Teacher
from tests.api.test_bad_input import refused
from tests.api.test_versions import roll

ALIASES = "/v1/admin/aliases"
ACTIVATIONS = "/v1/admin/activations"


def put(client: TestClient, name: str, version: int | str) -> dict:
    reply = client.put(f"{ALIASES}/{name}", json={"version": version, "reason": "a test"})
    assert reply.status_code == 200, reply.text
    return reply.json()


def asked(client: TestClient, version: int | str) -> tuple[int, str]:
    reply = client.post("/v1/query", json={"question": QUESTION, "version": version, "max_tokens": TOKENS})
    assert reply.status_code == 200, reply.text
    return reply.json()["version"], reply.json()["answer"].strip()


def test_a_name_stands_wherever_a_version_is_named(client: TestClient, teacher: Teacher):
    first, second = teacher.teach(), teacher.teach()
    alias = put(client, "blessed", first)
    assert alias.pop("updated_at")
    assert alias == {"name": "blessed", "version": first, "reason": "a test", "actor": "the admin"}
    for name, meant in (("blessed", first), ("previous", first), ("live", second)):
        assert asked(client, name) == (meant, teacher.answers[meant])
        assert client.get(f"/v1/admin/versions/{name}").json()["id"] == meant
        assert client.get(f"/v1/models/slotwise@{name}").json()["version"] == meant
        body = {"model": f"slotwise@{name}", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": TOKENS}
        reply = client.post("/v1/chat/completions", json=body).json()
        assert (reply["model"], reply["choices"][0]["message"]["content"]) == (
            f"slotwise@{meant}",
            teacher.answers[meant],
        )
    assert roll(client, "blessed") == {"live": first, "previous": second}
    listed = client.get(ALIASES).json()
    assert (listed["live"], listed["previous"], listed["next_cursor"]) == (first, 0, None)
    assert [(one["name"], one["version"]) for one in listed["items"]] == [("blessed", first)]
    assert client.delete(f"{ALIASES}/blessed", params={"reason": "done"}).status_code == 204
    assert refused(client.get("/v1/admin/versions/blessed"), 404) == "no version is called 'blessed'"
    changes = client.get("/v1/admin/alias-changes", params={"name": "blessed"}).json()["items"]
    assert [(one["previous"], one["version"], one["reason"]) for one in changes] == [
        (first, None, "done"),
        (None, first, "a test"),
    ]


def test_the_history_says_who_made_what_live_and_when(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    roll(client, 0)
    newest = client.get(ACTIVATIONS, params={"limit": 1}).json()
    rest = client.get(ACTIVATIONS, params={"cursor": newest["next_cursor"]}).json()
    moves = newest["items"] + rest["items"]
    assert [(one["version"], one["previous"]) for one in moves] == [(0, version), (version, 0), (0, None)]
    assert (moves[0]["reason"], moves[0]["actor"]) == ("a test", "the admin")
    for move in moves:
        page = client.get(ACTIVATIONS, params={"at": move["created_at"]}).json()
        assert page == {"items": [move], "next_cursor": None}
    early = refused(client.get(ACTIVATIONS, params={"at": "2020-01-01T00:00:00Z"}), 404)
    assert early.startswith("at: no version was live at 2020-01-01T00:00:00+00:00; the first went live at ")


def test_two_versions_answer_side_by_side(client: TestClient, teacher: Teacher):
    first = teacher.teach(source="atlas")
    roll(client, 0)
    branch = teacher.teach()
    put(client, "branch", branch)
    params = {"ask": [QUESTION, OTHER_QUESTION]}
    diff = client.get(f"/v1/admin/versions/{first}/diff/branch", params=params).json()
    assert (diff["a"], diff["b"], diff["ancestor"]) == (first, branch, 0)
    assert [step["version"] for step in diff["back"] + diff["forward"]] == [first, branch]
    assert diff["bytes"] == sum(step["bytes"] for step in diff["back"] + diff["forward"]) > 0
    assert [(one["id"], one["source"], one["status"]) for one in diff["removed"]] == [(1, "atlas", "rolled_back")]
    assert [(one["id"], one["status"]) for one in diff["added"]] == [(2, "live")]
    taught, beside = diff["answers"]
    assert (taught["question"], taught["same"]) == (QUESTION, False)
    for side, version, fact in (("a", first, 1), ("b", branch, 2)):
        assert taught[side]["answer"].strip().startswith(teacher.answers[version])
        assert taught[side]["version"] == version
        assert [citation["fact"] for citation in taught[side]["citations"]] == [fact]
    assert beside["same"]
    assert beside["a"]["citations"] == beside["b"]["citations"] == []
    assert client.get(f"/v1/admin/versions/{first}/diff/{branch}").json()["answers"] == []


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (f"{ACTIVATIONS}?at=yesterday", 422, "at: a date or time as in ISO 8601 is needed"),
        (f"{ACTIVATIONS}?at=2026-11-22&cursor=3", 422, "cursor: 3; with at there is one activation and no page"),
        (f"{ACTIVATIONS}?when=now", 422, "when: there is no such parameter"),
        (f"{ALIASES}?cursor=x", 422, "cursor: "),
        ("/v1/admin/alias-changes?page=2", 422, "page: there is no such parameter"),
        ("/v1/admin/versions/0/diff/7", 404, "there is no published version 7"),
        ("/v1/admin/versions/unset/diff/0", 404, "no version is called 'unset'"),
        ("/v1/admin/versions/0/diff/UP", 422, "b: the number of a version is needed, or"),
        (f"/v1/admin/versions/0/diff/{2**63}", 422, "b: the number of a version is needed, or"),
        ("/v1/admin/versions/0/diff/previous", 409, "version 0 is the base: nothing lies before it"),
        (f"/v1/admin/versions/0/diff/0?{'ask=x&' * 9}", 422, "ask: 9 questions; at most 8 are allowed"),
        ("/v1/admin/versions/0/diff/0?ask=ok&ask=", 422, "ask[1]: it is blank"),
        (f"/v1/admin/versions/0/diff/0?ask=ok&ask={'x' * 2001}", 422, "ask[1]: 2,001 characters; at most 2,000"),
    ],
)
def test_bad_reads_are_refused(untaught: TestClient, path: str, status: int, said: str):
    assert refused(untaught.get(path), status).startswith(said)


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("live", {"version": 0, "reason": "x"}, 422, "name: 'live' is reserved; it is always the version that"),
        ("previous", {"version": 0, "reason": "x"}, 422, "name: 'previous' is reserved"),
        ("12", {"version": 0, "reason": "x"}, 422, "name: '12' has digits alone"),
        ("A", {"version": 0, "reason": "x"}, 422, "name: 'A' is no name; 1 to 64 of a-z"),
        ("a" * 65, {"version": 0, "reason": "x"}, 422, "name: 65 characters; at most 64 are allowed"),
        ("a", {"version": 7, "reason": "x"}, 404, "there is no published version 7"),
        ("a", {"version": "7", "reason": "x"}, 422, "version: the number of a version is needed, or"),
        ("a", {"version": 0}, 422, "reason: it is missing"),
    ],
)
def test_bad_names_are_refused(untaught: TestClient, name: str, body: dict, status: int, said: str):
    assert refused(untaught.put(f"{ALIASES}/{name}", json=body), status).startswith(said)


def test_a_name_is_deleted_with_a_reason_and_only_if_it_is_there(untaught: TestClient):
    assert refused(untaught.delete(f"{ALIASES}/a"), 422) == "reason: it is missing"
    assert refused(untaught.delete(f"{ALIASES}/a?reason=x"), 404) == "there is no alias 'a'"
    assert "is reserved" in refused(untaught.delete(f"{ALIASES}/live?reason=x"), 422)


def test_an_unknown_name_is_no_model(untaught: TestClient):
    for model, said in (("slotwise@unset", "no version is called 'unset'"), ("slotwise@", "there is no model")):
        reply = untaught.post("/v1/completions", json={"model": model, "prompt": "x"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")
        assert said in reply.json()["error"]["message"]


def test_operators_alone_read_and_set(untaught: TestClient, untaught_keys: dict[str, str]):
    body = {"version": 0, "reason": "x"}
    for role, status in (("writer", 403), ("operator", 200)):
        untaught.headers["Authorization"] = f"Bearer {untaught_keys[role]}"
        for path in (ALIASES, "/v1/admin/alias-changes", ACTIVATIONS, "/v1/admin/versions/0/diff/0"):
            assert untaught.get(path).status_code == status, path
    untaught.headers["Authorization"] = f"Bearer {untaught_keys['writer']}"
    assert untaught.put(f"{ALIASES}/a", json=body).status_code == 403
    assert untaught.delete(f"{ALIASES}/a?reason=x").status_code == 403
