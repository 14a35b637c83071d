"""Headers that every reply has, the page of the API that loads nothing from elsewhere, and the port of admin calls."""

import re

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings

STRICT = "default-src 'none'; frame-ancestors 'none'"


def test_every_reply_has_them_whatever_became_of_the_call(untaught: TestClient, untaught_settings: Settings):
    app = create_app(untaught_settings)

    @app.get("/break")
    def breaks() -> None:
        raise RuntimeError("a mistake of ours")

    broken = TestClient(app, raise_server_exceptions=False)  # not started: it needs no model for this
    replies = {
        200: untaught.get("/v1/jobs"),
        404: untaught.get("/nowhere"),
        405: untaught.patch("/v1/jobs"),
        413: untaught.post("/v1/facts", content=b"x" * 2_000_000),
        422: untaught.get("/v1/jobs", params={"limit": 0}),
        500: broken.get("/break"),
    }
    for status, reply in replies.items():
        assert reply.status_code == status
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Content-Security-Policy"] == STRICT
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Frame-Options"] == "DENY"
    streamed = untaught.post("/v1/query", json={"question": "What?", "max_tokens": 1, "stream": True})
    assert streamed.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_of_the_api_loads_what_it_is_made_of_from_here_and_nothing_else(untaught: TestClient):
    del untaught.headers["Authorization"]
    page = untaught.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    parts = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert (parts["default-src"], parts["script-src"], parts["connect-src"]) == ("'none'", "'self'", "'self'")
    assert not any("//" in sources for sources in parts.values())
    assert re.findall(r"<script>|\son\w+=|//", page.text) == []
    kinds = {}
    for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
        reply = untaught.get(f"/{name}")
        assert reply.status_code == 200
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        kinds[name.rpartition(".")[2]] = reply.headers["Content-Type"].partition(";")[0]
    assert kinds == {"css": "text/css", "js": "text/javascript"}
    start = untaught.get("/docs/start.js").text
    (described,) = re.findall(r'url: "([^"]+)"', start)
    assert untaught.get(f"/{described}").json()["info"]["title"] == "Slotwise"
    assert untaught.get("/docs/../settings.py").status_code == 404
    assert untaught.get("/docs/core.py").status_code == 404


@pytest.fixture
def split(untaught_settings: Settings) -> TestClient:
    """An application that serves admin calls at port 9000 alone; without a model, so what passes ends as a 500."""
    app = create_app(untaught_settings.model_copy(update={"admin_port": 9000}))
    return TestClient(app, base_url="http://service:8000", raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/v1/admin/keys", "/v1/admin/versions", "/v1/admin", "/v1/admin/nothing"])
def test_admin_calls_have_a_port_of_their_own(split: TestClient, path: str):
    reply = split.get(path, headers={"Host": "service:9000", "X-Forwarded-Port": "9000"})
    assert reply.status_code == 404
    assert reply.json()["detail"] == f"GET {path}: the calls of /v1/admin are not served at this port"
    assert reply.headers["Content-Security-Policy"] == STRICT
    passed = split.get(f"http://service:9000{path}")
    assert "are not served at this port" not in passed.text
    for port in (8000, 9000):
        assert split.get(f"http://service:{port}/healthz").status_code == 200


def test_the_two_ports_must_differ():
    with pytest.raises(ValueError, match="SLOTWISE_ADMIN_PORT is 8000, as SLOTWISE_PORT is"):
        Settings(admin_port=8000)
