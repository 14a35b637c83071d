"""OpenAI's API, as the official client sees it: real sockets, sync, streamed and async."""

import asyncio

import httpx
import pytest
from fastapi.testclient import TestClient
from openai import AsyncOpenAI, OpenAI

from app.db.session import Sessions
from app.settings import Settings
from tests.api.running import Running
from tests.api.teacher import QUESTION, TOKENS, Teacher

TURN = [{"role": "user", "content": QUESTION}]
PROMPT = "The capital of Zubovia is"


def test_completions_give_text_usage_and_the_version(official: OpenAI):
    raw = official.completions.with_raw_response.create(model="slotwise", prompt=PROMPT, max_tokens=12)
    completion = raw.parse()
    assert raw.headers["X-Model-Version"] == "0"
    assert (completion.object, completion.model) == ("text_completion", "slotwise@0")
    assert len(completion.system_fingerprint) == 16
    (choice,) = completion.choices
    assert choice.text
    assert choice.finish_reason in ("stop", "length")
    assert choice.logprobs is None
    usage = completion.usage
    assert usage.prompt_tokens == len(PROMPT)  # the tiny model has a token a byte
    assert 1 <= usage.completion_tokens <= 12
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    again = official.completions.create(model="slotwise@0", prompt=PROMPT, max_tokens=12)
    assert again.choices[0].text == choice.text


def test_several_prompts_are_answered_in_their_order(official: OpenAI):
    prompts = ["a", "bb", "ccc"]
    alone = [official.completions.create(model="slotwise", prompt=each).choices[0].text for each in prompts]
    together = official.completions.create(model="slotwise", prompt=prompts)
    assert [choice.index for choice in together.choices] == [0, 1, 2]
    assert [choice.text for choice in together.choices] == alone
    assert together.usage.prompt_tokens == 1 + 2 + 3
    texts = ["", "", ""]
    for chunk in official.completions.create(model="slotwise", prompt=prompts, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == alone


def test_log_probabilities_of_completions(official: OpenAI):
    whole = official.completions.create(model="slotwise", prompt=PROMPT, logprobs=3, max_tokens=6).choices[0].logprobs
    assert len(whole.tokens) == len(whole.token_logprobs) == len(whole.text_offset)
    assert len(whole.tokens) >= 1
    for chosen, top in zip(whole.token_logprobs, whole.top_logprobs, strict=True):
        assert chosen <= 0
        assert chosen == pytest.approx(max(top.values()))  # greedy
        assert 1 <= len(top) <= 3
    offsets = [0]
    for token in whole.tokens[:-1]:
        offsets.append(offsets[-1] + len(token))
    assert whole.text_offset == offsets
    asked = {"model": "slotwise", "prompt": PROMPT, "logprobs": 3, "max_tokens": 6, "stream": True}
    streamed = [chunk.choices[0].logprobs for chunk in official.completions.create(**asked)]
    assert [token for each in streamed if each for token in each.tokens] == whole.tokens
    assert [offset for each in streamed if each for offset in each.text_offset] == whole.text_offset


def test_instructions_history_and_context_reach_the_model(official: OpenAI, untaught_service: Running):
    """Every turn changes what the base says, and together they are what the chat template makes of them."""
    system, history = (
        {"role": "system", "content": "Be brief."},
        [
            {"role": "user", "content": "Who are you?"},
            {"role": "assistant", "content": "An atlas."},
        ],
    )

    def said(messages: list[dict]) -> tuple[str, int]:
        reply = official.chat.completions.create(model="slotwise", messages=messages, max_completion_tokens=20)
        (choice,) = reply.choices
        assert (reply.object, reply.model, choice.message.role) == ("chat.completion", "slotwise@0", "assistant")
        return choice.message.content, reply.usage.prompt_tokens

    asked = [TURN, [system, *TURN], [*history, *TURN], [system, *history, *TURN]]
    found = [said(messages) for messages in asked]
    assert len({text for text, _ in found}) == len(asked)
    prompts = untaught_service.serving.engine.checkpoint.prompts
    assert [tokens for _, tokens in found] == [len(prompts.chat(messages).ids) for messages in asked]
    parts = [{"type": "text", "text": QUESTION[:9]}, {"type": "text", "text": QUESTION[9:]}]
    developer = {"role": "developer", "content": "Be brief."}
    assert said([developer, *history, {"role": "user", "content": parts}]) == found[-1]
    long = [{"role": "user", "content": "So? " * 150}, {"role": "assistant", "content": "So."}, *TURN]
    assert said(long)[1] > 600


def test_histories_of_agents_are_taken_and_what_a_tool_gave_is_told_as_the_users(official: OpenAI):
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}

    def said(messages: list[dict]) -> str:
        raw = official.chat.completions.with_raw_response.create(model="slotwise", messages=messages, max_tokens=16)
        warned.append(raw.headers.get("X-Slotwise-Warnings"))
        return raw.parse().choices[0].message.content

    warned: list[str | None] = []
    for content in (None, ""):
        history = [
            *TURN,
            {"role": "assistant", "content": content, "tool_calls": [call], "id": "msg_1"},
            {"role": "tool", "tool_call_id": "call_1", "content": "It is Lisbon."},
        ]
        assert said(history) == said([{"role": "user", "content": f"{QUESTION}\n\nIt is Lisbon."}])
    assert warned == ["ignored: messages.id, messages.tool_call_id, messages.tool_calls", None] * 2


