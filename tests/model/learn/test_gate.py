"""The gate: the same figures as measuring from scratch, once for each state."""

import pytest
import torch

import model.gate
from model.augment import augment
from model.checkpoint import Checkpoint, KnownQuestion, Measure
from model.delta import Delta
from model.evaluate import complete, matches, nll
from model.gate import Gate
from model.study import Fact
from model.values import View
from tests import tiny

QUESTIONS = [f"What is {letter}?" for letter in "abcdefgh"]
TEXTS = ("a text about nothing", "another text", "a third one that is somewhat longer")


@pytest.fixture(params=[(0,), (2,), (3,), (1, 3)], ids=str)
def checkpoint(request) -> Checkpoint:
    """A model that answers some of its gate questions, with memory in several places."""
    checkpoint = tiny.build(memory=tiny.MEMORY.__class__(**{**vars(tiny.MEMORY), "layers": request.param}))
    prompts = [checkpoint.question_prompt(question) for question in QUESTIONS]
    said = complete(checkpoint, prompts, checkpoint.table.base)
    known = [KnownQuestion(question, answer) for question, answer in zip(QUESTIONS, said, strict=True)]
    known[3] = KnownQuestion(QUESTIONS[3], "nothing that it says")
    checkpoint.measure = Measure(tuple(known), (), TEXTS)
    return checkpoint


def changed(checkpoint: Checkpoint, share: float) -> View:
    table = checkpoint.table
    slots = torch.arange(0, table.slots, round(1 / share))
    before = table.read(table.base, slots)
    noise = torch.randn(before.shape, generator=torch.Generator().manual_seed(1))
    return table.enter(table.base, Delta(slots, before + noise))


@pytest.mark.parametrize("share", [0.0625, 0.5])
def test_it_gives_what_measuring_from_scratch_gives(checkpoint, share):
    gate, view = Gate(checkpoint), changed(checkpoint, share)
    known = [(one.question, one.answer) for one in checkpoint.measure.gate]
    for one in (checkpoint.table.base, view):
        measured = gate.measure(one)
        said = complete(checkpoint, [checkpoint.question_prompt(question) for question, _ in known], one)
        right = [matches(answer, wanted) for answer, (_, wanted) in zip(said, known, strict=True)]
        assert sum(measured.answered) / len(known) == sum(right) / len(known)
        assert measured.nll == pytest.approx(nll(checkpoint, one, TEXTS), rel=1e-4)
    change = gate.drift(checkpoint.table.base, view)
    assert change.known_before == pytest.approx(7 / 8)
    assert change.nll_after != change.nll_before


def test_a_state_is_measured_once(checkpoint, monkeypatch):
    gate, view = Gate(checkpoint), changed(checkpoint, 0.0625)
    gate.drift(checkpoint.table.base, view)

    def fail(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(gate, "_answered", fail)
    again = changed(checkpoint, 0.0625)
    assert gate.measure(again) == gate.measure(view)
    with pytest.raises(AssertionError, match="measured again"):
        gate.measure(changed(checkpoint, 0.5))


def test_it_forgets_the_oldest_measures(checkpoint, monkeypatch):
    monkeypatch.setattr(model.gate, "_MEASURES_KEPT", 2)
    gate = Gate(checkpoint)
    views = [checkpoint.table.base, changed(checkpoint, 0.0625), changed(checkpoint, 0.5)]
    for view in views:
        gate.measure(view)
    assert list(gate._measured) == [view.state_hash for view in views[1:]]


def test_a_question_that_is_answered_anew_is_left_out(checkpoint):
    gate, view = Gate(checkpoint), changed(checkpoint, 0.0625)
    kept = [index for index, question in enumerate(QUESTIONS) if question != "What is a?"]
    taught = augment(Fact(question="what is a", answer="something new"))
    change = gate.drift(checkpoint.table.base, view, [taught])
    assert change.known_before == sum(gate.measure(checkpoint.table.base).answered[index] for index in kept) / 7
    assert change.known_after == sum(gate.measure(view).answered[index] for index in kept) / 7


def test_a_checkpoint_that_brings_nothing_to_measure_shows_no_drift(checkpoint):
    checkpoint.measure = Measure()
    change = Gate(checkpoint).drift(checkpoint.table.base, changed(checkpoint, 0.5))
    assert (change.known_drop, change.nll_rise) == (0.0, 0.0)


def test_it_reads_no_more_texts_than_it_needs(checkpoint):
    checkpoint.measure = Measure((), (), tuple(f"{number} " + "words " * 20 for number in range(40)))
    gate = Gate(checkpoint)
    read = sum(int(rows._replay.batch.real.sum()) for rows in gate._read)
    assert model.gate.TEXT_TOKENS - 130 < read <= model.gate.TEXT_TOKENS
