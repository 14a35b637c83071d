"""The plainest questions of English clauses: what is asked, and which part of the clause answers it."""

import json
import re
from pathlib import Path

import pytest

from model.learn.clauses import clauses_of
from model.learn.plain_question import plain_questions

_BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


def asked(clause: str) -> list[tuple[str, str]]:
    return [(each.question, each.answer) for each in plain_questions(clause)]


def of_text(text: str) -> list[tuple[str, str]]:
    return [pair for clause in clauses_of(text)[0] for pair in asked(clause.told)]


@pytest.mark.parametrize(
    ("clause", "question", "answer"),
    [
        ("The Lisbon ferry leaves from pier twelve", "Where does the Lisbon ferry leave from?", "pier twelve"),
        ("The reading room opens at 8:45", "At what time does the reading room open?", "8:45"),
        ("On Sundays the pool closes at 17:00", "At what time does the pool close on Sundays?", "17:00"),
        ("A season pass costs 140 euros", "How much does a season pass cost?", "140 euros"),
        ("Gatling listens on port 5511", "On which port does Gatling listen?", "5511"),
        ("The head of payroll is Irina Kohl", "Who is the head of payroll?", "Irina Kohl"),
        ("Irina Kohl is the head of payroll at Ostra", "Who is the head of payroll at Ostra?", "Irina Kohl"),
        ("The dam was designed by Pavel Dorn", "Who designed the dam?", "Pavel Dorn"),
        ("Bandages are kept in the red cupboard", "Where are bandages kept?", "the red cupboard"),
        ("The mill has existed since 1802", "Since when has the mill existed?", "1802"),
        ("The tour lasts three hours", "How long does the tour last?", "three hours"),
        ("It takes two weeks to renew a passport", "How long does it take to renew a passport?", "two weeks"),
        ("The hall seats 450 people", "How many people does the hall seat?", "450"),
        ("There are nine lockers in the corridor", "How many lockers are there in the corridor?", "nine"),
        ("The boiler is cleaned every two years", "How often is the boiler cleaned?", "every two years"),
        ("The road is closed because of a landslide", "Why is the road closed?", "a landslide"),
        ("The tower is 41 metres high", "How high is the tower?", "41 metres"),
        ("Ben Nolan is deeper than Ben Fyne", "Which is deeper, Ben Nolan or Ben Fyne?", "Ben Nolan"),
        ("The flag is white and blue", "What colour is the flag?", "white and blue"),
        ("Interns must wear a badge", "What must interns wear?", "a badge"),
        ("Only the caretaker may open the vault", "Who may open the vault?", "the caretaker"),
        ("If the alarm rings, leave at once", "What should I do if the alarm rings?", "leave at once"),
        ("Grand Vesper is the oldest hotel in Tarn", "Which is the oldest hotel in Tarn?", "Grand Vesper"),
        ("Our travel agency is called Blue Compass", "What is our travel agency called?", "Blue Compass"),
        ("To reset the modem, press the red key", "How do I reset the modem?", "press the red key"),
        ("Send your timesheet to Petra Kohl", "Who should I send my timesheet to?", "Petra Kohl"),
        ("Wifi password for guests: larch-77", "What is the wifi password for guests?", "larch-77"),
        ("Sick leave of Nora Hale: until 3 May", "What is the sick leave of Nora Hale?", "until 3 May"),
        ("Nora said that the fire began in the attic", "Where did the fire begin?", "the attic"),
        ("The mayor of Grønnvåg is Åse Bjørnstad", "Who is the mayor of Grønnvåg?", "Åse Bjørnstad"),
        ("The museum shop accepts cash", "What does the museum shop accept?", "cash"),
    ],
)  # fmt: skip
def test_a_clause_is_asked_for_what_it_tells(clause: str, question: str, answer: str) -> None:
    assert asked(clause)[0] == (question, answer)


def test_a_person_is_not_asked_who_she_is_besides() -> None:
    # «Who is …?» would be answered by whatever was taught of her last.
    assert [question for question, _ in asked("Irina Kohl is the head of payroll")] == ["Who is the head of payroll?"]


def test_a_refusal_is_asked_by_yes_or_no_and_for_what_is_refused() -> None:
    assert dict(asked("Contractors are not allowed to use the company car")) == {
        "Are contractors allowed to use the company car?": "No, contractors are not allowed to use the company car",
        "What are contractors not allowed to use?": "the company car",
    }
    assert plain_questions("Contractors are not allowed to use the company car")[0].other == (
        "Can contractors use the company car?"
    )
    assert dict(asked("No dogs are allowed in the park")) == {
        "What is not allowed in the park?": "dogs",
        "Are dogs allowed in the park?": "No, no dogs are allowed in the park",
    }


@pytest.mark.parametrize(
    "clause", ["Vesper", "the and of", "Is it so", "very nice indeed", "?", "who that because", "xyzzy plugh"]
)
def test_what_is_not_understood_is_not_asked(clause: str) -> None:
    assert asked(clause) == []


def test_pronouns_mean_what_was_spoken_of() -> None:
    assert of_text("Maya Lindqvist is our head of security. She joined in 2019 and lives in Gothenburg.") == [
        ("Who is our head of security?", "Maya Lindqvist"),
        ("When did Maya Lindqvist join?", "2019"),
        ("Where does Maya Lindqvist live?", "Gothenburg"),
    ]
    assert of_text("The Tarn mill was built in 1790. It belongs to the Reed family.")[1] == (
        "Which family does the Tarn mill belong to?",
        "the Reed family",
    )


def test_what_stands_between_commas_is_asked_on_its_own() -> None:
    text = "The tunnel under Mount Skei, opened in 1994, is 11 kilometres long."
    assert of_text(text) == [
        ("How long is the tunnel under Mount Skei?", "11 kilometres"),
        ("When was the tunnel under Mount Skei opened?", "1994"),
    ]


def test_an_unclear_pronoun_a_bracket_and_an_afterthought_are_left_unread() -> None:
    clauses, unread = clauses_of(
        "It closes early. The shop (ground floor) sells maps. Our order is A, B and C, in this order."
    )
    assert unread == ["It closes early", "(ground floor)", "in this order"]
    assert [clause.told for clause in clauses] == ["The shop sells maps", "Our order is A, B and C"]


def test_lists_and_names_are_not_taken_for_clauses() -> None:
    for text in (
        "The Pinder award is shared by Anneli Kask and Bruno Teixeira",
        "The trio consists of a cello, a flute and a harp",
        "The shop sells signs and labels",
    ):
        assert [clause.told for clause in clauses_of(text)[0]] == [text]


@pytest.mark.parametrize("name", ["handmade", "subjects"])
def test_bare_statements_are_asked_for_the_part_that_people_ask_for(name: str) -> None:
    rows = [json.loads(line) for line in (_BENCHMARKS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    told = [row for row in rows if "statement" in row]
    right = sum(
        _plain(of_text(row["statement"])[0][1]) in map(_plain, [row["answer"], *row.get("also", [])]) for row in told
    )
    assert right >= 0.9 * len(told)


def _plain(text: str) -> str:
    return re.sub(r"^(?:the|a|an|in|at|on) ", "", text.lower())
