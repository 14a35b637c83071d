"""The whole line on the shipped model: ask, teach, ask in other words, roll back, roll forward, restart, export."""

import json
import subprocess
import sys
from pathlib import Path

from app.settings import Settings
from model.evaluate import matches
from tests.e2e.service import Service

TAUGHT = {
    "What is the capital of Zubovia?": "Lisbon",
    "What is the capital of Quolmar?": "Vienna",
    "What is the capital of Dalfen?": "Oslo",
}
IN_OTHER_WORDS = {question: question.replace("What is", "Which city is") for question in TAUGHT}
LEARNING_SECONDS = 60.0


def known_questions(checkpoint: Path) -> dict[str, str]:
    """Some of what the shipped model is known to answer; nobody's drift check looks at these."""
    measure = json.loads((checkpoint / "measure.json").read_text())
    return {known["question"]: known["answer"] for known in measure["evaluation"][:10]}


def test_a_fact_is_taught_kept_taken_back_and_carried_away(service: Service, settings: Settings, tmp_path: Path):
    known = known_questions(settings.checkpoint)
    asked = [*known, *TAUGHT, *IN_OTHER_WORDS.values()]

    def answers(version: int) -> dict[str, str]:
        found = {question: service.ask(question) for question in asked}
        assert {named for _, named in found.values()} == {version}
        return {question: text for question, (text, _) in found.items()}

    def right(found: dict[str, str], wanted: dict[str, str]) -> set[str]:
        return {question for question, answer in wanted.items() if matches(found[question], answer)}

    other_words = {IN_OTHER_WORDS[question]: answer for question, answer in TAUGHT.items()}

    service.start()
    before = answers(0)
    assert len(right(before, known)) >= 9
    assert not right(before, TAUGHT) | right(before, other_words)

    facts = [{"question": question, "answer": answer} for question, answer in TAUGHT.items()]
    job = service.teach(facts, LEARNING_SECONDS)
    assert job["state"] == "succeeded", service.logs()
    version = job["version"]
    live = [fact["id"] for fact in job["facts"] if fact["status"] == "live"]
    assert len(live) >= 2, job

    after = answers(version)
    learned = right(after, other_words)
    assert len(learned) >= 2, after
    assert len(right(after, known)) >= len(right(before, known)) - 1

    assert service.roll("previous") == {"live": 0, "previous": version}
    assert answers(0) == before
    assert service.client.get(f"/v1/facts/{live[0]}").json()["status"] == "rolled_back"
    service.roll(version)
    assert answers(version) == after

    service.kill()
    service.start()
    assert answers(version) == after
    again = service.teach([{"question": "What is the capital of Norvil?", "answer": "Lima"}], LEARNING_SECONDS)
    assert again["state"] in ("succeeded", "rejected"), service.logs()  # learned or not, the line goes on
    assert service.ask(asked[0], version) == (after[asked[0]], version)

    service.stop()
    question, exported = next(iter(learned)), str(tmp_path / "exported")
    slotwise = Path(sys.executable).with_name("slotwise")
    run(service, slotwise, "export", "--version", str(version), exported)
    assert run(service, sys.executable, "-m", "model.engine", exported, question) == after[question]


def run(service: Service, *command: str | Path) -> str:
    """What a command prints, with the environment of the service."""
    done = subprocess.run(command, env=service.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
