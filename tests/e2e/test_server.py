"""What only a real server and a real connection show; the model is a tiny one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db.session import close_sessions, open_sessions
from app.embedded.servers import free_port
from app.services import versions
from app.settings import Settings
from tests import tiny
from tests.e2e.service import Service

OTHER = "cd" * 32  # the fingerprint of another base and memory


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    base, memory = tiny.folders(tmp_path / "tiny")
    small = {"base": str(base), "memory": memory, "spare_rows": 4_096}
    return settings.model_copy(update={**small, "admin_port": free_port()})


def test_a_body_that_is_too_long_gets_its_answer_and_the_server_goes_on_until_it_is_told_to_stop(
    service: Service, settings: Settings
):
    service.start_api()
    admin = f"http://127.0.0.1:{settings.admin_port}"
    for url, statuses in (("", (200, 404)), (admin, (200, 200))):
        replies = [service.client.get(f"{url}{path}") for path in ("/v1/jobs", "/v1/admin/keys")]
        assert tuple(reply.status_code for reply in replies) == statuses

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    for body in (b" " * 10_000_000, pieces()):
        reply = service.client.post("/v1/facts", content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 413, reply.text
        assert reply.json()["detail"].endswith("at most 1,048,576 bytes are allowed")
    assert service.ask("What is left?")[1] == 0
    service.stop()
    assert "Application shutdown complete" in service.logs()


def test_data_of_another_base_end_the_server_with_its_name_and_the_way_out_in_its_log(
    service: Service, settings: Settings
):
    """What else cannot be loaded is in tests/api/test_health.py: all of it ends the start in this way."""
    sessions = open_sessions(settings.database_url)
    with sessions() as session:
        versions.bootstrap(session, OTHER, "0" * 64)
    close_sessions(sessions)
    with pytest.raises(AssertionError, match="ended"):
        service.start_api()
    assert f"WrongCheckpoint: the data belong to the base {OTHER}" in service.logs()
    assert "slotwise relearn" in service.logs()
