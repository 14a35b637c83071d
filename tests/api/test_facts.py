"""Teaching facts: what a POST answers, what is read afterwards, pages, and a POST that is sent twice."""

from concurrent.futures import ThreadPoolExecutor

from fastapi.testclient import TestClient

from tests.api.teacher import QUESTION, Teacher

FACT = {"question": QUESTION, "answer": "Lisbon"}
FULL = {
    "statement": "The capital of Zubovia is Lisbon.",
    **FACT,
    "phrasings": ["Zubovia's capital is Lisbon."],
    "source": "atlas",
    "valid_from": "2026-11-22T12:00:00+02:00",
}


def test_one_fact_is_taken_in_as_a_job(client: TestClient):
    reply = client.post("/v1/facts", json=FULL)
    assert reply.status_code == 202
    job, fact = reply.json()["job"]["id"], reply.json()["facts"][0]["id"]
    assert reply.json() == {"job": {"id": job, "state": "queued"}, "facts": [{"id": fact, "status": "queued"}]}
    assert reply.headers["Location"] == f"/v1/jobs/{job}"
    stored = client.get(f"/v1/facts/{fact}").json()
    assert stored | FULL == stored | {"valid_from": "2026-11-22T12:00:00+02:00"}
    assert stored["valid_from"] == "2026-11-22T10:00:00Z"
    assert {name: stored[name] for name in ("status", "job", "version", "probe", "reason", "report")} == {
        "status": "queued",
        "job": job,
        "version": None,
        "probe": None,
        "reason": None,
        "report": None,
    }


def test_a_list_is_one_job_in_the_order_sent(client: TestClient):
    sent = [{"statement": f"Olm number {n} is blind."} for n in range(5)]
    reply = client.post("/v1/facts", json={"facts": sent}).json()
    job = client.get(f"/v1/jobs/{reply['job']['id']}").json()
    created = job.pop("created_at")
    assert created
    assert job == {
        "id": reply["job"]["id"],
        "state": "queued",
        "kind": "learn",
        "progress": {"done": 0, "total": 5},
        "version": None,
        "report": None,
        "error": None,
        "facts": [{"id": fact["id"], "status": "queued", "reason": None, "replaces": []} for fact in reply["facts"]],
    }
    stored = [client.get(f"/v1/facts/{fact['id']}").json()["statement"] for fact in reply["facts"]]
    assert stored == [fact["statement"] for fact in sent]


def test_a_learned_fact_shows_its_probe_and_version_and_what_a_rollback_makes_of_it(
    client: TestClient, teacher: Teacher
):
    version = teacher.teach()
    fact = client.get("/v1/facts").json()["items"][0]
    assert (fact["status"], fact["version"]) == ("live", version)
    assert fact["probe"] == {"text": QUESTION, "answer": fact["probe_answer"], "held_out": False}
    client.post("/v1/admin/rollback", json={"version": 0, "reason": "a test"})
    assert client.get(f"/v1/facts/{fact['id']}").json()["status"] == "rolled_back"
    client.post("/v1/admin/rollback", json={"version": version, "reason": "a test"})
    assert client.get(f"/v1/facts/{fact['id']}").json()["status"] == "live"


def test_a_fact_that_the_served_model_does_not_answer_fails_and_says_what_it_said(client: TestClient, teacher: Teacher):
    job = teacher.post()
    version = teacher.commit(answer="something else")
    assert teacher.wait_for(job, "rejected")["version"] is None
    fact = client.get("/v1/facts").json()["items"][0]
    assert fact["status"] == "failed"
    assert fact["probe_answer"] == teacher.answers[version]
    assert "the served model said" in fact["reason"]
    assert client.post("/v1/query", json={"question": QUESTION}).json()["version"] == 0


