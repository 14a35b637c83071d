"""What may come in: every refusal names the field, the value and the limit."""

import pytest

from app.errors import InvalidInput
from app.services import intake
from app.services.intake import NewFact
from app.settings import Settings

SETTINGS = Settings()


@pytest.mark.parametrize(
    "fact",
    [
        NewFact(statement="x" * 2_000),
        NewFact(question="Who?", answer="y" * 200),
        NewFact(statement="Água é vida 🌊", question="¿Qué?", answer="水"),
        NewFact(statement="A", phrasings=("B",) * 100, source="s" * 500),
    ],
)
def test_a_fact_up_to_the_limits_is_taken(fact):
    intake.check([fact], SETTINGS)


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (NewFact(), r"facts\[0\]: there is neither a statement nor a question"),
        (NewFact(source="atlas"), "neither a statement nor a question"),
        (NewFact(question="Who?"), r"facts\[0\]\.answer: it is missing"),
        (NewFact(statement="A tale", answer="tale"), r"facts\[0\]\.question: it is missing"),
        (NewFact(statement=""), r"statement: '' holds no word"),
        (NewFact(statement=" \t\n"), "holds no word"),
        (NewFact(statement="?!…"), "holds no word"),
        (NewFact(statement="x" * 2_001), r"statement: 2,001 characters; at most 2,000 are allowed"),
        (NewFact(question="x" * 2_001, answer="y"), "question: 2,001 characters; at most 2,000"),
        (NewFact(question="Who?", answer="y" * 201), "answer: 201 characters; at most 200"),
        (NewFact(statement="A", source="s" * 501), "source: 501 characters; at most 500"),
        (NewFact(statement="A", phrasings=("B",) * 101), "phrasings: 101 phrasings; at most 100"),
        (NewFact(statement="A", phrasings=("B", " ")), r"phrasings\[1\]: ' ' holds no word"),
        (NewFact(statement="A\x00B"), "statement: .* holds a NUL"),
        (NewFact(question="Who\ud800?", answer="B"), "half a surrogate pair"),
    ],
)
def test_anything_else_is_refused_by_name(fact, message):
    with pytest.raises(InvalidInput, match=message):
        intake.check([fact], SETTINGS)


def test_a_call_has_between_one_and_a_thousand_facts():
    with pytest.raises(InvalidInput, match="at least 1 fact"):
        intake.check([], SETTINGS)
    with pytest.raises(InvalidInput, match="1,001 facts; at most 1,000"):
        intake.check([NewFact(statement="A")] * 1_001, SETTINGS)


@pytest.mark.parametrize("key", ["", "k" * 256, "a\x00b"])
def test_an_idempotency_key_is_a_short_text(key):
    intake.check_idempotency_key(None)
    intake.check_idempotency_key("k" * 255)
    with pytest.raises(InvalidInput, match="Idempotency-Key"):
        intake.check_idempotency_key(key)


@pytest.mark.parametrize(("value", "text"), [("", True), ("Água 🌊", True), ("a\x00b", False), ("\ud83d", False)])
def test_a_nul_or_half_a_surrogate_pair_makes_a_string_no_text(value, text):
    assert intake.is_text(value) is text
    if text:
        intake.check_text("reason", value)
    else:
        with pytest.raises(InvalidInput, match=r"reason: .* holds a NUL or half a surrogate pair"):
            intake.check_text("reason", value)
