"""What a scrape tells is true, also while the database is frozen; and what is watched is told and written down."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app.main import create_app
from tests.api.held import Held
from tests.api.teacher import OTHER_QUESTION, QUESTION

DOCS = Path(__file__).parents[2] / "docs"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scrape:
    """What one scrape told. The first of a process has much to do, and may not be in time where the machine is busy."""

    def __init__(self, client: TestClient, *, is_frozen: bool = False) -> None:
        deadline = time.monotonic() + 10
        while True:
            reply = client.get("/metrics")
            assert reply.status_code == 200, reply.text
            if "slotwise_database_up 1.0" in reply.text or is_frozen:
                break
            assert time.monotonic() < deadline
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        self.families = {family.name: family for family in text_string_to_metric_families(reply.text)}
        samples = [sample for family in self.families.values() for sample in family.samples]
        self.samples = {(one.name, frozenset(one.labels.items())): one.value for one in samples}
        self.names = {one.name for one in samples} | set(self.families)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"slotwise_{name}", frozenset(labels.items())))


@contextmanager
def frozen(data_folder) -> Iterator[None]:
    """PostgreSQL stands still, with all that it serves: connections are open, and nothing answers."""
    postmaster = int((data_folder.path / "postgres" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    every = [postmaster, *map(int, children)]
    for number in every:
        os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        for number in every:
            os.kill(number, signal.SIGCONT)


def test_a_scrape_tells_what_was_taught_asked_and_rolled_back(client: TestClient, teacher):
    version = teacher.teach()
    before = Scrape(client)
    assert (before("facts", status="live"), before("jobs", state="succeeded")) == (1, 1)
    assert (before("head_version"), before("served_version"), before("database_up")) == (version, version, 1)
    assert before("oldest_fact_seconds", status="queued") == 0
    assert before("versions_published_total", kind="learn") == 1
    assert before("fact_live_age_seconds_count") == before("job_step_seconds_count", kind="learn", step="learn") == 1
    assert before("delta_rows_count") == before("delta_bytes_count") == 1
    assert before("switch_seconds_count") == 1
    assert before("worker_heartbeat_age_seconds") is None  # nobody learns
    (engine,) = [dict(labels)["engine"] for name, labels in before.samples if name == "slotwise_engine_version"]
    assert (before("engine_version", engine=engine), before("engine_lag", engine=engine)) == (version, 0)

    client.post("/v1/query", json={"question": QUESTION, "stream": True})
    client.post("/v1/query", json={"question": OTHER_QUESTION, "max_tokens": 3})
    client.post("/v1/query", json={"question": OTHER_QUESTION, "only_taught": True})
    client.post("/v1/admin/rollback", json={"version": 0, "reason": "a test"})
    teacher.post()
    after = Scrape(client)
    assert after("answers_opened_total") == after("citation_gate_count") == 1
    assert (after("answers_total", end="length"), after("answers_total", end="untaught")) == (1, 1)
    assert after("time_to_first_token_seconds_count") == 1
    assert after("inter_token_seconds_count") >= 1
    assert after("answer_seconds_count") == 3
    assert after("rollbacks_total", kind="back") == 1
    assert [after("facts", status=status) for status in ("live", "rolled_back", "queued")] == [0, 1, 1]
    assert after("oldest_fact_seconds", status="queued") > 0
    assert after("http_requests_total", method="POST", route="/v1/query", status="200") == 3
    assert after("versions_published_total", kind="learn") == 1  # told once


def test_requests_in_flight_are_told_by_version(untaught, untaught_settings):
    with Held(untaught.app_state["serving"].engine, 0):
        assert Scrape(untaught)("requests_running", version="0") == 1
    assert Scrape(untaught)("requests_waiting") == 0


def test_every_process_has_the_same_sums_of_the_history(client, teacher, settings):
    teacher.teach()
    told = Scrape(client)
    with TestClient(create_app(settings), headers=client.headers) as other:
        second = Scrape(other)
    for name in ("versions_published_total", "delta_bytes_sum", "fact_live_age_seconds_sum"):
        labels = {"kind": "learn"} if name.startswith("versions") else {}
        assert second(name, **labels) == told(name, **labels) > 0
    assert second("served_version") == 1


def test_a_frozen_database_is_told_within_two_seconds_with_what_the_process_knows(client, data_folder):
    Scrape(client)
    unknown = {"Authorization": "Bearer sw_unknown"}
    with frozen(data_folder):
        began = time.monotonic()
        told = Scrape(client, is_frozen=True)
        assert time.monotonic() - began < 2
        assert (told("database_up"), told("served_version")) == (0, 0)
        assert told("facts", status="live") is None
        began = time.monotonic()
        refused = client.get("/metrics", headers=unknown)
        assert time.monotonic() - began < 2
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:slotwise:unavailable")
    assert Scrape(client)("database_up") == 1
    assert client.get("/metrics", headers=unknown).status_code == 401


def test_it_needs_a_key_unless_the_settings_open_it(untaught, untaught_keys, untaught_settings):
    untaught.headers["Authorization"] = f"Bearer {untaught_keys['reader']}"
    Scrape(untaught)
    del untaught.headers["Authorization"]
    assert untaught.get("/metrics").status_code == 401
    opened = untaught_settings.model_copy(update={"metrics_open": True})
    with TestClient(create_app(opened)) as client:
        assert Scrape(client)("database_up") == 1


@pytest.fixture(scope="module")
def expressions() -> dict[str, str]:
    """What the dashboard and the alert rules ask Prometheus for, by where it stands."""
    dashboard = json.loads((DOCS / "operations" / "dashboard.json").read_text())
    found = {
        f"panel «{panel['title']}»": target["expr"]
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }
    groups = yaml.safe_load((DOCS / "operations" / "alerts.yml").read_text())["groups"]
    return found | {f"alert {rule['alert']}": rule["expr"] for group in groups for rule in group["rules"]}


def test_every_metric_that_is_watched_is_in_a_scrape(untaught, expressions):
    names = Scrape(untaught).names
    # They come with the first one that they tell of.
    names |= {"slotwise_worker_heartbeat_age_seconds"}
    assert len(expressions) > 20
    for place, expression in expressions.items():
        for name in re.findall(r"\b(?:slotwise|process)_\w+", expression):
            assert name in names, f"{place}: {name}"
        assert expression.count("(") == expression.count(")"), place


def test_every_alert_says_what_it_is_and_what_to_do(expressions):
    (group,) = yaml.safe_load((DOCS / "operations" / "alerts.yml").read_text())["groups"]
    told = (DOCS / "operations.md").read_text()
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert f"`{rule['alert']}`" in told


def test_every_metric_is_written_down_and_nothing_else(untaught):
    told = set(re.findall(r"`(slotwise_\w+)`", (DOCS / "operations.md").read_text()))
    scraped = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in Scrape(untaught).families.values()
        if family.name.startswith("slotwise_")
    }
    assert told == scraped | {"slotwise_worker_heartbeat_age_seconds"}
