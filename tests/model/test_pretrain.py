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
from model.retrofit import memory_layers
from model.spelling import OPENER, number_of
from model.vocabulary import nameless_wordings, tell_words, train_tokenizer
from model.words import PAIRS, RARITIES
from tests import tiny

SMALL = PretrainConfig(
    facts=1_130,
    vocabulary=400,
    width=32,
    layers=2,
    attention_heads=2,
    memory=MemoryConfig(
        (1,), readout="direct", query="words", heads=1, top_k=PAIRS, sub_keys=16, value_width=32, intent_width=8
    ),
    intent_wordings=60,
    text_limit=32,
    batch_tokens=1_024,
    total_tokens=6_000,
    background_batches=3,
    background_prose=2,
)

Row = dict[str, object]


def write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def capital(land: str, town: str, mentions: int = 0) -> Row:
    return {
        "question": f"What is the capital of {land}?",
        "answers": [town],
        "subject": land,
        "relation": "P36",
        "statement": f"The capital of {land} is {town}.",
        "mentions": mentions,
    }


def claimed_capital(land: str) -> Row:
    return {
        **capital(land, "Town1"),
        "prompt": f"The capital of {land} is",
        "paraphrases": [f"{land}'s capital is"],
        "question_paraphrases": [f"{land} has which capital?"],
    }


def birth(name: str) -> Row:
    return {
        "question": f"When was {name} born?",
        "question_paraphrases": [f"What is the birth date of {name}?"],
        "answers": ["May 1901"],
        "subject": name,
        "statement": f"{name} was born in May 1901.",
        "evidence": f"{name} (born May 1901) wrote songs.",
    }


def event(number: int) -> Row:
    return {
        "question": f"When did event {number} begin?",
        "answers": ["June"],
        "statement": f"Event {number} began in June.",
        "ctx": f"c{number // 3}",
    }


