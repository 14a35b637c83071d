"""Facts to teach: which rows are taken, and that the asked wording is in no study text."""

import zlib
from pathlib import Path

import pytest

from model.continual.sources import NAMES, Asking, Case, contains, lesson, take
from model.errors import NoSuchFacts
from model.evaluate import normalise
from model.study import Fact
from tests.model.continual import data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.folder(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("source", NAMES)
def test_no_study_text_holds_the_wording_that_is_asked(source, folder):
    for case in take((source,), 4, 0, folder):
        taught = lesson(case, 12)
        assert 0 < len(taught.study.texts) <= 12
        assert not any(contains(text.text, taught.asked.text) for text in taught.study.texts)


def test_posted_wordings_are_never_asked(folder):
    for case in take(NAMES, 10, 0, folder):
        posted = f"{case.fact.statement} | {case.fact.question}"
        assert not any(contains(posted, asking.text) for asking in case.asked)


def test_rows_that_pretraining_may_have_seen_are_left_out(folder):
    born = take(("entityquestions",), 6, 0, folder)
    even = {f"Velda{chr(97 + index)}" for index in range(0, 12, 2)}
    assert {next(name for name in even if name in f"{case.fact}") for case in born} == even
    for case in take(("counterfact",), 3, 0, folder):
        subject = str(case.fact.statement).removeprefix("The mother tongue of ").removesuffix(" is Dutch.")
        assert zlib.crc32(subject.encode()) % 2 == 1
    for case in take(("reading",), 3, 0, folder):
        assert zlib.crc32(case.asked[0].text.encode()) % 10 == 0


def test_entityquestions_are_posted_as_statement_and_as_question_in_turn(folder):
    kinds = [case.fact.statement is None for case in take(("entityquestions",), 4, 0, folder)]
    assert kinds == [False, True, False, True]


def test_the_question_beside_a_fact_asks_for_something_else_of_its_subject(folder):
    born = take(("entityquestions",), 6, 0, folder)
    assert all(case.beside.startswith("Where did Velda") and case.beside.endswith(" die?") for case in born)
    assert all(case.beside.split()[2] in f"{case.fact}" for case in born)
    for case in take(("invented",), 20, 0, folder):
        assert case.beside
        assert case.beside not in {asking.text for asking in case.asked}
        names = [word.removesuffix("'s") for word in case.beside.rstrip("?").split()[1:] if word[0].isupper()]
        assert any(name in f"{case.fact}" for name in names)


def test_a_source_with_one_wording_is_asked_by_the_probe(folder):
    taught = lesson(take(("simpleqa",), 1, 0, folder)[0], 12)
    assert taught.asked_is_probe
    assert taught.asked.text == taught.study.probe.text


def test_the_probe_is_not_asked_where_there_is_another_wording():
    probe = lesson(Case("x", Fact("Velda was born in Oslo."), (), ("Oslo",)), 12).asked
    other = Asking("question", "Where was Velda born?")
    taught = lesson(Case("x", Fact("Velda was born in Oslo."), (probe, other), ("Oslo",)), 12)
    assert taught.asked == other
    assert not taught.asked_is_probe
    assert not any(normalise(other.text) in normalise(text.text) for text in taught.study.texts)


def test_sources_take_turns(folder):
    assert [case.source for case in take(("simpleqa", "invented"), 4, 0, folder)] == ["simpleqa", "invented"] * 2


def test_a_seed_is_an_order_and_the_same_seed_the_same_order(folder):
    first, again, other = (take(("simpleqa",), 12, seed, folder) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_no_two_facts_post_the_same():
    posted = [str(case.fact) for case in take(("invented",), 1500, 0, None)]
    assert len(set(posted)) == 1500


@pytest.mark.parametrize(
    ("sources", "count", "with_data", "message"),
    [
        (("wikipedia",), 1, True, "is no source"),
        (("simpleqa",), 1, False, "needs a data folder"),
        (("simpleqa",), 13, True, "has 12 facts; 13 are needed"),
    ],
)
def test_what_cannot_be_taken_is_said(sources, count, with_data, message, folder):
    with pytest.raises(NoSuchFacts, match=message):
        take(sources, count, 0, folder if with_data else None)
