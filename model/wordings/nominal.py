"""The same thing said with a noun: «who maintains it» and «its maintainer», «how deep» and «the depth»."""

import re

from model.wordings.grammar import past, third_person

# Verb: the noun for the one who does it.
_AGENTS = """
    maintain maintainer · manage manager · write author · paint painter · design designer · own owner · found founder
    lead leader · teach teacher · compose composer · direct director · build builder · make maker · invent inventor
    discover discoverer · win winner · coach coach · conduct conductor · host host · sponsor sponsor · supply supplier
    supervise supervisor · organise organiser · translate translator · edit editor · create creator · develop developer
    produce producer · operate operator · guide guide · distribute distributor · hold holder · head head
    clean cleaner · publish publisher · assist assistant · employ employer · advise adviser · train trainer
    represent representative · review reviewer · inspect inspector · audit auditor · curate curator · narrate narrator
    defeat conqueror · support supporter · succeed successor · replace replacement · treat doctor · present presenter
    illustrate illustrator · photograph photographer · fund funder · finance backer · sculpt sculptor · carve carver"""
AGENT_OF = dict(pair.split() for pair in re.split(r"[·\n]", _AGENTS) if pair.strip())
_VERB_OF = {noun: verb for verb, noun in AGENT_OF.items() if noun not in {"author", "doctor", "replacement", "head"}}
DEGREES = {
    "high": "height",
    "tall": "height",
    "wide": "width",
    "deep": "depth",
    "long": "length",
    "heavy": "weight",
    "old": "age",
    "fast": "speed",
    "large": "size",
    "big": "size",
    "thick": "thickness",
    "expensive": "price",
    "strong": "strength",
    "steep": "slope",
    "loud": "volume",
    "bright": "brightness",
    "hot": "temperature",
    "warm": "temperature",
    "cold": "temperature",
    "accurate": "accuracy",
    "broad": "width",
}
_CLEFT = re.compile(
    r"(?P<what>(?:The (?P<noun>[a-z]+)).* (?:that|which|where|when|why|who|you) .*)(?P<copula>is|was) \[Y\]\."
)


def agent_questions(verb: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Questions and statements with the noun for the one who does `verb` to [X]; empty for verbs without one."""
    noun = AGENT_OF.get(verb)
    if not noun:
        return (), ()
    return (f"Who is the {noun} of [X]?", f"Who is [X]'s {noun}?"), (f"The {noun} of [X] is [Y].",)


def verb_question(noun: str, copula: str) -> str:
    """«assistant» → «Who assists [X]?»; empty where the noun has no such verb."""
    verb = _VERB_OF.get(noun.split()[-1])
    if not verb or len(noun.split()) > 1:
        return ""
    return f"Who {past(verb) if copula == 'was' else third_person(verb)} [X]?"


def cleft_questions(statements: list[str]) -> list[str]:
    """«The place where [X] meets is [Y].» → «What is the place where [X] meets?»"""
    found = []
    for statement in statements:
        cleft = _CLEFT.fullmatch(statement)
        if cleft and " [X]" in cleft["what"] and not cleft["what"].startswith("The [X]"):
            who = "Who" if cleft["noun"] in {"person", "one"} else "What"
            what = cleft["what"].strip()
            found.append(f"{who} {cleft['copula']} {what[0].lower()}{what[1:]}?")
    return found
