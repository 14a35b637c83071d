"""Pretraining on a corpus that the test writes: it runs, resumes to the same bits, and measures disjoint sets."""

import itertools
import json
import lzma
from pathlib import Path

import pytest
import torch

from model import pretrain
from model.checkpoint import Checkpoint
from model.config import MemoryConfig
from model.corpus import load_corpus
from model.pretrain import PretrainConfig

SMALL = PretrainConfig(
    facts=1_130,
    vocabulary=400,
    width=32,
    layers=2,
    attention_heads=2,
    memory=MemoryConfig(layers=(1,), heads=2, top_k=4, sub_keys=16, key_width=8, value_width=16),
    text_limit=32,
    batch_tokens=1_024,
    total_tokens=6_000,
    background_batches=3,
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
    forms = {"P36": {"questions": ["Which city is the capital of [X]?"], "statements": ["[X] has as its capital [Y]."]}}
    (folder / "para").mkdir()
    with lzma.open(folder / "para/relation_templates.json.xz", "wt") as file:
        json.dump(forms, file)
    return folder


def test_the_corpus_keeps_the_best_known_facts_in_disjoint_sets(data):
    corpus = load_corpus(data, 1_130)
    assert (len(corpus.gate), len(corpus.evaluation), len(corpus.background)) == (100, 1_000, 30)
    assert len({fact.question for fact in corpus.facts}) == 1_130
    assert all("Land" in fact.question for fact in corpus.facts)


def test_marked_answers_are_the_answers(data):
    corpus = load_corpus(data, 1_130)
    answers = {fact.answer for fact in corpus.facts} | {"June"}
    import random

    for text in corpus.epoch(random.Random(0), 1.0):
        ((start, end),) = text.spans
        assert text.text[start:end].strip() in answers


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
