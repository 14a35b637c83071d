"""What to do: requests («Ask Rosa Bell for the key») and what follows a condition («If it rains, …»)."""

import re

from model.wordings.clauses import Clause
from model.wordings.gaps import split_adjunct
from model.wordings.grammar import BASES, BE, FINITE_FORMS, MODALS, shape_of
from model.wordings.nouns import how_to
from model.wordings.phrasings import Reading
from model.wordings.variants import upper_first
from model.wordings.verbs import NOUNLIKE, main_verb

_AMOUNT_OF = re.compile(
    r"(?P<amount>.*\d\S* [a-z]+|[a-z]+ (?:cups?|grams?|litres?|drops?|spoons?)) of (?P<thing>[a-z ]+)"
)
# Verbs of requests that are not in the list of verbs for facts, or are nouns as often.
_REQUESTS = BASES | {"press", "contact", "add", "dial", "type", "select", "click", "avoid", "consult", "phone", "email"}
_REQUESTS |= {"remove", "insert", "address", "mail", "pull", "push", "unplug", "switch", "enter", "submit", "report"}


def in_case(case: str, act: str) -> list[Reading]:
    """«If the boiler shows E5, [press the button]»: what to do, or what happens."""
    verb = act.removeprefix("please ").split()[0].lower()
    if verb in _REQUESTS:
        act = act.removeprefix("please ")
        questions: tuple[str, ...] = (
            "What should I do if [X]?",
            "What do I do when [X]?",
            "If [X], what should I do?",
            "What must be done if [X]?",
            "What is the right thing to do when [X]?",
        )
        statements = ("If [X], [Y].", "When [X], [Y].", "What you should do if [X]: [Y].")
        detail = request(upper_first(act), lead=f"if {case}")
        return [Reading(case, act, questions, statements), *detail[:1]]
    questions = (
        "What happens if [X]?",
        "If [X], what happens?",
        "What is the result if [X]?",
        "What happens when [X]?",
    )
    return [Reading(case, act, questions, ("If [X], [Y].", "When [X], [Y].", "What happens if [X]: [Y]."))]


def request(sentence: str, lead: str = "") -> list[Reading]:
    """«Use the brass key to open the archive», «Ask Rosa Bell for the key»."""
    words = sentence.removeprefix("Please ").split()
    verb = words[0].lower()
    if len(words) < 3 or verb not in _REQUESTS or (not words[0][:1].isupper() and not sentence.startswith("Please ")):
        return []
    if verb in NOUNLIKE and main_verb(words) is not None:
        return []
    if words[1] in BE | MODALS or (words[1] in FINITE_FORMS and words[1] not in BASES):
        return []
    rest = words[1:]
    task = next((i for i, word in enumerate(rest[:-1]) if i and word == "to" and rest[i + 1] in _REQUESTS), None)
    found: list[Reading] = []
    if task is not None:
        thing, goal = " ".join(rest[:task]), " ".join(rest[task + 1 :])
        found.append(Clause("you", "should", verb, thing, after=f"to {goal}").reading())
        found.append(how_to(goal, f"{verb} {thing}"))
    else:
        thing, after = split_adjunct(rest)
        amount = _AMOUNT_OF.fullmatch(thing)
        if amount:
            asked = f"How much {amount['thing']} should [X] {verb} {after}".strip() + "?"
            said = f"[X] should {verb} [Y] of {amount['thing']} {after}".strip() + "."
            found.append(Reading("you", amount["amount"], (asked, f"What amount of {asked[9:]}"), (said,)))
        elif after or lead:
            found.append(Clause("you", "should", verb, thing, after=after).reading())
            if shape_of(thing) == "person" and after.startswith("for "):
                found.append(_helper(thing, after))
    if lead:
        found = [_with_case(reading, lead) for reading in found]
    return found


def _helper(person: str, after: str) -> Reading:
    """«Ask [Rosa Bell] for the key»: also the one who gives it."""
    preposition, _, thing = after.partition(" ")
    questions = (f"Who do I turn to {preposition} [X]?", "Who can help me if I need [X]?", "From whom do I get [X]?")
    return Reading(thing, person, questions, ("The one to ask for [X] is [Y].",))


def _with_case(reading: Reading, lead: str) -> Reading:
    questions = tuple(f"{form.rstrip('?')} {lead}?" for form in reading.questions)
    return Reading(reading.subject, reading.answer, questions, ())
