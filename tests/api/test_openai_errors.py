"""Errors on OpenAI's routes: the shape that its clients make exceptions of, each with what was wrong."""

import json
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from app.settings import Settings
from tests.api.held import Held
from tests.api.running import Running
from tests.api.teacher import QUESTION
from tests.api.test_health import wait_until

TURN = [{"role": "user", "content": QUESTION}]
CHAT = {"model": "slotwise", "messages": TURN}
PROMPT = {"model": "slotwise", "prompt": "x"}


def test_exceptions_of_the_client(own_official: OpenAI, service: Running):
    with pytest.raises(openai.AuthenticationError) as wrong_key:
        own_official.with_options(api_key="sw_wrong").models.list()
    assert (wrong_key.value.status_code, wrong_key.value.code) == (401, "invalid_api_key")
    for model in ("slotwise@7", "gpt-5", "slotwise@x", "slotwise@9999999999999999999", "slotwise@", "Slotwise"):
        with pytest.raises(openai.NotFoundError) as unknown:
            own_official.chat.completions.create(model=model, messages=TURN)
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.NotFoundError):
            own_official.models.retrieve(model)
    with pytest.raises(openai.BadRequestError) as too_long:
        own_official.completions.create(model="slotwise", prompt="x" * 1_200, stream=True)
    assert too_long.value.code == "context_length_exceeded"
    assert "1,200 tokens" in too_long.value.message
    with pytest.raises(openai.BadRequestError) as several:
        own_official.chat.completions.create(model="slotwise", messages=TURN, n=2)
    assert (several.value.param, several.value.type) == ("n", "invalid_request_error")
    service.serving.engine.stop()
    with pytest.raises(openai.InternalServerError) as stopped:
        own_official.chat.completions.create(model="slotwise", messages=TURN)
    assert (stopped.value.status_code, stopped.value.code) == (503, "engine_stopped")
    assert stopped.value.response.headers["Retry-After"] == "1"


def test_a_full_queue_is_a_rate_limit(own_official: OpenAI, service: Running, settings: Settings):
    def refusal(length: int) -> openai.RateLimitError | None:
        try:
            own_official.completions.create(model="slotwise", prompt="x" * length, max_tokens=2)
        except openai.RateLimitError as error:
            return error
        return None

    with Held(service.serving.engine, 0) as held, ThreadPoolExecutor(settings.max_queue + 4) as threads:
        calls = [threads.submit(refusal, length) for length in range(1, settings.max_queue + 5)]
        wait_until(lambda: sum(call.done() for call in calls) == 4)
        held.go()
        found = [call.result() for call in calls]
    refused = [error for error in found if error is not None]
    assert len(refused) == 4
    assert refused[0].code == "rate_limit_exceeded"
    assert refused[0].response.headers["Retry-After"] == "1"
    assert f"the queue holds {settings.max_queue}" in refused[0].message


