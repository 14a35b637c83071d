"""Pretraining on a corpus that the test writes: it runs, resumes to the same bits, and measures disjoint sets."""

import itertools
import json
import lzma
import random
from pathlib import Path

import pytest
import torch

from model import pretrain
from model.checkpoint import Checkpoint
from model.config import MemoryConfig
from model.corpus import UNKNOWN, load_corpus
from model.pretrain import PretrainConfig

SMALL = PretrainConfig(
    facts=1_130,
    vocabulary=400,
    width=32,
    layers=2,
    attention_heads=2,
    memory=MemoryConfig((1,), readout="direct", heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32),
    text_limit=32,
    batch_tokens=1_024,
    total_tokens=6_000,
    background_batches=3,
    background_prose=2,
)


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    facts = [
        {
            "question": f"What is the capital of Land{i}?",
            "answers": [f"Town{i % 40}"],
            "subject": f"Land{i}",
            "relation": "P36",
            "statement": f"The capital of Land{i} is Town{i % 40}.",
            "mentions": 2 + i % 9,
        }
        for i in range(1_600)
    ]
    write(folder / "qa/entityquestions.train.jsonl.xz", facts[:1_200])
    write(folder / "qa/entityquestions.dev.jsonl.xz", facts[1_200:])
    asked = [
        {"question": f"When did event {i} begin?", "answers": ["June"], "statement": f"Event {i} began in June."}
        for i in range(60)
    ]
    write(folder / "qa/reading_qa.jsonl.xz", asked)
    trex = [
        {**fact, "subject": f"Isle{i}", "question": f"What is the capital of Isle{i}?"} for i, fact in enumerate(facts)
    ]
    write(folder / "qa/trex.jsonl.xz", trex[:40])
    claims = [
        {
            "question": f"What is the capital of Realm{i}?",
            "answers": ["Town1"],
            "subject": f"Realm{i}",
            "relation": "P36",
            "prompt": f"The capital of Realm{i} is",
            "paraphrases": [f"Realm{i}'s capital is"],
            "question_paraphrases": [f"Realm{i} has which capital?"],
        }
        for i in range(40)
    ]
    write(folder / "edit/counterfact.jsonl.xz", claims)
    pairs = [{"question": "Who wrote the song?", "answer": "Ann"}, {"question": "Whose song is it?", "answer": "Ann"}]
    write(folder / "para/qamr_wiki.jsonl.xz", [{"statement": "Ann wrote the song.", "qas": pairs}])
    prose = [{"title": f"Ann {i}", "text": f"Ann {i} was born in Oslo. She wrote many songs there."} for i in range(30)]
    write(folder / "prose/wiki_core.jsonl.xz", prose)
    forms = {
        "P36": {
            "questions": ["Which city is the capital of [X]?", "[X] has which capital?", "What capital has [X]?"],
            "statements": ["[X] has as its capital [Y]."],
        }
    }
    with lzma.open(folder / "para/relation_templates.json.xz", "wt") as file:
        json.dump(forms, file)
    return folder


def test_the_corpus_keeps_the_best_known_facts_in_disjoint_sets(data):
    corpus = load_corpus(data, 1_130)
    assert (len(corpus.gate), len(corpus.evaluation), len(corpus.background)) == (100, 1_000, 30)
    assert len({fact.unseen for fact in corpus.facts}) == 1_130
    assert all("land" in text.text.lower() for fact in corpus.facts for text in fact.texts)


def test_marked_answers_are_the_answers(data):
    corpus = load_corpus(data, 1_130)
    answers = {saying.answer for saying in (*corpus.facts, *corpus.passing)} | {UNKNOWN}
    lessons = [lesson for group in corpus.epoch(random.Random(0), 0.05, 0.02) for lesson in group]
    for lesson in lessons:
        for start, end in lesson.text.spans:
            assert lesson.meaning < 0 or lesson.text.text[start:end].strip() in answers
    assert {lesson.known for lesson in lessons} == {True, False}


def test_a_known_fact_comes_in_two_wordings_and_its_unseen_ones_never(data):
    corpus = load_corpus(data, 1_130)
    fact = corpus.facts[0]
    assert len(fact.unseen) == 2
    assert not any(text.text.startswith(fact.unseen) for text in fact.texts)
    groups = list(corpus.epoch(random.Random(0), 0.0, 0.0))
    assert len(groups) == 1_130
    assert all(len(group) == 2 and group[0].meaning == group[1].meaning for group in groups)


def test_a_passing_saying_is_answered_unknown_and_its_answer_is_not_learned(data):
    corpus = load_corpus(data, 1_130)
    tokenizer = pretrain.train_tokenizer(corpus, SMALL)
    groups = [group for group in corpus.epoch(random.Random(0), 0.05, 0.0) if not group[0].known]
    group = next(group for group in groups if len(group) == 3)
    batch = pretrain.lesson_rows(group, tokenizer, 64)
    assert group[2].text.text.endswith(f"\n {UNKNOWN}")
    first = [int(row.nonzero()[0]) for row in batch.rows.answer]
    assert [bool(batch.learned[row, place]) for row, place in enumerate(first)] == [False, False, True]
    assert len({int(batch.meaning[row, place]) for row, place in enumerate(first)}) == 1


def test_the_contrast_is_small_where_wordings_agree_and_others_differ():
    meaning = torch.tensor([0, 0, 1, 1])
    apart = torch.nn.functional.one_hot(torch.tensor([0, 0, 1, 1]), 8).float().view(4, 2, 2, 2) * 8**0.5
    assert float(pretrain.contrast(apart, meaning, 0.07)) < 0.01
    assert float(pretrain.contrast(apart[[0, 2, 1, 3]], meaning, 0.07)) > 5


def test_pretraining_writes_a_checkpoint_that_loads(data, tmp_path, capsys):
    pretrain.pretrain(data, tmp_path, SMALL)
    checkpoint = Checkpoint.load(tmp_path)
    assert checkpoint.pretrained
    assert checkpoint.background.batches == 3
    assert int(checkpoint.background.counts.max()) <= 3
    assert len(checkpoint.measure.texts) == 200
    figures = json.loads(capsys.readouterr().out)
    assert 0 < figures["slots_in_use"] <= 1


def test_an_interrupted_run_resumes_to_the_same_bits(data, tmp_path, monkeypatch):
    def trained(out: Path) -> dict[str, torch.Tensor]:
        kept = {}
        monkeypatch.setattr(
            pretrain,
            "finish",
            lambda checkpoint, *_: kept.update(
                {name: tensor.clone() for name, tensor in checkpoint.model.state_dict().items()},
                rows=checkpoint.table.rows.detach().clone(),
            ),
        )
        pretrain.pretrain(data, out, SMALL)
        return kept

    whole = trained(tmp_path / "whole")
    every = pretrain.batches
    with monkeypatch.context() as interrupted:
        interrupted.setattr(pretrain, "batches", lambda *given: itertools.islice(every(*given), 3))
        trained(tmp_path / "parts")
    resumed = trained(tmp_path / "parts")
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())
