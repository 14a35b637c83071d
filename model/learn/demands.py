"""The words that a question demands: of those that the same one about others lacks, the ones that name its subject.

«Where does the Belmora night bus leave from?» differs from the taught question in one word, and is nearer to its key
than any other wording of the fact. So its rare name must be asked; «night» need not be, but «morning» must not be asked
in its place.
"""

import re
from collections.abc import Sequence

from model.learn.exclusives import NUMBER_WORDS, exclusions
from model.learn.names import names_in
from model.memory.demand import Demand
from model.memory.sketch import Sketch, numbers_of, words

_RARE = 0.65  # rarity from which on a word of a name names its subject whatever stands beside it
_TELLING = 0.4  # rarity from which on words do where a name has no rare one
_LABEL = re.compile(r"(?<=\w )(?:[B-HJ-Z]\b(?!\.)|[A-Z]\w+)")  # «Hall D», «Gate Five»


def demand_of(question: str, others: Sequence[str], sketch: Sketch) -> Demand:
    """What a question demands of the words of whoever is to be answered from it.

    others  the same question about other subjects
    """
    labels = [word.lower() for word in _LABEL.findall(question)]
    labels = [word for word in labels if len(word) == 1 or word in NUMBER_WORDS]
    named = [*_names(question, _lacking(question, others), sketch), *labels]
    names = dict.fromkeys(numbers_of(word)[0] for word in named)
    pairs = [(numbers_of(own)[0], numbers_of(other)[0]) for own, other in exclusions(question)]
    return Demand(tuple(names), tuple(dict.fromkeys(pair for pair in pairs if pair[0] not in {*names, pair[1]})))


def _names(question: str, lacking: Sequence[str], sketch: Sketch) -> list[str]:
    """Of the words that others lack the rare ones of names, rarest first, and numbers; where there are none, others."""
    inside = {word for start, end in names_in(question) for word in words(question[start:end])}
    told = sorted((word for word in lacking if word in inside), key=sketch.rarity, reverse=True)
    numbered = [word for word in lacking if any(map(str.isdigit, word))]
    found = [word for word in told if sketch.rarity(word) >= _RARE] + numbered
    found = found or [word for word in told if sketch.rarity(word) >= _TELLING]
    return found or sorted(lacking, key=sketch.rarity)[-1:]


def _lacking(question: str, others: Sequence[str]) -> list[str]:
    """The words of a question that any of these lacks, each once, in their order."""
    said = [frozenset(numbers_of(other)) for other in others]
    found = dict.fromkeys(words(question))
    return [word for word in found if any(numbers_of(word)[0] not in other for other in said)]