def test_all_prompts_of_a_call_are_admitted_or_none(client: TestClient, settings: Settings):
    most = settings.max_batch + settings.max_queue
    many = settings.model_copy(update={"max_prompts": 4 * most})
    assert many.max_prompts > most
    client.app_state["settings"] = many
    reply = client.post("/v1/completions", json={**PROMPT, "prompt": ["x"] * (2 * most), "max_tokens": 200})
    assert reply.status_code == 429
    engine = client.app_state["serving"].engine
    wait_until(lambda: (engine.report().running, engine.report().waiting) == (0, 0))  # what was let in is let go
    assert client.post("/v1/completions", json=PROMPT).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "param", "said"),
    [
        ("completions", {"model": "slotwise"}, "prompt", "it is missing"),
        ("completions", {"prompt": "x"}, "model", "it is missing"),
        ("completions", {**PROMPT, "prompt": []}, "prompt", "the list is empty; at least 1 prompt is needed"),
        ("completions", {**PROMPT, "prompt": ["x"] * 33}, None, "prompt: 33 prompts; at most 32 are allowed"),
        ("completions", {**PROMPT, "best_of": 3}, "best_of", "it is not supported; leave it out, or send 1; got 3"),
        ("completions", {**PROMPT, "logprobs": 6}, "logprobs", "at most 5 is allowed; got 6"),
        ("completions", {**PROMPT, "max_tokens": 257}, None, "max_tokens: 257; at most 256 are allowed"),
        ("completions", {**PROMPT, "max_tokens": -1}, "max_tokens", "at least 0 is needed; got -1"),
        ("completions", {**PROMPT, "stop": 7}, "stop", "a text or a list of texts is needed; got 7"),
        ("completions", {**PROMPT, "temperature": 3}, "temperature", "at most 2 is allowed; got 3"),
        ("completions", {**PROMPT, "top_p": 0}, "top_p", "more than 0 is needed; got 0"),
        ("completions", {**PROMPT, "stop": ["a"] * 5}, "stop", "5 texts; at most 4 are allowed"),
        ("completions", {**PROMPT, "timeout_seconds": 61}, None, "timeout_seconds: 61; at most 60 are allowed"),
        ("completions", {**PROMPT, "stream_options": {}}, None, "there is no stream: true"),
        ("completions", {**PROMPT, "colour": "red"}, "colour", "there is no such field; got 'red'"),
        ("chat/completions", {**CHAT, "messages": []}, "messages", "the list is empty; at least 1 message is needed"),
        ("chat/completions", {**CHAT, "messages": [*TURN, {"role": "assistant", "content": "x"}]}, "messages", "last"),
        (
            "chat/completions",
            {**CHAT, "messages": [{"role": "oracle", "content": "x"}]},
            "messages[0].role",
            "got 'oracle'",
        ),
        (
            "chat/completions",
            {**CHAT, "messages": [{"role": "user", "content": " "}]},
            "messages",
            "the last one is blank",
        ),
        (
            "chat/completions",
            {**CHAT, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content",
            "a text is needed, or a list of parts of the type text",
        ),
        (
            "chat/completions",
            {**CHAT, "messages": [{"role": "user", "content": 7}]},
            "messages[0].content",
            "a text is needed, or a list of parts of the type text; got 7",
        ),
        (
            "chat/completions",
            {**CHAT, "messages": [{"role": "user", "content": "\ud800"}]},
            "messages[0].content",
            "half a surrogate pair is no text",
        ),
        ("chat/completions", {**CHAT, "tools": [{"type": "function"}]}, "tools", "it is not supported"),
        ("chat/completions", {**CHAT, "response_format": {"type": "json_object"}}, "response_format", "not supported"),
        ("chat/completions", {**CHAT, "top_logprobs": 2}, None, "top_logprobs needs logprobs: true"),
        ("chat/completions", {**CHAT, "max_tokens": 1, "max_completion_tokens": 2}, None, "two names of one number"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(untaught: TestClient, path, body, param, said):
    header = {"Content-Type": "application/json"}  # httpx itself sends no half of a pair
    reply = untaught.post(f"/v1/{path}", content=json.dumps(body), headers=header)
    assert reply.status_code == 400, reply.text
    assert reply.headers["Content-Type"] == "application/json"
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"
    if param is not None:
        assert error["param"].startswith(param)


def test_fields_that_ask_for_nothing_are_taken(untaught: TestClient):
    idle = {"n": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}, "user": "me", "seed": None}
    assert (
        untaught.post(
            "/v1/completions", json={**PROMPT, **idle, "best_of": 1, "echo": False, "logprobs": None}
        ).status_code
        == 200
    )
    chat = {**CHAT, **idle, "tools": [], "response_format": {"type": "text"}, "store": False, "max_tokens": 2}
    assert untaught.post("/v1/chat/completions", json=chat).status_code == 200


def test_what_the_framework_refuses_has_the_same_shape(untaught: TestClient):
    for reply, status in (
        (untaught.get("/v1/completions"), 405),
        (untaught.post("/v1/completions", content=b" " * 2_000_000), 413),
        (untaught.post("/v1/chat/completions", content=b"{", headers={"Content-Type": "application/json"}), 400),
        (untaught.get("/v1/models/none"), 404),
        (untaught.get("/v1/models", headers={"Authorization": ""}), 401),
    ):
        assert reply.status_code == status, reply.text
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    elsewhere = untaught.post("/v1/query", json={})
    assert elsewhere.headers["Content-Type"] == "application/problem+json"
