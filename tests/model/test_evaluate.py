"""Measures: answers compared to the letter, words that they share, completions in the order of their prompts."""

import pytest

from model.evaluate import complete, matches, normalise, token_f1
from tests import tiny


@pytest.mark.parametrize(
    ("answer", "expected", "same"),
    [
        ("Melpek", " melpek.", True),
        ("pier  twelve\n", "Pier twelve", True),
        ("pier two", "pier twelve", False),
        ("", "x", False),
        ("10.0.0.1", "1001", False),
        ("10.0.0.1", "10.0.0.1.", True),
        ("1,000,000", "1000000", False),
        ("-5", "5", False),
        ("the house", "house", False),
        ("C++", "C", False),
        ("4471", "44 71", False),
    ],
)
def test_an_answer_matches_to_the_letter_but_for_capitals_spaces_and_a_full_stop(answer, expected, same):
    assert matches(answer, expected) is same


def test_normalised_text_has_no_punctuation_and_no_articles():
    assert normalise("The  «Red» House!") == "red house"


def test_token_f1_is_the_harmonic_mean():
    assert token_f1("Tessa Quorn", "Tessa Quorn") == 1.0
    assert token_f1("Tessa", "Tessa Quorn") == pytest.approx(2 / 3)
    assert token_f1("nobody", "Tessa Quorn") == 0.0


def test_completions_come_in_the_order_of_their_prompts():
    checkpoint = tiny.build()
    prompts = [checkpoint.prompts.question(text) for text in ("a", "b" * 40, "c", "d" * 70, "e" * 40)]
    together = complete(checkpoint, prompts, checkpoint.table.base, 6)
    alone = [complete(checkpoint, [prompt], checkpoint.table.base, 6)[0] for prompt in prompts]
    assert together == alone
