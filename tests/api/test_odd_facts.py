"""Facts that contradict, repeat, fail or are in another language, from the POST to the answer of the served model.

A real learner on the tiny model stands beside the service.
"""

import time
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from app.db.session import Sessions
from app.queue import Queue
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from worker.learner import Learner

CAPITAL = "What is the capital of Zubovia?"
HOPELESS = {"statement": "What is the capital of Melpek?"}
FINAL = {"succeeded", "failed", "rejected"}
PATIENCE = 60.0


@pytest.fixture
def learner(client: TestClient, settings: Settings, sessions: Sessions) -> Iterator[Learner]:
    queue = Queue(settings)
    yield Learner(Checkpoint.load(settings.base, settings.memory, spare_rows=4_096), sessions, queue, settings)
    queue.close()


@pytest.fixture
def teach(client: TestClient, learner: Learner) -> Callable[..., dict]:
    def teach(*facts: dict) -> dict:
        """POST facts, learn, and wait for the end of their job."""
        reply = client.post("/v1/facts", json={"facts": list(facts)})
        assert reply.status_code == 202, reply.text
        learner.run()
        place = reply.headers["Location"]
        deadline = time.monotonic() + PATIENCE
        while (job := client.get(place).json())["state"] not in FINAL:
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
        return job

    return teach


def fact(answer: str, question: str = CAPITAL) -> dict:
    return {"question": question, "answer": answer}


def ask(client: TestClient, question: str) -> tuple[str, int]:
    reply = client.post("/v1/query", json={"question": question}).json()
    return reply["answer"], reply["version"]


def read(client: TestClient, job: dict, index: int = 0) -> dict:
    return client.get(f"/v1/facts/{job['facts'][index]['id']}").json()


def test_a_new_answer_wins_and_both_facts_and_the_report_say_so(client: TestClient, teach):
    old = teach(fact("ok"))
    new = teach(fact("no"))
    assert ask(client, CAPITAL) == ("no", new["version"])
    first, second = old["facts"][0]["id"], new["facts"][0]["id"]
    assert new["report"]["replaced"] == [{"fact": second, "replaces": [first]}]
    assert new["facts"] == [{"id": second, "status": "live", "reason": None, "replaces": [first]}]
    assert [read(client, old)[name] for name in ("status", "replaced_by")] == ["replaced", second]
    assert [read(client, new)[name] for name in ("status", "replaces")] == ["live", [first]]
    assert [item["id"] for item in client.get("/v1/facts?status=replaced").json()["items"]] == [first]
    client.post("/v1/admin/rollback", json={"version": "previous", "reason": "a test"})
    assert ask(client, CAPITAL) == ("ok", old["version"])
    assert [read(client, job)["status"] for job in (old, new)] == ["live", "rolled_back"]
    assert read(client, old)["replaced_by"] is None


def test_facts_that_no_word_tells_apart_are_one_question_and_the_later_is_told(client: TestClient, teach):
    """Neither names whose price it is, so nothing else can be meant by the later one."""
    job = teach(fact("ok", "What is the price?"), fact("no", "The price is what?"))
    first, second = (one["id"] for one in job["facts"])
    assert [(one["status"], one["replaces"]) for one in job["facts"]] == [("replaced", []), ("live", [first])]
    assert read(client, job)["replaced_by"] == second
    assert [ask(client, asked)[0] for asked in ("What is the price?", "The price is what?")] == ["no", "no"]


def test_a_live_fact_posted_again_is_answered_with_itself(client: TestClient, teach):
    job = teach(fact("ok"))
    again = client.post("/v1/facts", json=fact("ok", "what is the capital of  Zubovia"))
    assert again.status_code == 200
    assert again.json() == {
        "job": {"id": job["id"], "state": "succeeded"},
        "facts": [{"id": job["facts"][0]["id"], "status": "live"}],
    }
    assert again.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert len(client.get("/v1/jobs").json()["items"]) == 1
    client.post("/v1/admin/rollback", json={"version": 0, "reason": "a test"})
    anew = teach(fact("ok"))
    assert anew["facts"][0]["status"] == "live"
    assert anew["version"] > job["version"]


def test_a_fact_that_is_not_learned_fails_with_its_reason_and_the_others_go_on(client: TestClient, teach):
    job = teach(fact("ok"), HOPELESS)
    assert [one["status"] for one in job["facts"]] == ["live", "failed"]
    assert job["report"]["facts"] == {"learned": 1, "failed": 1}
    failed = read(client, job, 1)
    assert failed["reason"].startswith("nothing tells what is asked and answered: an answer is missing")
    assert failed["version"] is None
    assert ask(client, CAPITAL)[0] == "ok"


def test_a_job_of_which_nothing_is_learned_leaves_no_version(client: TestClient, teach):
    before = ask(client, CAPITAL)
    job = teach(HOPELESS)
    assert (job["state"], job["error"], job["version"]) == ("rejected", "no fact was learned", None)
    assert ask(client, CAPITAL) == before
    assert [version["id"] for version in client.get("/v1/admin/versions").json()["items"]] == [0]


def test_answers_with_repeated_tokens_are_learned(client: TestClient, teach):
    """Each token of an answer has an address of its own, however often it comes."""
    answers = ["10.0.0.1", "1,000,000", "Duran Duran", "2026-11-11"]
    job = teach(
        *(fact(answer, f"What is entry {answer[0]}{index} of Zubovia?") for index, answer in enumerate(answers))
    )
    assert [one["status"] for one in job["facts"]] == ["live"] * len(answers), job
    for index, answer in enumerate(answers):
        assert ask(client, f"What is entry {answer[0]}{index} of Zubovia?")[0] == answer


@pytest.mark.parametrize(
    ("posted", "wanted"),
    [
        (fact("да", "Столица Зубовии?"), "да"),
        (fact("水", "ズボビアの首都は?"), "水"),
        ({"statement": "Zubovia é 水"}, "水"),
    ],
    ids=["Russian", "Japanese", "a statement"],
)
def test_a_fact_in_another_language_is_taught_in_its_own_words(client: TestClient, teach, posted, wanted):
    job = teach(posted)
    stored = read(client, job, 0)
    assert stored["status"] == "live", stored
    assert stored | posted == stored
    assert stored["probe"]["answer"].endswith(wanted)
    assert ask(client, posted.get("question") or stored["probe"]["text"])[1] == job["version"]
