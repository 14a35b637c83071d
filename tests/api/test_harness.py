"""/v1/completions as evaluation harnesses call it: prompts echoed with their log-probabilities, or as token ids."""

import json
import math

import pytest
import torch
from fastapi.testclient import TestClient
from openai import OpenAI

from tests.api.running import Running

PROMPT = "The capital of Zubovia is"


def reference(service: Running, text: str) -> torch.Tensor:
    """Log-probabilities (T - 1, W) of what follows each token of a text, by the base itself."""
    checkpoint = service.serving.engine.checkpoint
    with torch.no_grad():
        return checkpoint.model(torch.tensor([checkpoint.prompts.continuation(text).ids])).logits[0].log_softmax(-1)


@pytest.mark.parametrize("tokens", [0, 1])
def test_an_echoed_prompt_has_the_log_probabilities_of_the_base(
    official: OpenAI, untaught_service: Running, tokens: int
):
    """As lm-eval's local-completions asks for the likelihood of a text."""
    asked = {"model": "slotwise", "prompt": PROMPT, "echo": True, "logprobs": 1, "temperature": 0, "seed": 1234}
    reply = official.completions.create(**asked, max_tokens=tokens)
    (choice,) = reply.choices
    found = choice.logprobs
    ids = untaught_service.serving.engine.checkpoint.prompts.continuation(PROMPT).ids
    assert choice.text.startswith(PROMPT)
    assert "".join(found.tokens[: len(PROMPT)]) == PROMPT
    assert {len(found.tokens), len(found.token_logprobs), len(found.top_logprobs), len(found.text_offset)} == {
        len(PROMPT) + tokens
    }
    assert found.text_offset[: len(PROMPT)] == list(range(len(PROMPT)))
    assert (found.token_logprobs[0], found.top_logprobs[0]) == (None, None)
    wanted = reference(untaught_service, PROMPT)
    for place in range(1, len(ids)):
        assert found.token_logprobs[place] == pytest.approx(float(wanted[place - 1, ids[place]]), abs=1e-3)
        (best,) = found.top_logprobs[place].values()
        assert best == pytest.approx(float(wanted[place - 1].max()), abs=1e-3)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (len(PROMPT), tokens)


def test_several_prompts_are_echoed_each_with_its_own(untaught: TestClient):
    texts = [PROMPT, "Olms are", "x"]
    body = {"model": "slotwise", "echo": True, "logprobs": 1, "max_tokens": 1}
    together = untaught.post("/v1/completions", json={**body, "prompt": texts}).json()["choices"]
    for text, choice in zip(texts, together, strict=True):
        (alone,) = untaught.post("/v1/completions", json={**body, "prompt": text}).json()["choices"]
        assert choice["logprobs"]["tokens"] == alone["logprobs"]["tokens"]
        for own, other in zip(choice["logprobs"]["token_logprobs"], alone["logprobs"]["token_logprobs"], strict=True):
            assert (own is None) == (other is None)
            assert own is None or math.isclose(own, other, abs_tol=1e-5)


def test_an_echo_without_log_probabilities_is_the_text_alone(untaught: TestClient):
    body = {"model": "slotwise", "prompt": PROMPT, "max_tokens": 6}
    (plain,) = untaught.post("/v1/completions", json=body).json()["choices"]
    (echoed,) = untaught.post("/v1/completions", json={**body, "echo": True}).json()["choices"]
    assert echoed["logprobs"] is None
    assert echoed["text"] == PROMPT + plain["text"]


def test_token_ids_are_the_text_that_they_spell(untaught: TestClient, untaught_service: Running):
    ids = list(untaught_service.serving.engine.checkpoint.prompts.continuation(PROMPT).ids)
    body = {"model": "slotwise", "max_tokens": 8}
    by_text = untaught.post("/v1/completions", json={**body, "prompt": PROMPT}).json()
    for prompt in (ids, [ids]):
        by_ids = untaught.post("/v1/completions", json={**body, "prompt": prompt}).json()
        assert (by_ids["choices"], by_ids["usage"]) == (by_text["choices"], by_text["usage"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"prompt": [257]}, "prompt: the"),  # the end token spells nothing
        ({"prompt": [5, 1_000]}, "prompt: a token id is not from 0 to 257"),
        ({"prompt": [-1]}, "prompt: a token id is not from 0 to 257"),
        ({"prompt": [[]]}, "prompt: the prompt has 0 tokens"),
        ({"prompt": [True]}, "prompt: a text or a list of texts is needed; or token ids"),
        ({"prompt": ["x", 7]}, "prompt: a text or a list of texts is needed; or token ids"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens: 0; at least 1 is needed without echo"),
        ({"prompt": "x", "echo": True, "stream": True}, "echo: it is not supported in a stream"),
        ({"prompt": ["x", "\ud800"]}, "prompt[1]: half a surrogate pair is no text"),
    ],
)
def test_what_is_no_prompt_is_refused_by_name(untaught: TestClient, more: dict, said: str):
    header = {"Content-Type": "application/json"}  # httpx itself sends no half of a pair
    body = json.dumps({"model": "slotwise", **more})
    reply = untaught.post("/v1/completions", content=body, headers=header)
    assert reply.status_code == 400, reply.text
    assert said in reply.json()["error"]["message"]
