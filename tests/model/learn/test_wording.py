"""What a posted fact is taught by: its questions, its probe, and what is told to be unread."""

import pytest

from model.errors import CannotBeAsked, NoPhrasings
from model.facts import Exchange, Fact, Study
from model.learn.wording import study

CEO = Fact(question="Who is the CEO of Norvik Labs?", answer="Per Moen")


def told(statement: str, *phrasings: str) -> Study:
    return study(Fact(statement=statement, phrasings=phrasings))


def pairs(taught: Study) -> list[tuple[str, str]]:
    return [(exchange.questions[0], exchange.answer) for exchange in taught.exchanges]


def test_a_posted_question_is_the_first_key_as_it_stands() -> None:
    for question in (
        "Who is the CEO of  Norvik Labs?",
        "wifi name, Copley room",
        "¿Quién dirige Norvik?",
        "首都はどこですか？",
    ):
        assert study(Fact(question=question, answer="x")).exchanges[0].questions[0] == question


def test_the_probe_is_typed_in_a_hurry_and_is_no_key() -> None:
    assert study(CEO).exchanges == (Exchange((CEO.question or "",), "Per Moen", "who is the ceo of norvik labs"),)
    lower = study(Fact(question="who runs the lab", answer="Ada")).exchanges[0]
    assert lower.probe == "Please tell me: who runs the lab"


def test_there_is_no_probe_rather_than_a_bad_one() -> None:
    assert study(Fact(question="首都", answer="東京")).exchanges[0].probe is None


def test_of_two_phrasings_one_is_held_out() -> None:
    taught = study(Fact(question=CEO.question, answer="Per Moen", phrasings=("Who runs Norvik?", "Norvik's boss?")))
    assert taught.exchanges[0] == Exchange((CEO.question or "", "Who runs Norvik?"), "Per Moen", "Norvik's boss?")
    alone = study(Fact(question=CEO.question, answer="Per Moen", phrasings=("Who runs Norvik?",)))
    assert alone.exchanges[0].questions == (CEO.question, "Who runs Norvik?")


def test_a_phrasing_that_is_a_statement_is_asked_by_its_plain_question() -> None:
    taught = study(
        Fact(question="Norvik's boss?", answer="Per Moen", phrasings=("The CEO of Norvik Labs is Per Moen.",))
    )
    assert taught.exchanges[0].questions == ("Norvik's boss?", "Who is the CEO of Norvik Labs?")


def test_every_clause_that_tells_something_is_taught() -> None:  # D5
    taught = told("Maya Lindqvist is our head of security. She joined in 2019 and lives in Gothenburg.")
    assert pairs(taught) == [
        ("Who is our head of security?", "Maya Lindqvist"),
        ("When did Maya Lindqvist join?", "2019"),
        ("Where does Maya Lindqvist live?", "Gothenburg"),
    ]
    assert taught.unread == ()


def test_a_list_is_one_answer_and_its_afterthought_is_named() -> None:  # D5
    taught = told("Our on-call rotation is Anna, Bjorn, Chidi and Dmitri, in this order.")
    assert pairs(taught) == [("Who is in our on-call rotation?", "Anna, Bjorn, Chidi and Dmitri")]
    assert taught.unread == ("in this order",)


def test_a_prohibition_is_answered_with_no(  # D5
) -> None:
    taught = told("Contractors are not allowed to use the company car.")
    assert taught.exchanges[0].questions[1] == "Can contractors use the company car?"
    assert taught.exchanges[0].answer == "No, contractors are not allowed to use the company car"


def test_no_probe_is_nonsense() -> None:  # D5
    exchange = told("Visitors have to sign in at the Harbour Street entrance.").exchanges[0]
    assert exchange == Exchange(
        ("Where do visitors have to sign in?",), "the Harbour Street entrance", "where do visitors have to sign in"
    )


def test_a_statement_asks_what_the_question_of_its_correction_asks() -> None:  # D4
    old, new = told("Helio Plus costs $35 per month."), told("The Helio Plus plan now costs $39 per month.")
    assert pairs(old) == [("How much does Helio Plus cost?", "$35 per month")]
    assert pairs(new) == [("How much does the Helio Plus plan now cost?", "$39 per month")]


