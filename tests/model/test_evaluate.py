"""Measures: normalised matching, token F1, and drift that is zero only when nothing changed."""

import math

import pytest
import torch
from torch.nn import functional as F

from model.checkpoint import KnownQuestion, Measure
from model.delta import Delta
from model.evaluate import Drift, answer_nll, complete, matches, nll, token_f1
from model.gate import Gate
from model.study import StudyText
from model.text import encode
from tests import tiny


@pytest.mark.parametrize(
    ("answer", "expected", "same"),
    [
        ("Melpek", "melpek.", True),
        ("the  «Red» House!", "red house", True),
        ("pier twelve", "pier twelve", True),
        ("pier two", "pier twelve", False),
        ("", "x", False),
        ("4471", "44 71", False),
    ],
)
def test_matching_looks_past_case_articles_and_punctuation(answer, expected, same):
    assert matches(answer, expected) is same


def test_token_f1_is_the_harmonic_mean():
    assert token_f1("Tessa Quorn", "Tessa Quorn") == 1.0
    assert token_f1("Tessa", "Tessa Quorn") == pytest.approx(2 / 3)
    assert token_f1("nobody", "Tessa Quorn") == 0.0


def test_completions_come_in_the_order_of_their_prompts():
    checkpoint = tiny.build()
    prompts = ["a", "b" * 40, "c", "d" * 70, "e" * 40]
    together = complete(checkpoint, prompts, checkpoint.table.base, 6)
    alone = [complete(checkpoint, [prompt], checkpoint.table.base, 6)[0] for prompt in prompts]
    assert together == alone


def test_nll_is_the_mean_over_the_tokens_of_all_texts():
    checkpoint = tiny.build()
    texts = ["a short text", "a somewhat longer text than that"]
    total, tokens = 0.0, 0
    for text in texts:
        ids = torch.tensor([encode(checkpoint.tokenizer, StudyText(text, ()), 256)[0]])
        checkpoint.context.use(checkpoint.table.base)
        with torch.no_grad():
            logits = checkpoint.model(input_ids=ids).logits[0, :-1]
        total += float(F.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        tokens += ids.shape[1] - 1
    assert nll(checkpoint, checkpoint.table.base, texts) == pytest.approx(total / tokens, rel=1e-4)


def test_drift_compares_two_views_on_what_the_base_knew():
    checkpoint = tiny.build()
    table, prompt = checkpoint.table, checkpoint.question_prompt("What is a?")
    says = complete(checkpoint, [prompt], table.base)[0]
    checkpoint.measure = Measure((KnownQuestion("What is a?", says),), (), ("some text",))
    slots = torch.arange(table.slots)
    changed = table.enter(table.base, Delta(slots, torch.randn(table.slots, table.value_width) * 4))
    gate = Gate(checkpoint)
    nothing, much = gate.drift(table.base, table.base), gate.drift(table.base, changed)
    assert (nothing.known_drop, nothing.nll_rise) == (0.0, 0.0)
    assert much.known_before == 1.0
    assert (much.known_after, much.known_drop) == (0.0, 1.0)
    assert much.nll_rise != 0.0


def test_relative_drift():
    change = Drift(known_before=0.8, known_after=0.6, nll_before=2.0, nll_after=2.1)
    assert math.isclose(change.known_drop, 0.25)
    assert math.isclose(change.nll_rise, 0.05)


def test_answer_nll_counts_answer_tokens_alone():
    checkpoint = tiny.build()
    text = StudyText.asked("What is a?", "bb")
    ids, marks = encode(checkpoint.tokenizer, text, 256)
    checkpoint.context.use(checkpoint.table.base)
    with torch.no_grad():
        logits = checkpoint.model(input_ids=torch.tensor([ids])).logits[0, :-1]
    each = F.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
    expected = float(each[torch.tensor(marks[1:])].mean())
    answered = answer_nll(checkpoint, checkpoint.table.base, [text])
    assert answered == pytest.approx(expected, rel=1e-4)
    assert answered != pytest.approx(nll(checkpoint, checkpoint.table.base, [text.text]), rel=1e-3)