def test_facts_are_listed_by_page_newest_first(client: TestClient):
    for source in ("a", "b", "c"):
        facts = [{"statement": f"Olm {n} of {source}.", "source": source} for n in range(3)]
        client.post("/v1/facts", json={"facts": facts})
    ids, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        query = {"limit": 4, **({} if cursor is None else {"cursor": cursor})}
        page = client.get("/v1/facts", params=query).json()
        assert set(page) == {"items", "next_cursor"}
        ids += [fact["id"] for fact in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert pages == 3
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 9


def test_facts_are_listed_by_source_and_status(client: TestClient, teacher: Teacher):
    teacher.teach(source="atlas")
    client.post("/v1/facts", json={"statement": "Olms are blind.", "source": "zoo"})

    def sources(**query: str) -> list[str]:
        return [fact["source"] for fact in client.get("/v1/facts", params=query).json()["items"]]

    assert sources(source="atlas") == ["atlas"]
    assert sources(status="queued") == ["zoo"]
    assert sources(status="live") == ["atlas"]
    assert sources(status="live", source="zoo") == []


def test_a_post_that_is_repeated_gets_the_first_reply(client: TestClient, teacher: Teacher):
    header = {"Idempotency-Key": "once"}
    first = client.post("/v1/facts", json=FACT, headers=header)
    teacher.wait_for(first.json()["job"]["id"], "queued")
    teacher.commit()
    teacher.wait_for(first.json()["job"]["id"], "succeeded")
    again = client.post("/v1/facts", json=FACT, headers=header)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    other = client.post("/v1/facts", json={**FACT, "source": "zoo"}, headers={"Idempotency-Key": "twice"})
    assert other.json() != first.json()
    assert len(client.get("/v1/facts").json()["items"]) == 2


def test_jobs_are_listed_by_page_and_state_newest_first(client: TestClient, teacher: Teacher):
    teacher.teach()
    waiting = [teacher.post() for _ in range(2)]
    first = client.get("/v1/jobs?limit=2").json()
    assert [job["id"] for job in first["items"]] == waiting[::-1]
    rest = client.get("/v1/jobs", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert ([job["state"] for job in rest["items"]], rest["next_cursor"]) == (["succeeded"], None)
    whole = client.get(f"/v1/jobs/{rest['items'][0]['id']}").json()
    assert rest["items"][0] == {name: value for name, value in whole.items() if name != "facts"}
    assert [job["id"] for job in client.get("/v1/jobs?state=queued").json()["items"]] == waiting[::-1]
    assert client.get("/v1/jobs?state=cancelled").json() == {"items": [], "next_cursor": None}


def test_an_idempotency_key_does_not_fit_another_body(client: TestClient):
    header = {"Idempotency-Key": "once"}
    client.post("/v1/facts", json=FACT, headers=header)
    reply = client.post("/v1/facts", json={**FACT, "answer": "Porto"}, headers=header)
    assert reply.status_code == 422
    assert reply.json()["type"] == "urn:slotwise:idempotency-conflict"
    assert len(client.get("/v1/facts").json()["items"]) == 1


def test_posts_with_one_idempotency_key_at_the_same_moment_make_one_job(client: TestClient):
    def post(_: int) -> tuple[int, str]:
        reply = client.post("/v1/facts", json=FACT, headers={"Idempotency-Key": "once"})
        return reply.status_code, reply.headers.get("Location", reply.json().get("type"))

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(post, range(16)))
    assert {code for code, _ in found} <= {202, 409}
    assert len({place for code, place in found if code == 202}) == 1
    assert {kind for code, kind in found if code == 409} <= {"urn:slotwise:idempotency-in-progress"}
    assert len(client.get("/v1/facts").json()["items"]) == 1


def test_a_rehearsal_tells_what_would_be_and_stores_nothing(client: TestClient):
    earlier = client.post("/v1/facts", json=FACT).json()
    facts = [FACT, {**FACT, "answer": "Porto"}, {"statement": "Is it raining?"}]
    reply = client.post("/v1/facts?dry_run=true", json={"facts": facts}, headers={"Idempotency-Key": "k"})
    assert (reply.status_code, reply.json()["dry_run"]) == (200, True)
    overruled, new, unaskable = reply.json()["facts"]
    assert (overruled["verdict"], unaskable["verdict"]) == ("overruled", "unaskable")
    assert (new["verdict"], new["replaces"]) == ("new", [earlier["facts"][0]["id"]])
    assert new["questions"][0] == FACT["question"]
    assert len(client.get("/v1/jobs").json()["items"]) == 1
    assert client.post("/v1/facts", json=facts[1], headers={"Idempotency-Key": "k"}).status_code == 202


def test_learning_is_paused_with_a_reason_and_readiness_says_so(client: TestClient):
    assert client.post("/v1/admin/pause", json={}).status_code == 422
    paused = client.post("/v1/admin/pause", json={"reason": "the night"}).json()
    assert (paused["paused"], paused["actor"]) == (True, "the admin")
    assert client.get("/readyz").json()["learning"] == "paused"
    assert client.post("/v1/facts", json=FACT).status_code == 202
    client.post("/v1/admin/resume", json={"reason": "the morning"})
    assert client.get("/readyz").json()["learning"] == "running"
    reasons = [one["reason"] for one in client.get("/v1/admin/pauses").json()["items"]]
    assert reasons == ["the morning", "the night"]


def test_a_job_is_cancelled_by_its_writer_and_its_facts_read_so(client: TestClient, key_of: dict[str, str]):
    client.headers["Authorization"] = f"Bearer {key_of['writer']}"
    posted = client.post("/v1/facts", json=FACT).json()
    for _ in range(2):
        reply = client.post(f"/v1/jobs/{posted['job']['id']}/cancel")
        assert (reply.status_code, reply.json()["state"]) == (200, "cancelled")
    assert [fact["status"] for fact in reply.json()["facts"]] == ["cancelled"]
    assert [fact["status"] for fact in client.get("/v1/facts?status=cancelled").json()["items"]] == ["cancelled"]
