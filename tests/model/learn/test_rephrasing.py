"""What another model writes: which lines are kept as questions, and with which answers."""

import pytest

from model.errors import NoPhrasings
from model.facts import Fact
from model.learn.rephrasing import written_exchanges

FERRY = Fact(question="Where does the Brackwater ferry leave from?", answer="pier twelve")
BRIDGE = Fact(statement="Der Plattenweg nach Melpek wurde 1905 von Ivo Marsh gebaut.")
GOOD = ("Which pier serves the Brackwater boat?", "Brackwater ferry, what berth?", "Catching the ferry: where do I go?")


def writes(*lines: str):
    return lambda prompt: "\n".join(lines)


def kept(fact: Fact, *lines: str) -> list[str]:
    return [question for exchange in written_exchanges(fact, writes(*lines)) for question in exchange.questions]


@pytest.mark.parametrize(
    "line",
    [
        "Does the ferry leave from pier twelve?",
        "Where does the Brackwater ferry leave from",
        "where does the brackwater ferry leave from?",
        "Sure, here are the questions:",
        f"Where is the ferry {'very ' * 60}often?",
        "Откуда отходит паром Brackwater?",
        "What is the capital of Zorvania?",
        "Ferry? Where? Which one?",
        "Where does [X] leave from, ferry?",
        GOOD[0].upper(),
    ],
    ids=[
        "answer",
        "no mark",
        "posted",
        "chatter",
        "long",
        "other language",
        "other subject",
        "three questions",
        "placeholder",
        "repeated",
    ],
)
def test_a_line_that_is_no_question_for_this_fact_is_dropped(line: str) -> None:
    assert kept(FERRY, *GOOD, line) == list(GOOD)


def test_numbers_and_bullets_in_front_of_questions_are_taken_off() -> None:
    assert kept(FERRY, f"1. {GOOD[0]}", f"- {GOOD[1]}", f"3) {GOOD[2]}", "") == list(GOOD)


def test_fewer_than_three_usable_lines_are_refused_with_their_number() -> None:
    with pytest.raises(NoPhrasings, match="2 of 3 lines"):
        written_exchanges(FERRY, writes(*GOOD[:2], "I cannot help with that."))


def test_questions_for_a_statement_carry_answers_out_of_it() -> None:
    exchanges = written_exchanges(
        BRIDGE,
        writes(
            "Wann entstand der Plattenweg? | 1905",
            "Wer hat den Plattenweg angelegt? | ivo marsh",
            "Aus welchem Jahr stammt der Weg nach Melpek? | 1905.",
            "Wie lang ist der Plattenweg? | drei Kilometer",
        ),
    )
    assert [(each.answer, len(each.questions)) for each in exchanges] == [("1905", 2), ("Ivo Marsh", 1)]
