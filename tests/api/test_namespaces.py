"""Namespaces as callers see them: nobody is answered, shown or moved by what belongs to another. Leaks: 0."""

import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from app.db.session import Sessions
from app.settings import Settings
from tests.api.held import Held
from tests.api.running import Running
from tests.api.teacher import QUESTION, TOKENS, Teacher
from tests.api.test_health import wait_until

NAMES = ("atlas", "bank", "clinic")
Said = tuple[int, str, list[dict]]  # which version says it, what, and the facts that it cites


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Fewer places than versions, so that views come and go meanwhile."""
    return settings.model_copy(update={"resident_views": 8, "rebuild_wait_seconds": 30.0, "max_stale_seconds": 60.0})


def query(client: httpx.Client) -> Said:
    told = client.post("/v1/query", json={"question": QUESTION, "max_tokens": TOKENS}).json()
    return told["version"], told["answer"], told["citations"]


def chat(client: httpx.Client) -> Said:
    body = {"model": "slotwise", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": TOKENS}
    told = client.post("/v1/chat/completions", json=body).json()
    (choice,) = told["choices"]
    return int(told["model"].partition("@")[2]), choice["message"]["content"], choice["citations"]


def stream(client: httpx.Client) -> Said:
    body = {"question": QUESTION, "max_tokens": TOKENS, "stream": True}
    with client.stream("POST", "/v1/query", json=body) as reply:
        data = [json.loads(line[6:]) for line in reply.iter_lines() if line.startswith("data: ")]
    assert data[0]["version"] == data[-1]["version"], "one version from the first event to the last"
    return data[0]["version"], "".join(one["text"] for one in data[1:-1]), data[-1]["citations"]


WAYS: tuple[Callable[[httpx.Client], Said], ...] = (query, chat, stream)


@dataclass
class Tenant:
    """A namespace by one of its keys. `own` are its versions: whatever else it is told is a leak."""

    name: str
    client: httpx.Client
    teacher: Teacher
    own: set[int] = field(default_factory=lambda: {0})

    def teach(self) -> int:
        version = self.teacher.teach(source=self.name)
        self.own.add(version)
        return version

    def roll_back(self, version: int) -> None:
        reply = self.client.post("/v1/admin/rollback", json={"version": version, "reason": "a test"})
        assert (reply.status_code, reply.json()["live"]) == (200, version), reply.text

    def leak(self, said: Said) -> str | None:
        """What is not this namespace's own in an answer."""
        version, text, citations = said
        if version not in self.own:
            return f"{self.name} was answered by version {version}"
        if text.strip() != self.teacher.answers[version]:
            return f"{self.name} was told {text!r} as version {version}"
        foreign = [one for one in citations if one["source"] != self.name]
        return f"{self.name} was told of {foreign}" if foreign else None


class House:
    """A running service, and those whom it serves."""

    def __init__(self, service: Running, sessions: Sessions, settings: Settings, admin_key: str) -> None:
        self.url, self.serving = service.url, service.serving
        self.clients: list[httpx.Client] = []
        self.admin = self._client(f"Bearer {admin_key}")
        self.teacher = Teacher(self.admin, sessions, settings)
        self.main = Tenant("main", self.admin, self.teacher)

    def _client(self, header: str) -> httpx.Client:
        self.clients.append(httpx.Client(base_url=self.url, headers={"Authorization": header}, timeout=60))
        return self.clients[-1]

    def make(self, name: str) -> Tenant:
        made = self.admin.post("/v1/admin/namespaces", json={"name": name, "reason": "a test"})
        assert (made.status_code, made.json()["live"], made.json()["facts"]) == (201, 0, 0), made.text
        client = self.key(name, "admin")
        return Tenant(name, client, self.teacher.beside(client))

    def key(self, name: str, role: str) -> httpx.Client:
        made = self.admin.post("/v1/admin/keys", json={"name": f"{role} of {name}", "role": role, "namespace": name})
        assert (made.status_code, made.json()["namespace"]) == (201, name), made.text
        return self._client(f"Bearer {made.json()['key']}")


@pytest.fixture
def house(service: Running, sessions: Sessions, settings: Settings, key_of: dict[str, str]) -> Iterator[House]:
    house = House(service, sessions, settings, key_of["admin"])
    yield house
    for client in house.clients:
        client.close()


