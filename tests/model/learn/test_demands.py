"""Which words a question demands."""

import pytest

from model.facts import Exchange
from model.learn.demands import demand_of
from model.learn.neighbours import neighbours
from model.memory.sketch import Sketch, number_of

RARITY = {
    word: level
    for level, words in {
        0.1: "what is the a of in where does leave from how much when who",
        0.5: "night bus winner prize clinic institute lane step two isle library open last ticket price",
    }.items()
    for word in words.split()
}
SKETCH = Sketch({number_of(word): level for word, level in RARITY.items()}, 8, 1.0, 0.5)


def is_met(taught: str, text: str) -> bool:
    others = neighbours(Exchange((taught,), "Lisbon", None)).others
    demand = demand_of(taught, others, SKETCH).of_question(SKETCH.words([taught]))
    return demand.is_met_by(SKETCH.words([text]))


@pytest.mark.parametrize(
    ("taught", "other"),
    [
        ("Where does the Belmora night bus leave from?", "Where does the Belmont night bus leave from?"),
        ("Who is the winner of the Halden Prize?", "Who is the winner of the Nobel Prize?"),
        ("What is step two of the Lowell protocol?", "What is step three of the Lowell protocol?"),
        ("What is step two of the Lowell protocol?", "What comes third in the Lowell protocol?"),
        ("When does the Tannery Lane clinic open?", "When does the Tannery Street clinic open?"),
        ("When does the Tannery Lane clinic open?", "When does the Tannery Lane clinic close?"),
        ("How far is Gate Nine from the Rosslyn car park?", "How far is Gate Two from the Rosslyn car park?"),
        ("Where is the exit of Hall D?", "Where is the exit of Hall B?"),
        ("What is the price of the Lumen 200?", "What is the price of the Lumen 300?"),
        ("Who runs the Calloway Institute?", "Who runs the Calloway Foundation?"),
        ("What is Mr. Castellane allergic to?", "What is Mrs. Castellane allergic to?"),
        ("Where is the canteen?", "Where is the library?"),
        ("Who directed Open Last Night?", "Who directed Last Night?"),
        ("In which part of the Ostrow Valley near Lake Hemmel is Knockshannoch?", "… Ostrow Valley near Lake Hemmel?"),
    ],
)
def test_another_subject_does_not_meet_it(taught: str, other: str):
    assert not is_met(taught, other)


@pytest.mark.parametrize(
    ("taught", "other"),
    [
        ("Where does the Belmora night bus leave from?", "From where does the bus to Belmora go?"),
        ("Who is the first winner of the Halden Prize?", "Who was the earliest to win the Halden Prize?"),
        ("Which archipelago does the Isle of Corrin belong to?", "Which archipelago is Corrin part of?"),
        ("What is the head of procurement at Nordlyte called?", "Who runs purchasing at Nordlyte?"),
        ("where does the belmora night bus leave from", "Where can I catch the Belmora bus?"),
    ],
)
def test_another_wording_meets_it(taught: str, other: str):
    assert is_met(taught, other)
