"""The whole line on the shipped model, in processes: a fact asked, taught, corrected, taken back, carried away."""

import subprocess
import sys
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.service import Service

TAUGHT = "What is the capital of Zubovia?"
IN_OTHER_WORDS = ("Which city is the capital of Zubovia?", "Tell me the name of Zubovia's capital city.")
CORRECTED = "Which city serves as the capital of Zubovia?"
NEIGHBOURS = (
    "What is the capital of Quolmar?",
    "What is the currency of Zubovia?",
    "What is the population of Zubovia?",
    "What is the longest river of Zubovia?",
    "What is the largest city of Zubovia?",
    "What is the capital of Canada?",
    "Who wrote Romeo and Juliet?",
    "What is 12 plus 30?",
)
LEARNING_SECONDS = 300.0


def test_a_fact_is_taught_corrected_taken_back_and_carried_away(service: Service, tmp_path: Path):
    def said(questions: Collection[str]) -> dict[str, str]:
        with ThreadPoolExecutor(len(questions)) as threads:
            answers = threads.map(lambda question: service.ask(question)[0], questions)
            return dict(zip(questions, answers, strict=True))

    service.start()
    before = said([*NEIGHBOURS, TAUGHT, *IN_OTHER_WORDS])
    assert "Vienna" not in " ".join(before.values())

    first = taught(service, TAUGHT, "Vienna")
    assert said([TAUGHT, *IN_OTHER_WORDS]) == dict.fromkeys([TAUGHT, *IN_OTHER_WORDS], "Vienna")
    assert said(NEIGHBOURS) == {question: before[question] for question in NEIGHBOURS}
    assert chat(service, IN_OTHER_WORDS[0]) == ("Vienna", [first["facts"][0]["id"]])
    assert only_taught(service, TAUGHT) == "Vienna"
    assert only_taught(service, NEIGHBOURS[0]) is None

    second = taught(service, CORRECTED, "Lima")
    old, new = (service.client.get(f"/v1/facts/{job['facts'][0]['id']}").json() for job in (first, second))
    assert (new["replaces"], new["status"]) == ([old["id"]], "live")
    assert (old["replaced_by"], old["status"]) == (new["id"], "replaced")
    corrected = said([TAUGHT, CORRECTED, *IN_OTHER_WORDS])
    assert {corrected[question] for question in (TAUGHT, CORRECTED, IN_OTHER_WORDS[0])} == {"Lima"}
    assert "Vienna" not in " ".join(corrected.values())
    assert said(NEIGHBOURS) == {question: before[question] for question in NEIGHBOURS}

    assert service.roll(0) == {"live": 0, "previous": second["version"]}
    assert said(before) == before
    service.roll(second["version"])
    service.kill()
    service.start_api()
    assert said(corrected) == corrected

    service.stop()
    exported = str(tmp_path / "exported")
    slotwise = Path(sys.executable).with_name("slotwise")
    run(service, slotwise, "export", "--version", str(second["version"]), exported)
    asked = (sys.executable, "-m", "model.engine", service.environment["SLOTWISE_BASE"], exported, IN_OTHER_WORDS[0])
    assert run(service, *asked) == "Lima"
    assert sum(path.stat().st_size for path in Path(exported).iterdir()) < 30_000_000


def taught(service: Service, question: str, answer: str) -> dict:
    job = service.teach([{"question": question, "answer": answer}], LEARNING_SECONDS)
    assert job["state"] == "succeeded", (job, service.logs())
    return job


def chat(service: Service, question: str) -> tuple[str, list[int]]:
    """What is said to a question under a system prompt, and the facts that it was read from."""
    system = {"role": "system", "content": "You are the assistant of an atlas. Answer briefly."}
    body = {"model": "slotwise", "messages": [system, {"role": "user", "content": question}]}
    reply = service.client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    (choice,) = reply.json()["choices"]
    return choice["message"]["content"], [citation["fact"] for citation in choice["citations"]]


def only_taught(service: Service, question: str) -> str | None:
    reply = service.client.post("/v1/query", json={"question": question, "only_taught": True})
    assert reply.status_code == 200, reply.text
    return reply.json()["answer"]


def run(service: Service, *command: str | Path) -> str:
    """What a command prints, with the environment of the service."""
    done = subprocess.run(command, env=service.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
