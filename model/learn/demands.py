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
_EXCHANGED = 2  # names at the end of a question that the same one about others exchanges
_LABEL = re.compile(r"(?<=\w )(?:[B-HJ-Z]\b(?!\.)|[A-Z]\w+)")  # «Hall D», «Gate Five»


def demand_of(question: str, others: Sequence[str], sketch: Sketch) -> Demand:
    """What a question demands of the words of whoever is to be answered from it.

    others  the same question about other subjects
    """
    labels = [word.lower() for word in _LABEL.findall(question)]
    labels = [word for word in labels if len(word) == 1 or word in NUMBER_WORDS]
    spans = [words(question[start:end]) for start, end in names_in(question)]
    named = [*_names(question, spans, others, sketch), *labels]
    names = dict.fromkeys(numbers_of(word)[0] for word in named)
    pairs = [(numbers_of(own)[0], numbers_of(other)[0]) for own, other in exclusions(question)]
    before, behind = _parts([[numbers_of(word)[0] for word in span] for span in spans], frozenset(names))
    return Demand(
        tuple(names),
        tuple(dict.fromkeys(pair for pair in pairs if pair[0] not in {*names, pair[1]})),
        before=before,
        behind=behind,
    )


def _names(question: str, spans: Sequence[Sequence[str]], others: Sequence[str], sketch: Sketch) -> list[str]:
    """Of the words of each name that others lack the rare ones, all where none is rare; rarest first, and numbers.

    Names that others do not exchange are lacked by none, and tell the subject as well.
    """
    lacking = _lacking(question, others)
    kept = {word for span in spans[:-_EXCHANGED] for word in span}
    found = list[str]()
    for span in spans:
        told = [word for word in span if word in lacking or word in kept]
        found += [word for word in told if sketch.rarity(word) >= _RARE] or told
    numbered = [word for word in (*lacking, *kept) if any(map(str.isdigit, word))]
    found = sorted(found, key=sketch.rarity, reverse=True) + numbered
    return found or sorted(lacking, key=sketch.rarity)[-1:]


def _parts(spans: Sequence[Sequence[int]], names: frozenset[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The other words of names, those before and those behind a word that is demanded."""
    before, behind = dict[int, None](), dict[int, None]()
    for span in spans:
        demanded = [at for at, word in enumerate(span) if word in names]
        if demanded:
            before |= dict.fromkeys(word for word in span[: demanded[-1]] if word not in names)
            behind |= dict.fromkeys(word for word in span[demanded[0] :] if word not in names)
    return tuple(before), tuple(behind)


def _lacking(question: str, others: Sequence[str]) -> list[str]:
    """The words of a question that any of these lacks, each once, in their order."""
    said = [frozenset(numbers_of(other)) for other in others]
    found = dict.fromkeys(words(question))
    return [word for word in found if any(numbers_of(word)[0] not in other for other in said)]
