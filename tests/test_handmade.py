"""The hand-made facts are what the benchmark says they are, and their wordings are unseen."""

import re

import pytest

from benchmarks.handmade import Handmade, overlap, read
from model.augment import augment

FACTS = read()


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_they_are_two_hundred_of_many_shapes_and_half_are_bare_statements() -> None:
    assert len(FACTS) == 200
    assert len({made.shape for made in FACTS}) >= 40
    assert sum(made.fact.statement is not None for made in FACTS) == 100
    assert len({plain(made.posted) for made in FACTS}) == len({plain(made.asked) for made in FACTS}) == 200


@pytest.mark.parametrize("made", FACTS, ids=lambda made: made.asked)
def test_no_text_teaches_the_wording_that_is_asked(made: Handmade) -> None:
    study = augment(made.fact)
    asked = plain(made.asked)
    assert len(study.texts) >= 8
    assert all(plain(text.text.partition("\n")[0]) != asked for text in study.texts)
    assert 0 < overlap(made, 20) <= 1
