"""When facts are the same and when they contradict each other, by their posted texts alone."""

import pytest

from app.services.intake import NewFact
from app.services.sameness import identity, is_same_answer


def told(statement: str) -> NewFact:
    return NewFact(statement=statement)


def asked(question: str, answer: str) -> NewFact:
    return NewFact(question=question, answer=answer)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asked("What is the capital of Zubovia?", "Lisbon"), asked("what is the  capital of Zubovia", "Porto")),
        (asked("Столица Зубовии?", "Лиссабон"), asked("СТОЛИЦА ЗУБОВИИ", "Порту")),
        (asked("Who leads Olm?", "Tessa"), NewFact("Bob leads Olm.", "Who leads Olm?", "Bob")),
    ],
)
def test_one_question_with_two_answers_is_a_contradiction(one, other):
    assert identity(one).contradicts(identity(other))
    assert identity(other).contradicts(identity(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asked("What is C?", "a language"), asked("What is C++?", "another language")),
        (asked("What is the capital of Zubovia?", "Lisbon"), asked("What is the capital of Quolmar?", "Porto")),
        (told("The capital of Zubovia is Lisbon."), told("The capital of Zubovia is Porto.")),
        (told("The capital of Zubovia is Lisbon."), asked("What is the capital of Zubovia?", "Porto")),
        (told("Столица Зубовии — Лиссабон."), told("Столица Зубовии — Порту.")),
    ],
)
def test_other_questions_and_bare_statements_are_none(one, other):
    assert not identity(one).contradicts(identity(other))


def test_an_answer_in_other_letters_is_another_answer():
    assert identity(asked("Who?", "-5")).contradicts(identity(asked("Who?", "5")))


def test_a_fact_does_not_contradict_itself():
    for fact in (asked("Who?", "Tessa"), told("The capital of Zubovia is Lisbon.")):
        assert not identity(fact).contradicts(identity(fact))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Melpek", " Melpek ", True),
        ("two  spaces", "two spaces", True),
        ("ﬁve", "five", True),
        ("Melpek", "melpek", False),
        ("10.0.0.1", "1001", False),
        ("-5", "5", False),
    ],
)
def test_an_answer_is_the_same_when_it_is_written_alike_spaces_aside(one, other, same):
    assert is_same_answer(one, other) is same
