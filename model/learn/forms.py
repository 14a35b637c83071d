"""Sentences that are no subject with a verb: conditions, comparisons, exceptions, with the question of each."""

import re

from model.learn.english import BASES
from model.learn.predicate import Asked, lowered, question_of
from model.learn.shape import NUMBER

_VERB = rf"(?:{'|'.join(sorted(BASES))})\b"
_MONEY = rf"(?:[€$£]\d\S*|{NUMBER} (?:euro|dollar|pound|franc|EUR|USD|GBP)s?)"
# Sentences that are no subject with a verb: (pattern, question, answer); the first group loses its sentence capital.
_FORMS = tuple(
    (re.compile(pattern), question, answer)
    for pattern, question, answer in (
        (rf"((?:If|When|Before|After|In case) [^,]+), ((?:then |please )?{_VERB}.+)", "what should I do {1}", "{2}"),
        (r"(If [^,]+), (?:then )?(.+)", "what happens {1}", "{2}"),
        (rf"To ([^,]+), ({_VERB}.+)", "how do I {1}", "{2}"),
        (rf"There (?:is|are) ({NUMBER}) ([a-z]+(?: [a-z]+)?) ((?:in|on|at) .+)", "how many {2} are there {3}", "{1}"),
        (r"It takes (.+?) (to .+)", "how long does it take {2}", "{1}"),
        (r"Only (.+?) (may|can|must|should|is allowed to|are allowed to) (.+)", "who {2} {3}", "{1}"),
        (r"(Nobody|No one) (\w+ .+)", "who {2}", "{1}"),
        (r"No ([a-z ]+?) (is|are) (.+)", "what is not {3}", "{1}"),
        (r"No ([a-z ]+?) (is|are) (.+)", "{2} {1} {3}", "No, no {1} {2} {3}"),
        (r"(.+?) (is|are|was|were) ((?:more|less) \w+|\w+er) than (.+)", "which {2} {3}, {1} or {4}", "{1}"),
        (r"(.+?) (is|are|was) (.+) as (\w+) as (.+)", "how {4} {2} {1} compared with {5}", "{3} as {4}"),
        (rf"(.+?) (is|are|was) ({NUMBER} [a-z]+) (long|wide|tall|high|deep|thick|old)", "how {4} {2} {1}", "{3}"),
        (rf"(.+?) (is|are) ({NUMBER} [a-z]+|a \S+ walk) (?:away )?from (.+)", "how far {2} {1} from {4}", "{3}"),
        (r"(.+?) decided to (\w+) (.+)", "what did {1} decide about {3}", "to {2} {3}"),
        (r"(.+) makes (.+?) ((?:turn|go|become|feel|look|smell|taste|stop|start|fail|run|work|melt|grow)\b.*)",
         "what does {1} make {2} do", "{3}"),
        (r"All (\w+) (are|is|can|must|may) (.+) except (?:for )?(.+)", "which {1} {2} not {3}", "{4}"),
        (r"All (\w+) (\w+ .+) except (?:for )?(.+)", "which {1} do not {2}", "{3}"),
        (r"You can (.+) by (?:diall?ing|calling|phoning|emailing|entering|pressing) (.+)", "how can I {1}", "{2}"),
        (rf"(\w+s) (above|below|over|under|up to|from) ({_MONEY}) (is|are|can|must|may) (.+)",
         "{2} what amount {4} {1} {5}", "{3}"),
        (rf"(\w+s) (above|below|over|under|up to|from) ({_MONEY}) (.+)", "{2} what amount do {1} {4}", "{3}"),
        (rf"((?i:{_VERB})) ({NUMBER} \S+) of (.+?) ((?:to|into|in|with) .+)", "how much {3} should I {1} {4}", "{2}"),
    )
)  # fmt: skip


def by_form(clause: str) -> list[Asked]:
    """The questions of the first form that a clause has; none where it has none."""
    forms = [(pattern, pattern.fullmatch(clause), question, answer) for pattern, question, answer in _FORMS]
    first = next((pattern for pattern, match, _, _ in forms if match), None)
    found = []
    for pattern, match, question, answer in forms:
        if match and pattern is first:
            parts = [clause, *match.groups()]
            found.append(Asked(question_of(question.format("", lowered(parts[1]), *parts[2:])), answer.format(*parts)))
    return found
