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
    base, memory = tiny.folders(tmp_path / "tiny")
    return settings.model_copy(update={"base": str(base), "memory": memory, "spare_rows": 4_096})


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


def test_another_memory_ends_the_server_with_both_names_and_the_way_out_in_its_log(
    service: Service, settings: Settings, tmp_path: Path
):
    service.start_api()
    service.stop()
    service.environment["SLOTWISE_MEMORY"] = str(tiny.memory(tmp_path / "other", Path(settings.base), seed=1))
    with pytest.raises(AssertionError, match="ended"):
        service.start_api()
    assert "WrongCheckpoint: the data belong to the base" in service.logs()
    assert "slotwise relearn" in service.logs()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"SLOTWISE_BASE": "/nowhere"}, "CheckpointError: the base /nowhere is neither a folder nor a file"),
        ({"SLOTWISE_MEMORY": "/nowhere"}, "CheckpointError: the memory folder /nowhere cannot be read"),
    ],
)
def test_what_cannot_be_loaded_ends_the_server_with_a_sentence(service: Service, broken: dict[str, str], said: str):
    service.environment |= broken
    with pytest.raises(AssertionError, match="ended"):
        service.start_api()
    assert said in service.logs()
