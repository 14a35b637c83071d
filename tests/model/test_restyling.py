"""Styles of a question: names and numbers stay, answers stay marked, statements are left alone."""

import random

from hypothesis import given
from hypothesis import strategies as st

from model.restyling import Restyling
from model.study import StudyText

RESTYLING = Restyling({"price": ["cost"], "ticket": ["pass", "fare"]})
QUESTION = "What is the price of a day ticket for the Grenholt cable car at 7:45?"


@given(seed=st.integers(0, 10_000))
def test_names_and_numbers_stay_and_the_answer_stays_marked(seed):
    styled = RESTYLING(StudyText.asked(QUESTION, "38 francs"), random.Random(seed))
    question, _, answer = styled.text.partition("\n")
    assert answer == " 38 francs"
    assert [styled.text[start:end] for start, end in styled.spans] == [" 38 francs"]
    assert "grenholt" in question.lower()
    assert "7:45" in question


def test_styles_differ_and_use_other_words():
    rng = random.Random(1)
    styles = {RESTYLING.question(QUESTION, rng) for _ in range(300)}
    assert len(styles) > 100
    assert any(" cost" in style for style in styles)
    assert any(style.startswith("For the Grenholt") or " for the grenholt" in style.lower() for style in styles)


def test_a_statement_is_left_as_it_is():
    told = StudyText("The mill opens at nine.", ((14, 22),))
    assert all(RESTYLING(told, random.Random(seed)) is told for seed in range(50))
