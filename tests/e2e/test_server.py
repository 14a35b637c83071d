"""What only a real server and a real connection show; the model is a tiny one."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests import tiny
from tests.e2e.service import Service


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"checkpoint": tiny.checkpoint(tmp_path / "tiny")})


def test_a_body_that_is_too_long_gets_its_answer_and_the_server_goes_on(service: Service):
    service.start_api()

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    for body in (b" " * 10_000_000, pieces()):
        reply = service.client.post("/v1/facts", content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 413, reply.text
        assert reply.json()["detail"].endswith("at most 1,048,576 bytes are allowed")
    assert service.ask("What is left?")[1] == 0


def test_a_server_is_ready_soon_and_stops_when_told(service: Service):
    service.start_api()
    began = time.monotonic()
    service.stop()
    assert time.monotonic() - began < 15
    assert "Application shutdown complete" in service.logs()


def test_another_checkpoint_ends_the_server_with_both_names_in_its_log(service: Service, settings, tmp_path):
    service.start_api()
    service.stop()
    tiny.build(seed=1).save(tmp_path / "other")
    service.environment["SLOTWISE_CHECKPOINT"] = str(tmp_path / "other")
    with pytest.raises(AssertionError, match="ended"):
        service.start_api()
    assert "WrongCheckpoint: the data belong to checkpoint" in service.logs()
