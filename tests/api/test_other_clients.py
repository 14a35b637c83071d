"""LiteLLM, LangChain's ChatOpenAI and lm-eval's local-completions, as they are: `make test-clients` installs them.

They are imported in the tests, because `make test` collects this file without having them.
"""

import asyncio
from pathlib import Path

import pytest
import torch
from openai import OpenAI

from tests import tiny
from tests.api.running import Running

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("default")]  # warnings of theirs are not ours to mend

QUESTION = "What is the capital of Zubovia?"
TURN = [{"role": "user", "content": QUESTION}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
HISTORY = [
    {"role": "system", "content": "You are the assistant of an atlas."},
    *TURN,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "It is Lisbon."},
]
TOKENS = 16


@pytest.fixture(autouse=True)
def _nothing_is_sent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """They look for prices, traces and tokenizers on hosts of others."""
    for name, value in {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
    }.items():
        monkeypatch.setenv(name, value)


def said(official: OpenAI, messages: list[dict]) -> str | None:
    """What the official client is told."""
    reply = official.chat.completions.create(model="slotwise", messages=messages, max_tokens=TOKENS)
    return reply.choices[0].message.content


def test_litellm(official: OpenAI, untaught_service: Running, untaught_keys: dict[str, str]):
    import litellm

    given = {
        "model": "openai/slotwise",
        "api_base": f"{untaught_service.url}/v1",
        "api_key": untaught_keys["reader"],
        "max_tokens": TOKENS,
    }
    for messages in (TURN, HISTORY):
        whole = litellm.completion(messages=messages, **given)
        assert whole.choices[0].message.content == said(official, messages)
        assert whole.usage.completion_tokens <= TOKENS
        stream = litellm.completion(messages=messages, stream=True, **given)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == said(official, messages)
    other = asyncio.run(litellm.acompletion(messages=TURN, **given))
    assert other.choices[0].message.content == said(official, TURN)
    with pytest.raises(litellm.AuthenticationError):
        litellm.completion(messages=TURN, **{**given, "api_key": "sw_wrong"})


def test_langchain(official: OpenAI, untaught_service: Running, untaught_keys: dict[str, str]):
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(
        model="slotwise", base_url=f"{untaught_service.url}/v1", api_key=untaught_keys["reader"], max_tokens=TOKENS
    )
    history = [
        SystemMessage("You are the assistant of an atlas."),
        HumanMessage(QUESTION),
        AIMessage("", tool_calls=[{"id": "call_1", "name": "look", "args": {}}]),
        ToolMessage("It is Lisbon.", tool_call_id="call_1"),
    ]
    asked = [[HumanMessage(QUESTION)], history]
    for messages, plain in zip(asked, (TURN, HISTORY), strict=True):
        wanted = said(official, plain)
        assert chat.invoke(messages).content == wanted
        assert "".join(str(chunk.content) for chunk in chat.stream(messages)) == wanted
    together = asyncio.run(chat.abatch(asked))
    assert [one.content for one in together] == [said(official, TURN), said(official, HISTORY)]
    assert chat.invoke(TURN).usage_metadata["output_tokens"] <= TOKENS


def test_lm_eval_finds_the_likelihoods_of_the_base(
    untaught_service: Running, untaught_keys: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from lm_eval.api.instance import Instance
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    monkeypatch.setenv("OPENAI_API_KEY", untaught_keys["reader"])
    tiny.byte_tokenizer().save_pretrained(tmp_path)
    model = LocalCompletionsAPI(
        base_url=f"{untaught_service.url}/v1/completions", model="slotwise", tokenizer=str(tmp_path), num_concurrent=1
    )
    pairs = [
        ("The capital of Zubovia is", " Lisbon"),
        ("The capital of Zubovia is", " Nairobi"),
        ("Olms are", " blind"),
    ]
    asked = [Instance("loglikelihood", {}, pair, index) for index, pair in enumerate(pairs)]
    for (context, rest), (found, _) in zip(pairs, model.loglikelihood(asked), strict=True):
        assert found == pytest.approx(likelihood(untaught_service, context, rest), abs=1e-2)


def likelihood(service: Running, context: str, rest: str) -> float:
    """Of the rest of a text, by the base itself."""
    checkpoint = service.serving.engine.checkpoint
    before, whole = (len(checkpoint.prompts.continuation(text).ids) for text in (context, context + rest))
    ids = checkpoint.prompts.continuation(context + rest).ids
    with torch.no_grad():
        told = checkpoint.model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return sum(float(told[place - 1, ids[place]]) for place in range(before, whole))
