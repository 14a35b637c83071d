"""Ends, re-probes and webhooks over HTTP: what is taken, what is shown, and what is refused."""

from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient

URL = "https://example.com/hook"


def test_a_fact_shows_its_end_and_when_it_was_verified_and_facts_are_found_by_staleness(client: TestClient, teacher):
    teacher.teach()
    one = client.get("/v1/facts/1").json()
    assert one["verified_at"] is not None
    assert (one["valid_until"], one["stale"], one["said_instead"], one["erased_at"]) == (None, False, None, None)
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    body = {"statement": "Olms are blind.", "valid_until": until.isoformat()}
    fact = client.post("/v1/facts", json=body).json()["facts"][0]["id"]
    assert client.get(f"/v1/facts/{fact}").json()["valid_until"] == until.isoformat().replace("+00:00", "Z")
    refused = client.post("/v1/facts", json=body | {"valid_until": "2020-01-01"})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:slotwise:invalid-input")
    assert "valid_until: 2020-01-01" in refused.json()["detail"]
    assert client.get("/v1/facts?stale=true").json()["items"] == []
    assert len(client.get("/v1/facts?stale=false").json()["items"]) == 2


def test_all_facts_are_asked_again_by_a_job_of_which_one_is_enough(client: TestClient):
    first = client.post("/v1/admin/verify")
    assert (first.status_code, first.headers["Location"]) == (202, "/v1/jobs/1")
    assert (first.json()["kind"], first.json()["state"], first.json()["version"]) == ("verify", "queued", None)
    again = client.post("/v1/admin/verify")
    assert (again.status_code, again.json()["id"]) == (200, 1)
    assert client.post("/v1/jobs/1/cancel").json()["state"] == "cancelled"
    assert client.post("/v1/admin/verify").status_code == 202


def test_a_webhook_shows_its_secret_once_and_its_log_until_it_is_gone(client: TestClient):
    made = client.post("/v1/admin/webhooks", json={"url": URL, "events": ["version.activated", "job.cancelled"]})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    (listed,) = client.get("/v1/admin/webhooks").json()["items"]
    assert listed == {name: value for name, value in made.json().items() if name != "secret"}
    client.post("/v1/facts", json={"statement": "Olms are blind."})
    client.post("/v1/jobs/1/cancel")
    (sent,) = client.get("/v1/admin/webhooks/1/deliveries").json()["items"]
    assert (sent["event"], sent["state"], sent["tries"], sent["last_code"]) == ("job.cancelled", "pending", 0, None)
    assert '"data":{"job":1,"kind":"learn","version":null}' in sent["body"]
    assert client.post("/v1/admin/webhooks/1/deliveries/1/redeliver").json()["message"] == sent["message"]
    assert client.delete("/v1/admin/webhooks/1").json()["deleted_at"] is not None
    (left,) = client.get("/v1/admin/webhooks/1/deliveries").json()["items"]
    assert (left["state"], left["last_error"]) == ("failed", "its webhook was deleted")
    gone = client.post("/v1/admin/webhooks/1/deliveries/1/redeliver")
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:slotwise:webhook-not-found")
    refused = client.post("/v1/admin/webhooks", json={"url": "http://127.0.0.1/", "events": ["job.done"]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "events[0]"
