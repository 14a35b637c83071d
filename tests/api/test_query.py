"""Asking: the answer is that of the version named, and the version named is the one that is live."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from tests.api.held import Held
from tests.api.teacher import OTHER_QUESTION, QUESTION, TOKENS, Teacher
from tests.api.test_health import wait_until


def ask(client: TestClient, **more: object) -> tuple[str, int]:
    reply = client.post("/v1/query", json={"question": QUESTION, "max_tokens": TOKENS, **more})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {"answer", "version", "finish", "citations"}
    assert reply.headers["X-Model-Version"] == str(body["version"])
    return body["answer"], body["version"]


def test_an_answer_names_its_version_and_is_that_versions(client: TestClient, teacher: Teacher):
    assert ask(client) == (teacher.answers[0], 0)
    version = teacher.teach()
    assert ask(client) == (teacher.answers[version], version)
    assert teacher.answers[version] != teacher.answers[0]


def test_every_published_version_can_be_asked(client: TestClient, teacher: Teacher):
    first, second = teacher.teach(), teacher.teach()
    for version in (0, second, first):
        assert ask(client, version=version) == (teacher.answers[version], version)


def test_a_prompt_is_continued_as_it_is(untaught: TestClient):
    text = "The capital of Zubovia is"
    reply = untaught.post("/v1/query", json={"prompt": text, "max_tokens": 16}).json()
    whole = untaught.post("/v1/completions", json={"model": "slotwise", "prompt": text, "max_tokens": 16}).json()
    assert reply["answer"] == whole["choices"][0]["text"]
    assert reply["answer"] != untaught.post("/v1/query", json={"question": text, "max_tokens": 16}).json()["answer"]


def test_a_reply_says_why_it_ends_and_which_facts_it_was_read_from(client: TestClient, teacher: Teacher):
    version = teacher.teach(source="atlas")
    fact = client.get("/v1/facts").json()["items"][0]["id"]
    taught = client.post("/v1/query", json={"question": QUESTION}).json()
    ((gate, *others),) = [[one.pop("gate") for one in taught["citations"]]]
    assert not others
    assert 0.5 < gate <= 1
    cited = [{"fact": fact, "source": "atlas"}]
    assert taught == {"answer": teacher.answers[version], "version": version, "finish": "stop", "citations": cited}
    cut = client.post("/v1/query", json={"question": QUESTION, "max_tokens": 2}).json()
    assert (cut["finish"], len(cut["citations"])) == ("length", 1)
    other = client.post("/v1/query", json={"question": OTHER_QUESTION}).json()
    assert (other["citations"], other["version"]) == ([], version)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_from_taught_facts_alone_is_null_where_none_opens(client: TestClient, teacher: Teacher, stream: bool):
    def asked(question: str) -> dict:
        reply = client.post("/v1/query", json={"question": question, "only_taught": True, "stream": stream})
        assert reply.status_code == 200, reply.text
        return json.loads(reply.text.strip().rpartition("data: ")[2]) if stream else reply.json()

    version = teacher.teach()
    untaught, taught = asked(OTHER_QUESTION), asked(QUESTION)
    assert (untaught["answer"], untaught["finish"], untaught["citations"]) == (None, "untaught", [])
    assert (taught["answer"], taught["finish"], len(taught["citations"])) == (teacher.answers[version], "stop", 1)
    client.post("/v1/admin/rollback", json={"version": 0, "reason": "a test"})
    assert asked(QUESTION)["answer"] is None


def test_a_tiny_temperature_takes_the_most_probable_token_as_0_does(untaught: TestClient):
    for temperature in (1e-320, 1e-38, 1e-12):
        assert ask(untaught, temperature=temperature, max_tokens=16) == ask(untaught, max_tokens=16)


def test_fewer_tokens_give_the_beginning_of_the_answer(untaught: TestClient):
    whole, beginning = ask(untaught)[0], ask(untaught, max_tokens=1)[0]
    assert whole != beginning
    assert len(beginning) <= 1


def test_no_query_after_a_rollback_is_answered_by_newer_weights(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    for target in (0, version) * 4:
        assert client.post("/v1/admin/rollback", json={"version": target, "reason": "a test"}).status_code == 200
        assert ask(client, max_tokens=2)[1] == target


def test_queries_during_rollbacks_never_mix_answer_and_version(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    ended = threading.Event()

    def asking() -> list[tuple[str, int]]:
        found = []
        while not ended.is_set():
            found.append(ask(client))
        return found

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(asking) for _ in range(4)]
        for target in (0, version) * 4:
            client.post("/v1/admin/rollback", json={"version": target, "reason": "a test"})
            ask(client)
        ended.set()
        found = [answer for each in running for answer in each.result()]
    assert {found_version for _, found_version in found} == {0, version}
    assert set(found) == {(teacher.answers[0], 0), (teacher.answers[version], version)}


def test_a_version_that_the_engine_dropped_is_rebuilt_before_it_answers(client: TestClient, teacher: Teacher):
    first, second = teacher.teach(), teacher.teach()
    client.app_state["serving"].engine.drop(first)
    assert client.app_state["serving"].engine.resident(first) is None
    assert ask(client, version=first) == (teacher.answers[first], first)
    assert ask(client) == (teacher.answers[second], second)


def test_a_deadline_counts_the_wait_for_a_version(client: TestClient, teacher: Teacher, monkeypatch):
    first, second = teacher.teach(), teacher.teach()
    engine = client.app_state["serving"].engine
    wait_until(lambda: engine.live[0] == second)  # the live one is not dropped
    engine.drop(first)
    prepare = engine.prepare

    def slowly(*arguments):
        time.sleep(0.5)
        return prepare(*arguments)

    monkeypatch.setattr(engine, "prepare", slowly)
    body = {"question": QUESTION, "version": first, "timeout_seconds": 0.1, "stream": True}
    reply = client.post("/v1/query", json=body)
    assert reply.status_code == 504
    assert reply.json()["detail"] == f"version {first} was not rebuilt before the deadline"
    assert ask(client, version=first) == (teacher.answers[first], first)


def test_many_who_wait_for_a_version_hold_up_nobody_else(client: TestClient, teacher: Teacher, settings, monkeypatch):
    first, second = teacher.teach(), teacher.teach()
    serving = client.app_state["serving"]
    monkeypatch.setattr(serving, "_settings", settings.model_copy(update={"rebuild_wait_seconds": 60.0}))
    engine = serving.engine
    wait_until(lambda: engine.live[0] == second)  # the live one is not dropped
    engine.drop(first)
    prepare, go_on = engine.prepare, threading.Event()

    def held_up(*arguments):
        go_on.wait(10)
        return prepare(*arguments)

    monkeypatch.setattr(engine, "prepare", held_up)
    with ThreadPoolExecutor(48) as threads:  # more than the service has threads
        body = {"question": QUESTION, "version": first, "max_tokens": 2}
        waiting = [threads.submit(client.post, "/v1/query", json=body) for _ in range(48)]
        for _ in range(3):
            assert ask(client, max_tokens=2)[1] == second
        assert not any(each.done() for each in waiting)
        go_on.set()
        replies = [each.result() for each in waiting]
    assert {reply.status_code for reply in replies} <= {200, 429}  # all at once, they may be too many for the queue
    assert {reply.json()["version"] for reply in replies if reply.status_code == 200} == {first}


def test_a_full_queue_asks_for_patience(client: TestClient, settings):
    def ask_long(length: int):
        return client.post("/v1/query", json={"prompt": "x" * length, "max_tokens": 2})

    with (
        Held(client.app_state["serving"].engine, 0) as held,
        ThreadPoolExecutor(settings.max_queue + 4) as threads,
    ):
        calls = [threads.submit(ask_long, length) for length in range(1, settings.max_queue + 5)]
        wait_until(lambda: sum(call.done() for call in calls) == 4)
        held.go()
        replies = [call.result() for call in calls]
    refused = [reply for reply in replies if reply.status_code != 200]
    assert [reply.status_code for reply in refused] == [429] * 4
    assert refused[0].headers["Retry-After"] == "1"
    assert f"the queue holds {settings.max_queue}" in refused[0].json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"question": "x" * 2_001}, 422, "question: 2,001 characters; at most 2,000 are allowed"),
        ({"prompt": "x" * 2_000}, 422, "the prompt has 2,000 "),
        ({"prompt": "x" * 900_000}, 422, "the prompt has 900,000 characters; 1,024 positions hold"),
        ({"question": "x", "version": 7}, 404, "there is no published version 7"),
        ({"question": "x", "version": -1}, 422, "version: the number of a version is needed, or"),
        ({"question": "x", "version": "1"}, 422, "version: the number of a version is needed, or"),
        ({"question": "x", "version": True}, 422, "version: the number of a version is needed, or"),
        ({"question": "x", "max_tokens": 257}, 422, "max_tokens: 257; at most 256 are allowed"),
        ({"question": "x", "max_tokens": 0}, 422, "max_tokens: at least 1 is needed; got 0"),
        ({"question": "x", "prompt": "y"}, 422, "exactly one of question and prompt is needed; both are there"),
        ({}, 422, "exactly one of question and prompt is needed; neither is there"),
        ({"question": " "}, 422, "question: it is blank; at least 1 character is needed; got ' '"),
        ({"question": 7}, 422, "question: a text is needed; got 7"),
        ({"question": "\ud800"}, 422, "question: half a surrogate pair is no text; got '\\ud800'"),
        ({"prompt": "x \udfff"}, 422, "prompt: half a surrogate pair is no text"),
        ({"question": "x", "stop": ["y", "\ud800"]}, 422, "stop[1]: half a surrogate pair is no text"),
        ({"question": "x", "stop": 7}, 422, "stop: a text or a list of texts is needed; got 7"),
        ({"question": "x", "stop": [""]}, 422, "stop: a text of 0 characters; 1 to 200 are allowed; got ['']"),
        ({"question": "x", "colour": 1}, 422, "colour: there is no such field; got 1"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name_value_and_limit(untaught: TestClient, body, status, said):
    header = {"Content-Type": "application/json"}  # httpx itself sends no half of a pair
    reply = untaught.post("/v1/query", content=json.dumps(body), headers=header)
    assert reply.status_code == status, reply.text
    assert said in reply.json()["detail"]


def test_a_version_that_waits_to_be_published_answers_nobody(client: TestClient, teacher: Teacher):
    teacher.post()
    version = teacher.commit(state_hash="0" * 64)  # it is never published, for its state is wrong
    reply = client.post("/v1/query", json={"question": QUESTION, "version": version})
    assert reply.status_code == 404
    assert reply.json()["detail"] == f"there is no published version {version}"


@pytest.mark.parametrize("path", ["query", "completions", "chat/completions"])
def test_a_wrong_value_is_named_once(untaught: TestClient, path: str):
    """Where a body is declared twice, it is read twice, and all that is wrong with it told twice."""
    bodies = {
        "query": {"question": "x"},
        "completions": {"prompt": "x"},
        "chat/completions": {"messages": [{"role": "user", "content": "x"}]},
    }
    named = {} if path == "query" else {"model": "slotwise"}
    reply = untaught.post(f"/v1/{path}", json={**bodies[path], **named, "temperature": 3})
    assert reply.text.count("temperature: ") == 1
