"""Templates, verb forms and answer shapes: the small rules under `augment`."""

import pytest

from model.wordings.grammar import finite, is_named_person, participle, past, shape_of, third_person
from model.wordings.phrasings import Relation, relations
from model.wordings.variants import embedded


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Where does [X] leave from?", "where [X] leaves from"),
        ("When did [X] open?", "when [X] opened"),
        ("What is the capital of [X]?", "what the capital of [X] is"),
        ("Who founded [X]?", "who founded [X]"),
        ("Which city is the capital of [X]?", "which city is the capital of [X]"),
        ("How many rooms can [X] hold?", "how many rooms [X] can hold"),
        ("[X]: capital?", None),
    ],
)
def test_a_question_is_embedded_only_when_its_order_is_sure(template: str, expected: str | None) -> None:
    assert embedded(template) == expected


@pytest.mark.parametrize(
    ("base", "third", "before", "done"),
    [
        ("leave", "leaves", "left", "left"),
        ("carry", "carries", "carried", "carried"),
        ("teach", "teaches", "taught", "taught"),
        ("stop", "stops", "stopped", "stopped"),
        ("write", "writes", "wrote", "written"),
        ("have", "has", "had", "had"),
    ],
)
def test_verb_forms(base: str, third: str, before: str, done: str) -> None:
    assert (third_person(base), past(base), participle(base)) == (third, before, done)
    assert [finite(word, base) for word in ("does", "did", "do", "will")] == [third, before, base, f"will {base}"]


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        ("6 pm", "clock"),
        ("14:35", "clock"),
        ("1905", "year"),
        ("5 May 1971", "date"),
        ("Tuesdays", "day"),
        ("forty minutes", "duration"),
        ("7 euros", "money"),
        ("€12", "money"),
        ("42 kilograms", "measure"),
        ("fourteen", "number"),
        ("14 rooms", "count"),
        ("Tessa Quorn", "person"),
        ("Norvik Labs", "text"),
        ("every two years", "frequency"),
        ("every Tuesday", "day"),
        ("pier twelve", "text"),
        ("spring 2031", "month"),
        ("3 in the afternoon", "clock"),
        ("up to 64 megabytes", "measure"),
    ],
)
def test_answers_are_known_by_their_shape(answer: str, shape: str) -> None:
    assert shape_of(answer) == shape


@pytest.mark.parametrize(
    ("words", "person"),
    [
        ("the painter Otto Brandt", True),
        ("her cousin Ferrand", True),
        ("the tanker Mary Ann", False),
        ("the borders of Francia", False),
        ("the highest income of any county in Zorvania", False),
    ],
)
def test_a_role_with_its_name_is_a_person(words: str, person: bool) -> None:
    assert is_named_person(words) is person


@pytest.mark.parametrize("relation", relations(), ids=lambda relation: relation.name)
def test_every_relation_asks_and_says_in_several_ways(relation: Relation) -> None:
    reading = relation.reading("Norvik", "Melpek")
    assert len(reading.questions) >= 3
    assert len(reading.statements) >= 2
    assert all(form.count("[X]") == 1 and form.endswith("?") for form in reading.questions)
    assert all(0 <= form.find("[X]") < form.find("[Y]") and form.endswith(".") for form in reading.statements)
