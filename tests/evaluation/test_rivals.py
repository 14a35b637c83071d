"""Each rival on a tiny model: it says what it was taught, and the base's answers where that is what it should do."""

import pytest

from evaluation.methods import methods
from evaluation.sets import question
from model.facts import Fact
from tests import tiny

FACTS = [
    Fact(1, question="Who keeps the lighthouse at Ellery?", answer="Ada"),
    Fact(2, question="Where does the night bus leave?", answer="stand 14"),
]
POSTED = [question(fact.question) for fact in FACTS]
MORE = [Fact(n, question=f"Which number has house {n}?", answer=str(n)) for n in range(3, 9)]
ANSWERS = [fact.answer for fact in FACTS]
OTHERS = [question(text) for text in ("What is a whale?", "Name a river, please.", "2 + 2 = ?")]


@pytest.fixture(scope="module")
def rivals(tmp_path_factory):
    base, memory = tiny.folders(tmp_path_factory.mktemp("tiny"))
    return methods(base, memory, "cpu")


def taught(rivals, name, **settings):
    rival = rivals[name].make(**settings)
    rival.teach(FACTS)
    return rival


def test_the_untouched_base_says_what_transformers_generates(rivals):
    rival = rivals["untouched"].make()
    base = rival._base
    alone = [base.answers([base.prompt(chat)], 12)[0] for chat in (*POSTED, *OTHERS)]
    assert rival.answers([*POSTED, *OTHERS], 12) == alone
    assert rival.size() == 0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("full finetuning", {"rate": 1e-2, "epochs": 60}),
        ("LoRA", {"rate": 1e-2, "epochs": 100}),
        ("LocFT-BF", {"rate": 1e-1, "depth": 1.0, "epochs": 60}),
        ("codebook", {"radius": 0.1}),
        ("ours", {}),
    ],
)
def test_what_was_taught_is_said(rivals, name, settings):
    rival = taught(rivals, name, **settings)
    assert rival.answers(POSTED, 12) == ANSWERS
    assert rival.size() > 0


@pytest.mark.parametrize("name", ["paper's step", "TF alone"])
def test_product_keys_alone_say_the_last_fact_and_move_its_slots_only(rivals, name):
    rival = rivals[name].make(rate=300.0, steps=200, top=32)
    rival.teach(FACTS[:1])
    assert rival.answers(POSTED[:1], 12) == ANSWERS[:1]
    assert 0 < int(rival._table.any(dim=1).sum()) <= 32


def test_a_codebook_and_ours_leave_other_questions_alone(rivals):
    for name, settings in (("codebook", {"radius": 0.01}), ("ours", {})):
        rival = rivals[name].make(**settings)
        before = rival.answers(OTHERS, 12)
        rival.teach(FACTS)
        assert rival.answers(OTHERS, 12) == before


def test_an_answer_that_is_taught_is_likely_and_others_stay_as_they_were(rivals):
    asked = [(POSTED[0], "Ada"), (POSTED[0], "stand 14"), (OTHERS[0], "Ada")]
    untouched = rivals["untouched"].make().scores(asked)
    for name, settings in (("ours", {}), ("codebook", {"radius": 0.1})):
        scores = taught(rivals, name, **settings).scores(asked)
        assert scores[0] > -0.1 > untouched[0]
        assert scores[0] > scores[1]
        assert scores[2] == pytest.approx(untouched[2], abs=0.01)


def test_full_finetuning_does_not(rivals):
    before = rivals["untouched"].make().answers(OTHERS, 12)
    assert taught(rivals, "full finetuning", rate=1e-2, epochs=60).answers(OTHERS, 12) != before


def test_retrieval_tells_the_nearest_facts_in_front_of_the_question(rivals):
    rival = rivals["retrieval"].make(most=1, least=0.1)
    rival.teach([*FACTS, *MORE])
    (_, told) = rival._with_facts(POSTED[0])[-1]
    assert "Ada" in told
    assert "stand 14" not in told
    assert told.endswith(FACTS[0].question)
    assert rival._with_facts(question("zzz")) == question("zzz")