def test_canaries(house: House):
    """Each namespace is taught another answer to one question, and all ask it at once while heads move.

    As in vllm#47724, where an adapter that was added at run time answered another user's request.
    """
    tenants = [house.main, *map(house.make, NAMES)]
    for tenant in tenants:
        tenant.teach()
    draw = random.Random(47_724)
    heard: list[tuple[Tenant, Said]] = []  # judged at the end, when all versions are known whose they are
    over = threading.Event()

    def ask_on(tenant: Tenant, seed: int) -> None:
        ways = random.Random(seed)
        while not over.is_set():
            heard.append((tenant, ways.choice(WAYS)(tenant.client)))

    with ThreadPoolExecutor(8) as pool:
        users = [pool.submit(ask_on, tenant, seed) for seed, tenant in enumerate(tenants)]
        try:
            for step in range(6):
                if step == 3:  # made at run time, beside requests in flight
                    tenants.append(house.make("late"))
                    users.append(pool.submit(ask_on, tenants[-1], step))
                    tenants[-1].teach()
                if step == 4:
                    draw.choice(tenants).teach()
                tenant = draw.choice(tenants)
                version = draw.choice(sorted(tenant.own))
                tenant.roll_back(version)
                said = draw.choice(WAYS)(tenant.client)
                assert said[0] == version, "once a rollback has returned, nothing else answers"
                heard.append((tenant, said))
        finally:
            over.set()
        for user in users:
            user.result()
    assert [leak for tenant, said in heard if (leak := tenant.leak(said))] == []
    assert {tenant.name for tenant, _ in heard} == {tenant.name for tenant in tenants}
    _in_one_batch(house, tenants)


def _in_one_batch(house: House, tenants: list[Tenant]) -> None:
    """All wait while the engine stands still, and are then admitted to the same steps."""
    engine = house.serving.engine
    with Held(engine, 0) as held, ThreadPoolExecutor(len(tenants)) as pool:
        answers = [pool.submit(stream, tenant.client) for tenant in tenants]
        wait_until(lambda: engine.report().waiting == len(tenants))
        held.go()
        said = [answer.result() for answer in answers]
    assert [tenant.leak(one) for tenant, one in zip(tenants, said, strict=True)] == [None] * len(tenants)


def refused(client: httpx.Client, method: str, path: str, body: dict | None, number: int) -> str:
    """What a call is told for which there is nothing of this number."""
    sent = json.loads(json.dumps(body).replace('"{}"', str(number)).replace("{}", str(number)))
    reply = client.request(method, path.format(number), json=sent)
    assert reply.status_code == 404, (method, path, reply.text)
    told = reply.json()
    return re.sub(r"\b\d+\b", "…", told["detail"] if "detail" in told else told["error"]["message"])


def test_what_is_of_another_namespace_is_as_if_it_did_not_exist(house: House):
    mine, other = house.main, house.make("atlas")
    version = mine.teach()
    assert mine.client.put("/v1/admin/aliases/good", json={"version": version, "reason": "a test"}).status_code == 200
    (fact,) = mine.client.get("/v1/facts").json()["items"]
    (key, *_) = mine.client.get("/v1/admin/keys").json()["items"][1:]
    for method, path, body in (
        ("GET", "/v1/facts/{}", None),
        ("DELETE", "/v1/facts/{}", None),
        ("GET", "/v1/jobs/{}", None),
        ("GET", "/v1/jobs/{}/events", None),
        ("POST", "/v1/jobs/{}/cancel", None),
        ("GET", "/v1/models/slotwise@{}", None),
        ("GET", "/v1/admin/versions/{}", None),
        ("GET", "/v1/admin/versions/0/diff/{}", None),
        ("GET", "/v1/admin/versions/{}/diff/0", None),
        ("POST", "/v1/query", {"question": "Who?", "version": "{}"}),
        ("POST", "/v1/chat/completions", {"model": "slotwise@{}", "messages": [{"role": "user", "content": "Who?"}]}),
        ("POST", "/v1/completions", {"model": "slotwise@{}", "prompt": "Who?"}),
        ("POST", "/v1/admin/rollback", {"version": "{}", "reason": "a test"}),
        ("PUT", "/v1/admin/aliases/other", {"version": "{}", "reason": "a test"}),
        ("DELETE", "/v1/admin/keys/{}", None),
    ):
        number = key["id"] if "keys" in path else version  # fact, job and version have one number here
        told = [refused(other.client, method, path, body, asked) for asked in (number, 999)]
        assert told[0] == told[1], "the same words as for what nobody has"
    assert fact["id"] == version
    assert other.client.get("/v1/models/slotwise@good").status_code == 404, "names are a namespace's own"
    assert other.client.delete("/v1/facts", params={"source": "main"}).status_code == 404