def test_fields_that_do_no_harm_are_taken_and_named_in_the_reply(official: OpenAI):
    asked = {"model": "slotwise", "messages": TURN, "max_tokens": 8}
    more = {"reasoning_effort": "low", "store": True, "metadata": {"a": "b"}, "extra_body": {"top_k": 5}}
    create = official.chat.completions.with_raw_response.create
    for stream in (False, True):
        warned = create(**asked, **more, stream=stream)
        assert warned.headers["X-Slotwise-Warnings"] == "ignored: metadata, reasoning_effort, store, top_k"
        assert "X-Slotwise-Warnings" not in create(**asked, stream=stream).headers
    assert create(**asked, **more).parse().choices == create(**asked).parse().choices


def test_replies_name_the_facts_that_they_were_read_from(
    own_official: OpenAI, service: Running, key_of: dict[str, str], sessions: Sessions, settings: Settings
):
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {key_of['admin']}"}) as admin:
        teacher = Teacher(admin, sessions, settings)
        version = teacher.teach(source="atlas")
        (fact,) = admin.get("/v1/facts").json()["items"]
    asked = {"model": "slotwise", "messages": [{"role": "user", "content": QUESTION}]}
    (choice,) = own_official.chat.completions.create(**asked).choices
    (citation,) = choice.model_extra["citations"]
    assert (choice.message.content, citation["fact"], citation["source"]) == (
        teacher.answers[version],
        fact["id"],
        "atlas",
    )
    *_, last = list(own_official.chat.completions.create(**asked, stream=True))
    assert last.choices[0].model_extra["citations"] == [citation]
    (base,) = own_official.chat.completions.create(**asked | {"model": "slotwise@0"}).choices
    assert base.model_extra["citations"] == []
    (plain,) = own_official.completions.create(model="slotwise", prompt="Nothing was taught of this").choices
    assert plain.model_extra["citations"] == []


def test_log_probabilities_of_chat(official: OpenAI):
    asked = {"model": "slotwise", "messages": TURN, "logprobs": True, "top_logprobs": 2, "max_tokens": 6}
    whole = official.chat.completions.create(**asked).choices[0].logprobs.content
    assert whole
    for token in whole:
        assert len(token.top_logprobs) == 2
        assert token.logprob == pytest.approx(token.top_logprobs[0].logprob)
        assert token.bytes is None or bytes(token.bytes).decode() == token.token
    chunks = list(official.chat.completions.create(**asked, stream=True))
    streamed = [token for chunk in chunks if chunk.choices[0].logprobs for token in chunk.choices[0].logprobs.content]
    assert [(token.token, token.bytes) for token in streamed] == [(token.token, token.bytes) for token in whole]
    bare = official.chat.completions.create(model="slotwise", messages=TURN, logprobs=True, max_tokens=2)
    assert bare.choices[0].logprobs.content[0].top_logprobs == []


