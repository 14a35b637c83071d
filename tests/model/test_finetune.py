"""Learning: only the chosen rows move, the prefix is computed once, a miss leaves no change."""

import pytest
import torch

from model.config import FinetuneConfig, MemoryConfig
from model.delta import same_bits
from model.evaluate import complete
from model.finetune import grouped, learn
from model.reads import Held, Reads
from model.replay import FactPlaces
from model.study import Probe, Study, StudyText
from model.writing import SlotUses, choose_slots
from tests import tiny

LAST = MemoryConfig((3,), readout="direct", heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
TWO_LAYERS = MemoryConfig((1, 3), heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
QUICK = FinetuneConfig(top_t=256, learning_rate=0.3, max_steps=60, stop_loss=0.3, reach=0.35)


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


@pytest.mark.parametrize("memory", [tiny.MEMORY, TWO_LAYERS, LAST], ids=["one layer", "two layers", "the last layer"])
@pytest.mark.parametrize("optimizer", ["sgd", "relative"])
def test_nothing_but_the_chosen_rows_moves(memory, optimizer):
    checkpoint = tiny.build(memory=memory)
    before = everything(checkpoint)
    rate = 10.0 if optimizer == "sgd" else 0.3
    config = FinetuneConfig(
        top_t=200, optimizer=optimizer, learning_rate=rate, max_steps=60, stop_loss=0.3, reach=0.35, volume=16.0
    )
    learned = learn(checkpoint, checkpoint.table.base, [study()], config)
    after = everything(checkpoint)
    for name, tensor in before.items():
        assert same_bits(tensor, after[name]), name
    assert learned.delta is not None
    chosen = {slot for report in learned.reports for slot in report.slots.slots.tolist()}
    assert set(learned.delta.slots.tolist()) <= chosen
    assert checkpoint.context.changed is None
    assert checkpoint.table.rows_in_use == 0


def test_a_learning_rate_without_a_fraction_is_one():
    rates = [FinetuneConfig(top_t=64, optimizer="sgd", learning_rate=rate, max_steps=2) for rate in (10, 10.0)]
    losses = [learn(one := tiny.build(), one.table.base, [study()], config).reports[0].loss for config in rates]
    assert losses[0] == losses[1]


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
    checkpoint = tiny.build(memory=LAST)
    config = FinetuneConfig(top_t=256, learning_rate=0.3, max_steps=40, stop_loss=0.3)
    learned = learn(checkpoint, checkpoint.table.base, [study("ok", "impossible"), study("yes")], config)
    missed, found = learned.reports
    assert (missed.learned, found.learned) == (False, True)
    assert "to the probe, not 'impossible'" in missed.reason
    assert 1 < missed.steps <= 40
    alone = learn(checkpoint, checkpoint.table.base, [study("yes")], config)
    assert learned.state_hash == alone.state_hash


def test_nothing_learned_is_no_delta():
    checkpoint = tiny.build()
    config = FinetuneConfig(max_steps=1)
    learned = learn(checkpoint, checkpoint.table.base, [study("ok", "impossible")], config)
    assert learned.delta is None
    assert learned.state_hash == checkpoint.table.base.state_hash


def test_of_two_facts_about_the_same_thing_the_later_one_wins_and_the_earlier_one_says_so():
    checkpoint = tiny.build(memory=LAST)
    learned = learn(checkpoint, checkpoint.table.base, [study("ok"), study("yes")], QUICK)
    view = checkpoint.table.enter(checkpoint.table.base, learned.delta)
    prompt = checkpoint.question_prompt("How is the wind?")
    assert complete(checkpoint, [prompt], view) == ["yes"]
    assert [report.learned for report in learned.reports] == [False, True]
    assert "a later fact of the job made it 'yes'" in learned.reports[0].reason


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


def test_a_fact_that_must_keep_its_change_keeps_it():
    checkpoint = tiny.build()
    config = FinetuneConfig(top_t=64, optimizer="sgd", learning_rate=2.0, max_steps=1, keep_unlearned=True)
    learned = learn(checkpoint, checkpoint.table.base, [study("ok", "impossible")], config)
    assert not learned.reports[0].learned
    assert learned.delta is not None


def test_slots_are_chosen_by_access_counts_and_document_frequency():
    checkpoint = tiny.build()
    slots, weights, nothing = torch.tensor([[5, 5, 5, 9, 9, 200, 7]]), torch.ones(1, 7), torch.empty(0)
    weights[0, -1] = 0.0  # closed
    addresses = slots.clone()
    addresses[slots == 5] = 3  # of which 5 is another way
    places = FactPlaces(slice(0, 1), addresses, slots, torch.ones(1, 7), weights, None, None, ())
    checkpoint.background.counts[[3, 9, 200]] = torch.tensor([8, 1, 0], dtype=torch.int32)
    uses = choose_slots(checkpoint, places, nothing, FinetuneConfig(top_t=2))
    assert uses.slots.tolist() == [9, 200]
    assert uses.counts.tolist() == [2, 1]
    by_count = choose_slots(checkpoint, places, nothing, FinetuneConfig(top_t=2, idf_power=0))
    assert by_count.slots.tolist() == [5, 9]
    assert choose_slots(checkpoint, places, torch.tensor([9]), FinetuneConfig(top_t=2)).slots.tolist() == [200]


def test_slots_of_several_facts_count_once_with_their_highest_score_and_all_reads():
    one = SlotUses(torch.tensor([3, 8]), torch.tensor([0.5, 0.25]), torch.tensor([4, 1]))
    other = SlotUses(torch.tensor([1, 8]), torch.tensor([0.125, 0.75]), torch.tensor([2, 5]))
    joined = SlotUses.joined([one, other, SlotUses.none()])
    assert joined.slots.tolist() == [1, 3, 8]
    assert joined.scores.tolist() == [0.125, 0.5, 0.75]
    assert joined.counts.tolist() == [2, 4, 6]
    assert len(joined) == 3


def test_a_fact_whose_answer_is_out_of_reach_fails_and_the_others_go_on():
    far = "word " * 300
    late = Study((StudyText(f"{far}end", ((len(far), len(far) + 3),)),), study().probe, True)
    checkpoint = tiny.build(memory=LAST)
    told = learn(checkpoint, checkpoint.table.base, [late, study()], QUICK).reports
    assert [report.learned for report in told] == [False, True]
    assert told[0].reason == "no text of the fact has its answer within 256 tokens"


def test_facts_that_teach_the_same_words_are_not_taught_together():
    first, second, other = study("ok"), study("yes"), Study((StudyText("It is so.", ((6, 8),)),), study().probe, True)
    assert list(grouped([first, other, second], 8)) == [[first, other], [second]]
    assert list(grouped([first, other], 1)) == [[first], [other]]


def test_what_is_held_still_moves_less():
    """Random places, held still: the same fact is learned, and their bags move less than when they are free."""
    config = FinetuneConfig(top_t=256, learning_rate=0.3, max_steps=20, stop_loss=0.3)
    generator = torch.Generator().manual_seed(1)
    slots = torch.stack([torch.randperm(256, generator=generator)[:8] for _ in range(30)])
    still = Reads(slots, torch.rand(30, 8, generator=generator))
    moved = []
    for held in (Held(), Held().adding(still)):
        checkpoint = tiny.build(memory=LAST)
        learned = learn(checkpoint, checkpoint.table.base, [study()], config, held=held)
        assert learned.delta is not None
        assert learned.reports[0].learned
        change = learned.delta.after - checkpoint.table.read(checkpoint.table.base, learned.delta.slots)
        moved.append(float((still.on(learned.delta.slots) @ change).norm()))
    assert moved[1] < 0.5 * moved[0]


def test_what_asks_the_same_is_not_held_still():
    config = FinetuneConfig(top_t=256, learning_rate=0.3, max_steps=20, stop_loss=0.3)
    checkpoint = tiny.build(memory=LAST)
    old = learn(checkpoint, checkpoint.table.base, [study("ok")], config).delta
    assert old is not None
    assert old.reads is not None
    view = checkpoint.table.enter(checkpoint.table.base, old)
    new = learn(checkpoint, view, [study("no")], config, held=Held().adding(old.reads))
    assert new.reports[0].learned