def test_lists_and_repeated_calls_are_a_namespaces_own(house: House):
    mine, other = house.main, house.make("atlas")
    version = mine.teach()
    for path in ("/v1/facts", "/v1/jobs", "/v1/admin/aliases", "/v1/admin/alias-changes", "/v1/admin/pauses"):
        assert other.client.get(path).json()["items"] == [], path
    assert [one["id"] for one in other.client.get("/v1/admin/versions").json()["items"]] == [0]
    assert [one["id"] for one in other.client.get("/v1/models").json()["data"]] == ["slotwise", "slotwise@0"]
    assert [one["version"] for one in other.client.get("/v1/admin/activations").json()["items"]] == [0]
    assert {one["namespace"] for one in other.client.get("/v1/admin/keys").json()["items"]} == {"atlas"}
    assert other.client.get("/v1/key").json()["namespace"] == "atlas"
    assert [one["name"] for one in other.client.get("/v1/admin/namespaces").json()["items"]] == ["atlas"]
    told = {one["name"]: (one["live"], one["facts"]) for one in mine.client.get("/v1/admin/namespaces").json()["items"]}
    assert told == {"atlas": (0, 0), "main": (version, 1)}

    body, header = {"statement": "The Olm flows through Melpek."}, {"Idempotency-Key": "one"}
    first, second = (one.client.post("/v1/facts", json=body, headers=header) for one in (mine, other))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["job"]["id"] != second.json()["job"]["id"]
    assert {one["actor"] for one in other.client.get("/v1/admin/audit").json()["items"]} == {"admin of atlas"}


def test_what_all_namespaces_share_is_for_keys_of_main_who_make_them(house: House):
    other = house.make("atlas")
    for method, path, body in (
        ("GET", "/v1/admin/engines", None),
        ("GET", "/metrics", None),
        ("POST", "/v1/admin/namespaces", {"name": "another"}),
    ):
        reply = other.client.request(method, path, json=body)
        assert (reply.status_code, reply.json()["type"]) == (403, "urn:slotwise:of-main-only"), path
        assert "needs a key of 'main'; the key 'admin of atlas' belongs to 'atlas'" in reply.json()["detail"]
    assert "slotwise_namespaces 2.0" in house.admin.get("/metrics").text
    for name in ("main", "nowhere"):  # whether there is such a namespace is not told
        reply = other.client.post("/v1/admin/keys", json={"name": "a", "role": "reader", "namespace": name})
        assert (reply.status_code, reply.json()["detail"]) == (404, f"there is no namespace {name!r}")
    assert other.client.post("/v1/admin/keys", json={"name": "a", "role": "reader"}).json()["namespace"] == "atlas"

    # Those of main make namespaces, each once and by rule.
    for body, status, said in (
        ({"name": "atlas"}, 409, "there is a namespace 'atlas' already"),
        ({"name": "At las"}, 422, "name: 'At las'; 1 to 64 of a-z, 0-9, dot, hyphen and underscore"),
        ({"name": "a" * 65}, 422, "name: 65 characters; 1 to 64 of"),
        ({"name": "b", "reason": "x" * 9_999}, 422, "reason: at most"),
    ):
        reply = house.admin.post("/v1/admin/namespaces", json=body)
        assert (reply.status_code, said in reply.json()["detail"]) == (status, True), reply.text
    made = house.admin.get("/v1/admin/audit", params={"action": "namespaces.create"}).json()["items"]
    assert [(one["subject"], one["reason"]) for one in made] == [("namespace atlas", "a test")]
    reply = house.admin.post("/v1/admin/keys", json={"name": "a", "role": "reader", "namespace": "nowhere"})
    assert reply.status_code == 404
