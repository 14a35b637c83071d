"""What is read of a document, and what is not: names of pronouns, and another model's pairs."""

import pytest

from app.reading.reader import Reader, Reading, first_heading
from app.reading.statements import Limits
from model.errors import NoPhrasings

LIMITS = Limits(2_000, 200)
TWO = "Maya Lindqvist is our head of security. "


def read(text: str, title: str | None = None, write=None, limits: Limits = LIMITS) -> Reading:
    reader = Reader(limits, write)
    return reader.read(text, title, reader.chunks(text, "markdown"))


def statements(text: str, title: str | None = None) -> list[str | None]:
    return [found.statement for found in read(text, title).facts]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (TWO + "She joined in 2019.", "Maya Lindqvist joined in 2019."),
        (
            "Project Nightjar started in March. Its budget is 3 million euros.",
            "Project Nightjar's budget is 3 million euros.",
        ),
        ("The canteen opens at eight. It closes at two. It has 40 tables.", "The canteen has 40 tables."),
        (
            "# Halden Library\n\nIt opens at nine. The roof of the Halden Library is green.",
            "The Halden Library opens at nine.",
        ),
        ("Visitors sign in at noon. They leave at six.", "Visitors leave at six."),
    ],
)
def test_a_pronoun_is_named_where_it_is_certain(text: str, named: str):
    assert named in statements(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The library lies beside the river. It opens at nine.", "«It»"),
        ("Maya Lindqvist met Kofi Adu in March. She joined in 2019.", "«She»"),
        ("The roof of the library is green. It opens at nine.", "«It»"),
        ("The library opens at nine.\n\nIt closes at six.", "«It»"),
        ("The library opens at nine. She closes it.", "«She»"),
        ("Is the library open? It opens at nine.", "«It»"),
        ("# Opening Hours\n\nIt opens at nine.", "«It»"),
        (
            "# Halden Library\n\n## North Wing\n\nIt opens at nine. Go to the Halden Library and the North Wing.",
            "«It»",
        ),
        ("Nordvik Ltd was founded in 1907. The company has 30 employees.", "«The company»"),
        ("Nordvik Ltd moved in 1907. This was a mistake.", "«This»"),
        ("The council approved it in March.", "«it»"),
    ],
)
def test_where_it_is_not_certain_the_sentence_is_unread_and_told_with_its_place(text: str, reason: str):
    (unread,) = [part for part in read(text).unread if reason in part.reason]
    sentence = text[unread.start : unread.end]
    assert sentence.endswith(".")
    assert all(found.start != unread.start for found in read(text).facts)


def test_a_title_names_whom_the_first_sentence_means():
    text = "It opens at nine. People like the Halden Library."
    assert statements(text, "Halden Library")[0] == "The Halden Library opens at nine."
    assert "It opens at nine." not in statements(text)
    assert first_heading("\n# The *plan*\n\nText.", "markdown") == "The plan"
    assert first_heading("## The plan\n", "markdown") is first_heading("# The plan\n", "text") is None


def test_what_cannot_be_read_says_why():
    long = "The Olm is blind and " * 20 + "white."
    sentences = [
        "Is it so?",
        "Nope.",
        "Die Hauptstadt von Zorvania ist Vesper und das ist gut.",
        long,
        "X" * 10_000 + ".",
    ]
    found = read(" ".join(sentences))
    assert found.sentences == 5
    assert [part.reason for part in found.unread] == [
        "it is a question",
        "no rule reads it",
        "it is not English",
        "101 words; the rules read at most 30",
        "10,001 characters; at most 2,000 are read",
    ]
    assert found.facts == []


def test_a_part_of_a_sentence_that_is_not_taught_is_told():
    found = read("The Olm (a salamander) rises in Zorvania.")
    assert [one.statement for one in found.facts] == ["The Olm (a salamander) rises in Zorvania."]
    assert [part.reason for part in found.unread] == ["of it «(a salamander)» is not taught"]


def test_an_answer_that_is_too_long_is_not_taught():
    found = read("The Olm eats small shrimps and snails.", limits=Limits(2_000, 5))
    assert [part.reason for part in found.unread] == ["an answer of 24 characters; at most 5 are taught"]


def test_another_models_pairs_are_read_strictly_and_the_rest_by_the_rules():
    text = "# Vale\n\nThe Vale ferry leaves from pier twelve. It was built in Norvik. The Vale tower is green.\n"
    lines = [
        "1. Where does the Vale ferry leave from? | pier twelve",
        "From which pier does the Vale ferry go? | pier twelve",
        "Where was the Vale ferry built? | NORVIK",
        "Where was it built? | Norvik",  # names nobody
        "What does the Vale ferry cost? | 5 euros",  # stands nowhere
        "Is pier twelve the place of the Vale ferry? | pier twelve",  # holds its answer
        "Who are you? | ferry",
        "nonsense",
    ]
    found = read(text, write=lambda prompt: "\n".join(lines) if "The Vale tower is green." in prompt else "")
    pier, norvik, tower = found.facts
    assert (pier.question, pier.answer, pier.phrasings) == (
        "Where does the Vale ferry leave from?",
        "pier twelve",
        ("From which pier does the Vale ferry go?",),
    )
    assert (norvik.question, norvik.answer) == ("Where was the Vale ferry built?", "Norvik")
    assert text[norvik.start : norvik.end] == "It was built in Norvik."
    assert tower.statement == "The Vale tower is green."
    assert (found.dropped, found.unread, found.note) == (5, [], "")


def test_where_the_other_model_is_away_the_rules_read_and_it_is_noted():
    def away(_: str) -> str:
        raise NoPhrasings("the endpoint answered 500")

    found = read("The Vale tower is green.", write=away)
    assert [one.statement for one in found.facts] == ["The Vale tower is green."]
    assert found.note == "the endpoint answered 500"


def test_who_follows_is_told_how_many_chunks_are_read():
    told: list[int] = []
    reader = Reader(LIMITS)
    text = "# A\n\nOne.\n\n# B\n\nTwo.\n"
    reader.read(text, None, reader.chunks(text, "markdown"), told.append)
    assert told == [1, 2]