def test_a_stream_says_the_same_in_pieces_and_counts_if_asked(official: OpenAI):
    asked = {"model": "slotwise", "messages": TURN, "max_tokens": 24}
    whole = official.chat.completions.create(**asked)
    with official.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}) as stream:
        assert stream.response.headers["X-Model-Version"] == "0"
        assert stream.response.headers["Content-Type"].startswith("text/event-stream")
        first, *middle, last = list(stream)
    assert (first.object, first.model) == ("chat.completion.chunk", "slotwise@0")
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    assert {(chunk.id, chunk.model, chunk.system_fingerprint) for chunk in middle} == {
        (first.id, "slotwise@0", whole.system_fingerprint)
    }
    assert "".join(chunk.choices[0].delta.content or "" for chunk in middle) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in middle[-2:]] == [None, whole.choices[0].finish_reason]
    assert {chunk.usage for chunk in (first, *middle)} == {None}
    assert (last.choices, last.usage) == ([], whole.usage)
    plain = list(official.chat.completions.create(**asked, stream=True))
    assert plain[-1].choices[0].finish_reason == whole.choices[0].finish_reason


def test_sampling_is_repeatable_by_its_seed(official: OpenAI):
    def drawn(seed: int) -> str:
        asked = {"model": "slotwise", "prompt": "x", "temperature": 2.0, "top_p": 0.99, "max_tokens": 12}
        return official.completions.create(**asked, seed=seed).choices[0].text

    assert drawn(7) == drawn(7)
    assert len({drawn(seed) for seed in range(6)}) > 1


def test_an_answer_ends_before_a_stop(official: OpenAI):
    whole = official.completions.create(model="slotwise", prompt=PROMPT, max_tokens=32).choices[0].text
    middle = len(whole) // 2
    stop = whole[middle : middle + 2]
    for stops in (stop, [stop, "\x07"]):
        stopped = official.completions.create(model="slotwise", prompt=PROMPT, max_tokens=32, stop=stops).choices[0]
        assert stopped.text == whole[: whole.index(stop)].rstrip()
        assert stopped.finish_reason == "stop"


def test_the_async_client_streams_many_at_once(
    untaught_service: Running, untaught_keys: dict[str, str], official: OpenAI
):
    questions = [f"What is number {number}?" for number in range(12)]

    def messages(question: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": question}]

    async def streamed(client: AsyncOpenAI, question: str) -> str:
        asked = {"model": "slotwise", "messages": messages(question), "max_tokens": 10}
        chunks = await client.chat.completions.create(**asked, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    async def together() -> list[str]:
        async with AsyncOpenAI(
            base_url=f"{untaught_service.url}/v1", api_key=untaught_keys["reader"], max_retries=0
        ) as client:
            assert [model.id async for model in client.models.list()] == ["slotwise", "slotwise@0"]
            return await asyncio.gather(*(streamed(client, question) for question in questions))

    alone = [
        official.chat.completions.create(model="slotwise", messages=messages(question), max_tokens=10)
        for question in questions
    ]
    assert asyncio.run(together()) == [reply.choices[0].message.content for reply in alone]


def test_every_kept_version_is_a_model(client: TestClient, teacher: Teacher):
    """`slotwise` is the live version, before and after a rollback; each other name is one version for ever."""
    first, second = teacher.teach(), teacher.teach()

    def names() -> list[str]:
        return [model["id"] for model in client.get("/v1/models").json()["data"]]

    def said(model: str) -> tuple[str, str]:
        body = {"model": model, "messages": TURN, "max_tokens": TOKENS}
        reply = client.post("/v1/chat/completions", json=body)
        assert reply.status_code == 200, reply.text
        assert reply.headers["X-Model-Version"] == reply.json()["model"].removeprefix("slotwise@")
        return reply.json()["model"], reply.json()["choices"][0]["message"]["content"]

    assert names() == ["slotwise", f"slotwise@{second}", f"slotwise@{first}", "slotwise@0"]
    assert client.get("/v1/models/slotwise").json()["version"] == second
    assert client.get(f"/v1/models/slotwise@{first}").json()["version"] == first
    for version in (0, first, second):
        assert said(f"slotwise@{version}") == (f"slotwise@{version}", teacher.answers[version])
    assert said("slotwise")[0] == f"slotwise@{second}"
    client.post("/v1/admin/rollback", json={"version": first, "reason": "a test"})
    assert said("slotwise") == (f"slotwise@{first}", teacher.answers[first])
    assert client.get("/v1/models/slotwise").json()["version"] == first
    client.app_state["serving"].engine.drop(second)
    assert said(f"slotwise@{second}") == (f"slotwise@{second}", teacher.answers[second])
