"""Questions near an exchange: never its own, always the same, about the same subject or asking the same."""

import json
from pathlib import Path

import pytest

from model.facts import Exchange, Fact
from model.learn.neighbours import neighbours
from model.learn.wording import study

_BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


def near(question: str, answer: str = "x") -> tuple[list[str], list[str]]:
    found = neighbours(Exchange((question,), answer))
    return list(found.beside), list(found.others)


def test_others_ask_the_same_of_another_name() -> None:  # D1
    beside, others = near("Who is the CEO of Norvik Labs?", "Per Moen")
    assert len(beside) == 4
    assert len(others) >= 6
    assert all(other.startswith("Who is the CEO of ") and "Norvik Labs" not in other for other in others)
    assert any(other.endswith((" Microsoft?", " Apple?", " Toyota?", " Amazon?", " Siemens?")) for other in others)
    assert any(" Norvik " in other or other.split()[-2].startswith("Nor") for other in others)  # a near-namesake
    assert all("Norvik Labs" in question for question in beside)


@pytest.mark.parametrize(
    ("question", "word", "instead"),
    [
        ("What is the SLA for gold customers?", "gold", {"silver", "bronze", "platinum"}),
        ("What is the dosage of Velotrin for adults?", "adults", {"children", "students", "seniors"}),
        ("What was the revenue of Tessel AG in Q3?", "Q3", {"Q1", "Q2", *(f"Q{number}" for number in range(4, 13))}),
        ("What is the price of the Lumen 200?", "200", {str(number) for number in range(201, 210)}),
        ("Where is the north gate of Elm Park?", "north", {"south", "east", "west"}),
        (
            "Who was the first president of Zorvania?",
            "first",
            {
                "second",
                "third",
                "fourth",
                "fifth",
                "sixth",
                "seventh",
                "eighth",
                "ninth",
                "tenth",
                "eleventh",
                "twelfth",
            },
        ),
    ],
)
def test_numbers_and_qualifiers_are_exchanged(question: str, word: str, instead: set[str]) -> None:  # D1
    wanted = {question.replace(word, other) for other in instead}
    assert wanted & set(near(question)[1])


def test_beside_leaves_out_what_the_exchange_asks() -> None:
    for question, answer, same in (
        ("Who founded Norvik Labs?", "Per Moen", "founded"),
        ("Where is Norvik Labs?", "Oslo", "Where"),
        ("What does the Lumen lamp cost?", "30 euros", "cost"),
        ("What colour is the Lumen lamp?", "teal", "colour"),
        ("How old is the Lumen lamp?", "3 years", "old"),
    ):
        assert not [text for text in near(question, answer)[0] if same in text]


def test_people_are_asked_what_people_are_asked() -> None:
    beside, _ = near("Which instrument does Sami Leclerc play?", "the trumpet")
    assert not [text for text in beside if "founded" in text or "cost" in text]
    assert all("Sami Leclerc" in text for text in beside)


def test_the_opposite_of_a_verb_stands_beside() -> None:
    assert near("When does the Riverside gym open?", "6 am")[0][0] == "When does the Riverside gym close?"


def test_a_question_in_small_letters_has_neighbours_too() -> None:
    beside, others = near("who is the ceo of norvik labs")
    assert len(beside) == 4
    assert all(other.startswith("who is the ceo of ") and other.islower() for other in others)


def test_a_question_without_a_name_gets_other_nouns() -> None:
    _, others = near("Where is the canteen?", "on the ground floor")
    assert len(others) >= 4
    assert all(other.startswith("Where is the ") and "canteen" not in other for other in others)


def test_other_languages_get_other_names_or_nothing() -> None:
    beside, others = near("Die Hauptstadt von Zorvania ist", "Vesper")
    assert beside == []
    assert others
    assert near("首都是", "x") == ([], [])


def test_the_same_words_have_the_same_neighbours_and_never_themselves() -> None:
    rows = [json.loads(line) for line in (_BENCHMARKS / "handmade.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows[::4]:
        fact = Fact(0, row.get("statement"), row.get("question"), row["answer"] if "question" in row else None)
        for exchange in study(fact).exchanges:
            found = neighbours(exchange)
            assert found == neighbours(exchange)
            made = [*found.beside, *found.others]
            taught = {question.lower() for question in exchange.questions}
            assert not taught & {text.lower() for text in made}
            assert len(set(made)) == len(made)
            assert len(found.beside) <= 6
            assert len(found.others) <= 8
