"""Learning: only the chosen rows move, the prefix is computed once, a miss leaves no change."""

import pytest
import torch

from model import access
from model.config import FinetuneConfig, MemoryConfig
from model.delta import same_bits
from model.evaluate import complete
from model.finetune import UpperLayers, choose_slots, learn
from model.study import Probe, Study, StudyText
from model.text import encode, pad
from tests import tiny

TWO_LAYERS = MemoryConfig((1, 3), heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
QUICK = FinetuneConfig(top_t=64, learning_rate=0.1, max_steps=60, stop_loss=0.3)


def study(answer: str = "ok", probe_answer: str | None = None) -> Study:
    """Texts that all end in the same answer, so that a random model can learn them."""
    names = ("sun", "moon", "tide", "rain")
    prompts = [f"How is the {name}?\n" for name in names]
    texts = tuple(
        StudyText(f"{prompt} {answer}", ((len(prompt), len(prompt) + 1 + len(answer)),)) for prompt in prompts
    )
    return Study(texts, Probe("question", "How is the wind?", probe_answer or answer), True)


def everything(checkpoint) -> dict[str, torch.Tensor]:
    state = {name: tensor.clone() for name, tensor in checkpoint.model.state_dict().items()}
    return state | {"rows": checkpoint.table.rows[: checkpoint.table.slots].clone()}


@pytest.mark.parametrize("memory", [tiny.MEMORY, TWO_LAYERS], ids=["one layer", "two layers"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_nothing_but_the_chosen_rows_moves(memory, optimizer):
    checkpoint = tiny.build(memory=memory)
    before = everything(checkpoint)
    rate = 10.0 if optimizer == "sgd" else 0.1
    config = FinetuneConfig(top_t=32, optimizer=optimizer, learning_rate=rate, max_steps=60, stop_loss=0.3)
    learned = learn(checkpoint, checkpoint.table.base, [study(), study("no")], config)
    after = everything(checkpoint)
    for name, tensor in before.items():
        assert same_bits(tensor, after[name]), name
    assert learned.delta is not None
    chosen = {use.slot for report in learned.reports for use in report.slots}
    assert set(learned.delta.slots.tolist()) <= chosen
    assert checkpoint.context.trainable is None
    assert checkpoint.table.rows_in_use == 0


def test_a_learned_fact_is_answered_by_the_view_of_its_delta_and_not_by_the_base():
    checkpoint = tiny.build()
    base = checkpoint.table.base
    learned = learn(checkpoint, base, [study()], QUICK)
    (report,) = learned.reports
    assert report.learned
    assert report.probe_answer == "ok"
    view = checkpoint.table.enter(base, learned.delta)
    assert view.state_hash == learned.state_hash
    prompt = checkpoint.question_prompt("How is the wind?")
    assert complete(checkpoint, [prompt], view) == ["ok"]
    assert complete(checkpoint, [prompt], base) != ["ok"]


def test_a_fact_that_misses_its_probe_leaves_no_change_and_the_others_go_on():
    checkpoint = tiny.build()
    config = FinetuneConfig(top_t=64, learning_rate=0.1, max_steps=40, stop_loss=0.3)
    learned = learn(checkpoint, checkpoint.table.base, [study("ok", "impossible"), study("yes")], config)
    missed, found = learned.reports
    assert (missed.learned, found.learned) == (False, True)
    assert "to the probe, not 'impossible'" in missed.reason
    assert missed.steps == 40
    alone = learn(checkpoint, checkpoint.table.base, [study("yes")], config)
    assert learned.state_hash == alone.state_hash


def test_nothing_learned_is_no_delta():
    checkpoint = tiny.build()
    config = FinetuneConfig(max_steps=1)
    learned = learn(checkpoint, checkpoint.table.base, [study("ok", "impossible")], config)
    assert learned.delta is None
    assert learned.state_hash == checkpoint.table.base.state_hash


def test_facts_of_a_job_build_on_each_other():
    checkpoint = tiny.build()
    learned = learn(checkpoint, checkpoint.table.base, [study("ok"), study("yes")], QUICK)
    view = checkpoint.table.enter(checkpoint.table.base, learned.delta)
    prompt = checkpoint.question_prompt("How is the wind?")
    assert complete(checkpoint, [prompt], view) == ["yes"]  # the later fact about the same thing wins


def test_learning_is_deterministic():
    hashes = {learn(c, c.table.base, [study()], QUICK).state_hash for c in (tiny.build(), tiny.build())}
    assert len(hashes) == 1


def test_progress_is_told_and_its_exception_ends_the_learning():
    checkpoint = tiny.build()
    told = []
    learn(checkpoint, checkpoint.table.base, [study(), study("no")], QUICK, on_progress=told.append)
    assert told == [1, 2]

    def lost(done: int) -> None:
        raise RuntimeError("lease lost")

    with pytest.raises(RuntimeError, match="lease lost"):
        learn(checkpoint, checkpoint.table.base, [study(), study("no")], QUICK, on_progress=lost)
    assert checkpoint.table.rows_in_use == 0


@pytest.mark.parametrize("language", [tiny.llama(), tiny.qwen3()], ids=["llama", "qwen3"])
@pytest.mark.parametrize("memory", [tiny.MEMORY, TWO_LAYERS], ids=["one layer", "two layers"])
def test_replaying_the_upper_layers_equals_a_full_pass(language, memory):
    checkpoint = tiny.build(language, memory)
    checkpoint.context.use(checkpoint.table.base)
    ids = torch.randint(0, 256, (3, 10))
    upper = UpperLayers(checkpoint, ids)
    with torch.no_grad():
        full = checkpoint.model.get_decoder()(input_ids=ids).last_hidden_state
        assert torch.equal(upper(), full)
    assert sorted(upper.reads) == list(memory.layers)


def test_slots_are_chosen_from_real_reads_and_earlier_owners_are_avoided():
    checkpoint = tiny.build()
    checkpoint.context.use(checkpoint.table.base)
    rows = [encode(checkpoint.tokenizer, text, 256) for text in study().texts]
    batch = pad(rows, checkpoint.tokenizer.pad_token_id)
    upper = UpperLayers(checkpoint, batch.ids)
    config = FinetuneConfig(top_t=8, protection=1.0)
    free = choose_slots(checkpoint, upper, batch, config, torch.zeros(256))
    read, counts = access.count(upper.reads.values(), batch.real)
    reads = dict(zip(read.tolist(), counts.tolist(), strict=True))
    assert all(reads[use.slot] == use.count for use in free)
    owners = torch.zeros(256)
    owners[[use.slot for use in free]] = 1
    later = choose_slots(checkpoint, upper, batch, config, owners)
    assert not {use.slot for use in free} & {use.slot for use in later}
