import sys
from pathlib import Path
import pytest
from tests import tiny
from tests.e2e.test_line import run

@pytest.fixture
def settings(settings, tmp_path):
    return settings.model_copy(update={"checkpoint": tiny.checkpoint(tmp_path / "tiny")})

def test_x(service, tmp_path):
    service.start()
    a = service.ask("What?")
    job = service.teach([{"question": "What is the capital of Zubovia?", "answer": "Lisbon"}], 100)
    print(job)
    service.kill()
    service.start()
    assert service.ask("What?") == a
    service.stop()
    run(service, Path(sys.executable).with_name("slotwise"), "export", "--version", "0", str(tmp_path / "out"))
    assert run(service, sys.executable, "-m", "model.engine", str(tmp_path / "out"), "What?") == a[0]
    print(service.logs())
