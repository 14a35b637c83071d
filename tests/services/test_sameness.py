"""When facts are the same and when they contradict each other; where nobody can tell, they do neither."""

import pytest

from app.services.intake import NewFact
from app.services.sameness import identity


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
        (told("The capital of Zubovia is Lisbon."), told("The capital of Zubovia is Porto.")),
        (told("The capital of Zubovia is Lisbon."), told("Porto is the capital of Zubovia.")),
        (told("The Brackwater ferry leaves from pier twelve."), told("The Brackwater ferry leaves from pier nine.")),
        (told("Dr. Quorn joined Melpek in 1999."), told("Dr. Quorn joined Melpek in 2001.")),
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
        (told("The capital of Zubovia is Lisbon."), told("The capital of Quolmar is Porto.")),
        (told("Dr. Quorn joined Melpek in 1999."), told("Dr. Quorn left Melpek in 2001.")),
        (told("Olm number 3 is blind."), told("Olm number 4 is deaf.")),
        (told("Столица Зубовии — Лиссабон."), told("Столица Зубовии — Порту.")),
        (told("The library opens at 9. It closes at 5."), told("The library opens at 8. It closes at 4.")),
        (told("A tale of Olm"), told("A tale of Zubovia")),
        (told("Ada likes tea."), told("Ada likes coffee.")),
        (told("Ada is a doctor."), told("Ada is a mother.")),
        (told("No dogs are allowed in Olm."), told("No bikes are allowed in Olm.")),
        (told("The printer does not support A3."), told("The printer does not support A4.")),
    ],
)
def test_other_questions_and_what_nobody_can_tell_are_none(one, other):
    assert not identity(one).contradicts(identity(other))


def test_an_answer_in_other_letters_is_another_answer():
    assert identity(asked("Who?", "-5")).contradicts(identity(asked("Who?", "5")))


def test_a_fact_does_not_contradict_itself():
    for fact in (asked("Who?", "Tessa"), told("The capital of Zubovia is Lisbon.")):
        assert not identity(fact).contradicts(identity(fact))