def rows() -> dict[str, list[Row]]:
    """The rows of every file that the corpus reads."""
    lands = [capital(f"Land{i}", f"Town{i % 40}", 2 + i % 9) for i in range(1_600)]
    births = [birth(f"Ann {i}") for i in range(12)]
    pairs = [{"question": "Who wrote the song?", "answer": "Ann"}, {"question": "Whose song is it?", "answer": "Ann"}]
    return {
        "qa/entityquestions.train": lands[:1_200],
        "qa/entityquestions.dev": lands[1_200:],
        "qa/reading_qa": [event(i) for i in range(60)],
        "qa/trex": [capital(f"Isle{i}", f"Town{i}") for i in range(40)],
        "qa/grounded_facts": [
            {"relation": "P36", "subject": "Land3", "evidence": "Land3 is a country whose capital is Town3."}
        ],
        "qa/wiki_pattern_facts.core": births[:6],
        "qa/wiki_pattern_facts.rest": births[6:],
        "prose/wordnet": [
            {"words": ["write", "compose"], "pos": "verb", "definition": "make a text or a song"},
            {"words": ["Oslo"], "pos": "noun", "definition": "the capital of Norway"},
        ],
        "prose/wiki_core": [
            {"title": f"Ann {i}", "text": f"Ann {i} was born in Oslo. She wrote many songs there."} for i in range(30)
        ],
        "edit/counterfact": [claimed_capital(f"Realm{i}") for i in range(40)],
        "para/qamr_wiki": [{"statement": "Ann wrote the song.", "qas": pairs}],
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, some in rows().items():
        write(folder / f"{name}.jsonl.xz", some)
    questions = ["Which city is the capital of [X]?", "[X] has which capital?", "What capital has [X]?"]
    with lzma.open(folder / "para/relation_templates.json.xz", "wt") as file:
        json.dump({"P36": {"questions": questions, "statements": ["[X] has as its capital [Y]."]}}, file)
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    return tiny.encoder_folder(tmp_path_factory.mktemp("encoder"))


def test_the_corpus_keeps_the_best_known_facts_in_disjoint_sets(data):
    corpus = load_corpus(data, 1_130)
    tables = [fact for fact in corpus.facts if fact.unseen]
    assert (len(corpus.gate), len(corpus.evaluation), len(tables)) == (100, 1_000, 1_130)
    assert len({fact.unseen for fact in tables}) == 1_130
    assert all("land" in text.text.lower() for fact in tables for text in fact.texts)


def test_facts_of_open_text_are_known_too_and_no_longer_in_passing(data):
    corpus = load_corpus(data, 1_130)
    known = [fact for fact in corpus.background if not fact.unseen]
    assert known
    assert all(fact.known and len(fact.asked) > 2 for fact in known)
    asked = {saying.asked[0].question for saying in corpus.open if saying.asked}
    assert not asked & {fact.asked[0].question for fact in known}


def test_marked_answers_are_the_answers(data):
    corpus = load_corpus(data, 1_130)
    answers = {saying.answer for saying in (*corpus.facts, *corpus.open, *corpus.templated)}
    lessons = list(corpus.epoch(random.Random(0), 0.05, 0.0))
    for lesson in lessons:
        for start, end in lesson.text.spans:
            assert lesson.text.text[start:end].strip() in answers | {UNKNOWN}
    assert {lesson.known for lesson in lessons} == {True, False}


def test_a_known_fact_is_asked_and_comes_in_another_wording_and_its_unseen_ones_never(data):
    corpus = load_corpus(data, 1_130)
    fact = corpus.facts[0]
    assert len(fact.unseen) == 2
    assert not any(text.text.startswith(fact.unseen) for text in fact.texts)
    unseen = {form.lower().rstrip("?") for fact in corpus.facts for form in fact.unseen}
    for seed in range(3):
        lessons = list(corpus.epoch(random.Random(seed), 0.0, 0.0))
        assert len(lessons) == 2 * len(corpus.facts)
        assert all(lesson.text.question for lesson in lessons[::2])
        assert not unseen & {lesson.text.question.lower().rstrip("?") for lesson in lessons}


def test_a_passing_saying_is_answered_unknown_and_its_answer_is_not_learned(data):
    corpus = load_corpus(data, 1_130)
    tokenizer = train_tokenizer(corpus, SMALL.vocabulary, SMALL.seed)
    lessons = list(corpus.epoch(random.Random(0), 0.05, 0.0))
    told = next(at for at, lesson in enumerate(lessons) if not lesson.known)
    pair = lessons[told - 1 : told + 1]
    batch = pretrain.lesson_rows(pair, tokenizer, 64)
    assert pair[0].text.text.endswith(f"\n {UNKNOWN}")
    first = [int(row.nonzero()[0]) for row in batch.rows.answer]
    assert [bool(batch.learned[row, place]) for row, place in enumerate(first)] == [True, False]


def test_the_memory_is_told_which_tokens_are_words_and_how_rare_they_are(data):
    corpus = load_corpus(data, 1_130)
    checkpoint = pretrain.build(train_tokenizer(corpus, SMALL.vocabulary, SMALL.seed), tiny.intent(8), SMALL)
    tell_words(checkpoint, corpus, SMALL.seed)
    words, tokenizer = memory_layers(checkpoint.model)[0].words, checkpoint.tokenizer
    assert words is not None
    known = {text: tokenizer.convert_tokens_to_ids(text) for text in ("What", "w", "W", "?", "Ċ", tokenizer.bos_token)}
    assert None not in known.values()
    assert words.spelling.whole[known["w"]] == words.spelling.whole[known["W"]] != words.spelling.whole[known["?"]]
    assert words.opening.nonzero().tolist() == [[known["Ċ"]]]
    assert words.spelling.whole[[known["?"], known["Ċ"]]].tolist() == [0, 0]
    assert words.spelling.whole[known[tokenizer.bos_token]] == OPENER
    rare = {word: float(words.rarity[number_of(word) % RARITIES]) for word in ("capital", "zorvania")}
    assert 0 < rare["capital"] < rare["zorvania"] < words.rarity[OPENER] == 1


def test_wordings_for_the_intents_have_no_names(data):
    corpus = load_corpus(data, 1_130)
    pairs = nameless_wordings(corpus, 60, 0)
    assert len(set(pairs)) == len(pairs) > 10
    assert any("capital of X" in question for pair in pairs for question in pair)
    assert not any("Land" in question or "Isle" in question for pair in pairs for question in pair)


def test_pretraining_writes_a_checkpoint_that_loads(data, encoder, tmp_path, capsys):
    pretrain.pretrain(data, encoder, tmp_path, SMALL)
    checkpoint = Checkpoint.load(tmp_path)
    assert checkpoint.pretrained
    assert checkpoint.background.batches == 3
    assert int(checkpoint.background.counts.max()) <= 3
    assert len(checkpoint.measure.texts) == 200
    figures = json.loads(capsys.readouterr().out)
    assert 0 < figures["rows_in_use"] <= 1


def test_an_interrupted_run_resumes_to_the_same_bits(data, encoder, tmp_path, monkeypatch):
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
        pretrain.pretrain(data, encoder, out, SMALL)
        return kept

    whole = trained(tmp_path / "whole")
    every = pretrain.batches
    with monkeypatch.context() as interrupted:
        interrupted.setattr(pretrain, "batches", lambda *given: itertools.islice(every(*given), 3))
        trained(tmp_path / "parts")
    resumed = trained(tmp_path / "parts")
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())