@pytest.mark.parametrize(
    ("statement", "question", "answer"),
    [
        ("Die Hauptstadt von Zorvania ist Vesper.", "Die Hauptstadt von Zorvania ist", "Vesper"),
        ("La capitale de Zorvania est Vesper.", "La capitale de Zorvania est", "Vesper"),
        (
            "Der Weg nach Melpek wurde 1905 von Ivo Marsh gebaut.",
            "Der Weg nach Melpek wurde 1905 von",
            "Ivo Marsh gebaut",
        ),
        ("Столица Зорвании — Веспер.", "Столица Зорвании —", "Веспер"),
        ("佐爾瓦尼亞的首都是維斯珀。", "佐爾瓦尼亞的首都是", "維斯珀"),
    ],
)
def test_in_other_languages_the_beginning_of_a_statement_asks_for_its_end(
    statement: str, question: str, answer: str
) -> None:
    assert pairs(told(statement)) == [(question, answer)]


def test_an_answer_is_a_part_of_its_statement() -> None:
    for statement in (
        "Heavy rain flooded the Marl tunnel on Tuesday night.",
        "The Pewter Tavern was renamed the Copper Lantern in 2019.",
        "Professor Idris Moreau discovered the comet in 1974.",
        "Sector seven works.",
    ):
        for _, answer in pairs(told(statement)):
            assert answer.removeprefix("Yes, ").lower() in statement.lower()


def test_a_statement_beside_a_question_adds_a_key_and_its_other_clauses() -> None:
    statement = "Per Moen leads Norvik Labs. Norvik Labs is based in Oslo. The company has won a prize."
    taught = study(Fact(statement=statement, question=CEO.question, answer="Per Moen"))
    assert taught.exchanges[0].questions == (CEO.question, "Who leads Norvik Labs?")
    assert pairs(taught)[1:] == [("Where is Norvik Labs based?", "Oslo")]
    assert taught.unread == ("The company has won a prize",)


def test_one_question_has_one_answer_and_the_rest_is_named() -> None:
    taught = told("Nadia Osei likes tea. Nadia Osei likes chess.")
    assert pairs(taught) == [("What does Nadia Osei like?", "tea")]
    assert taught.unread == ("Nadia Osei likes chess",)


def test_a_long_text_is_taught_up_to_a_limit_and_the_rest_is_named() -> None:
    taught = told(" ".join(f"The code of room {number} is {number * 7}." for number in range(1, 12)))
    assert len(taught.exchanges) == 8
    assert taught.unread == tuple(f"The code of room {number} is {number * 7}" for number in (9, 10, 11))


@pytest.mark.parametrize(
    "fact",
    [
        Fact(question="Who is it?"),
        Fact(answer="Vesper"),
        Fact(statement="Vesper"),
        Fact(statement="What is the capital of Zorvania?"),
        Fact(),
    ],
    ids=["no answer", "no question", "one word", "a question for a statement", "nothing"],
)
def test_a_fact_that_does_not_tell_what_is_asked_is_refused(fact: Fact) -> None:
    with pytest.raises(CannotBeAsked, match="nothing tells what is asked"):
        study(fact)


def test_another_model_writes_keys_and_the_probe() -> None:
    lines = ["Who leads Norvik Labs?", "Norvik Labs is run by whom?", "Whom does Norvik Labs answer to?"]
    exchange = study(CEO, lambda prompt: "\n".join(lines)).exchanges[0]
    assert exchange == Exchange((CEO.question or "", *lines[:2]), "Per Moen", lines[2])


def test_what_another_model_asks_besides_becomes_an_exchange() -> None:
    lines = (
        "Wann entstand der Plattenweg? | 1905",
        "Aus welchem Jahr stammt der Plattenweg? | 1905",
        "Wie alt ist der Plattenweg? | 1905",
    )
    fact = Fact(statement="Der Plattenweg nach Melpek wurde 1905 gebaut.")
    exchange = study(fact, lambda prompt: "\n".join(lines)).exchanges[-1]
    assert exchange.answer == "1905"
    assert exchange.probe == "Wie alt ist der Plattenweg?"


def test_where_another_model_fails_the_note_says_why() -> None:
    def away(prompt: str) -> str:
        raise NoPhrasings("nobody is there")

    taught = study(CEO, away)
    assert taught.note == "nobody is there"
    assert taught.exchanges == study(CEO).exchanges
