"""The hand-made facts are what the benchmark says they are; what the default model does with several of one subject."""

import re
from collections import Counter

import pytest

from benchmarks.handmade import DEFAULT, Handmade, overlap, read
from model.augment import augment
from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.continual.methods import Sparse
from model.evaluate import complete
from model.finetune import learn
from model.study import Fact

FACTS = read()
SUBJECTS = read(DEFAULT.parents[1] / "benchmarks" / "subjects.jsonl")


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_they_are_two_hundred_of_many_shapes_and_half_are_bare_statements() -> None:
    assert len(FACTS) == 200
    assert len({made.shape for made in FACTS}) >= 40
    assert sum(made.fact.statement is not None for made in FACTS) == 100
    assert len({plain(made.posted) for made in FACTS}) == len({plain(made.asked) for made in FACTS}) == 200
    assert sum(made.beside is not None for made in FACTS) == 100


def test_sixty_are_six_each_of_ten_subjects_and_half_are_bare_statements() -> None:
    assert set(Counter(made.shape for made in SUBJECTS).values()) == {6}
    assert len(SUBJECTS) == 60
    assert sum(made.fact.statement is not None for made in SUBJECTS) == 30


@pytest.mark.parametrize("made", [*FACTS, *SUBJECTS], ids=lambda made: made.asked)
def test_no_text_teaches_the_wording_that_is_asked(made: Handmade) -> None:
    study = augment(made.fact)
    asked = plain(made.asked)
    assert len(study.texts) >= 8
    assert all(plain(text.text.partition("\n")[0]) != asked for text in study.texts)
    assert 0 < overlap(made, 20) <= 1


_BANK = (
    ("What is the support extension for billing at Brightwater Bank?", "4471"),
    ("Who is the chief executive of Brightwater Bank?", "Helga Strand"),
    ("Where are the headquarters of Brightwater Bank?", "Tromsø"),
    ("When was Brightwater Bank founded?", "1897"),
    ("How many employees does Brightwater Bank have?", "312"),
)


def test_facts_about_one_subject_live_beside_each_other() -> None:
    checkpoint = Checkpoint.load(DEFAULT, spare_rows=100_000)
    method = Sparse(checkpoint, FinetuneConfig())
    for question, answer in _BANK:  # one by one, as they would come
        (cost,) = method.teach([augment(Fact(None, question, answer))])
        assert cost.answered
        assert cost.rows
    prompts = [checkpoint.question_prompt(question) for question, _ in _BANK]
    assert complete(checkpoint, prompts, method.view) == [answer for _, answer in _BANK]


def test_a_new_answer_replaces_the_old_one_in_every_wording() -> None:
    checkpoint = Checkpoint.load(DEFAULT, spare_rows=100_000)
    method = Sparse(checkpoint, FinetuneConfig())
    wordings = (
        "What is the capital of Zorvania?",
        "Which city is the capital of Zorvania?",
        "What is Zorvania's capital city?",
    )
    for answer in ("Lisbon", "Oslo"):
        (cost,) = method.teach([augment(Fact(None, wordings[0], answer))])
        assert cost.answered
        said = complete(checkpoint, [checkpoint.question_prompt(words) for words in wordings], method.view)
        assert said == [answer] * 3


def test_a_fact_that_its_words_do_not_tell_from_others_is_refused() -> None:
    checkpoint = Checkpoint.load(DEFAULT, spare_rows=100_000)
    album = augment(Fact(None, "What is the record label of +?", "Tallow Records"))
    other = augment(Fact(None, "What is the record label of Brindlewick?", "Sedge Records"))
    learned = learn(checkpoint, checkpoint.table.base, [album, other], FinetuneConfig())
    assert [report.learned for report in learned.reports] == [False, True]
    refused = learned.reports[0]
    assert "its words are too common to tell it from other facts: 0% of what it reads is rare" in refused.reason
    assert refused.steps == 0
    assert learn(checkpoint, checkpoint.table.base, [album], FinetuneConfig()).delta is None


def test_a_fact_of_a_longer_name_leaves_the_shorter_one_alone() -> None:
    checkpoint = Checkpoint.load(DEFAULT, spare_rows=100_000)
    method = Sparse(checkpoint, FinetuneConfig())
    known = ("By whom was Dancer written?", "By whom was Haunted written?")
    prompts = [checkpoint.question_prompt(question) for question in known]
    before = complete(checkpoint, prompts, method.view)
    assert before == ["Colum McCann", "Chuck Palahniuk"]
    longer = (
        ("Which artist performed Halfpenny Dancer?", "The Quireboys"),
        ("By whom was The Haunted Storm written?", "Philip Pullman"),
    )
    for question, answer in longer:
        (cost,) = method.teach([augment(Fact(None, question, answer))])
        assert cost.answered
    assert complete(checkpoint, prompts, method.view) == before
