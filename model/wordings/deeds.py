"""What somebody did, means to do, or makes another do: wins, beats, dies of, plans, «makes the dye fade»."""

import re

from model.wordings.clauses import Clause, DoerClause
from model.wordings.grammar import BASES, FINITE_FORMS, PREPOSITIONS, TIMES, is_colour, is_named_person, shape_of
from model.wordings.phrasings import Reading, match_statement, relation_of_noun
from model.wordings.variants import inner_subject
from model.wordings.verbs import NOUNLIKE

_GAIN = re.compile(
    r"(?P<who>(?!It |He |She |They )[A-Z][^,]*?)(?: also| later| first| then)? "
    r"(?P<did>won|received|earned|gained|obtained|acquired|bought) "
    r"(?P<what>(?:the |an? )?[^,]*[A-Z][^,]*?) (?P<link>in|on) (?P<when>(?:[A-Z]\w+ )?\d.*)"
)
_BEAT = re.compile(
    r"(?P<winner>[A-Z][^,]*?) (?P<did>beat|defeated) (?P<loser>(?:the )?[A-Z][^,]*?)"
    r"(?P<after> (?P<link>in|at|on|during|by) (?P<where>[^,]+))?"
)
_CONTEST = re.compile(r"(?:the|their|its) (?:.* )?(?:final|semi-final|match|game|derby|race|play-off|election|battle)")
_DEATH = re.compile(
    r"(?P<who>[^,]+?)(?: later| then| soon)? died (?:of|from) (?P<cause>[^,]+?)"
    r"(?: (?P<rest>(?:in|on|at|near) [A-Z\d][^,]*))?"
)
_MAKES = re.compile(
    r"(?P<cause>[^,]+?) (?P<makes>makes?|made|lets?|causes?|caused) (?P<behind>(?:the|our|my|its|all|most|[A-Z]).* .+)"
)
# A noun that may be a verb is one in front of these: «makes the ferry run late».
_BEHIND_VERB = re.compile(
    r"[a-z]+ly|late|early|faster|slower|louder|off|on|up|down|out|over|away|back|into|to|like|hot|cold"
)
_PLAN = re.compile(
    r"(?P<who>.+?) (?P<did>decided|agreed|promised|offered|refused|plans|wants|hopes|intends) "
    r"(?P<what>to [a-z]+(?: .+)?)"
)
_PLANS = {"decided": ("did", "decide"), "agreed": ("did", "agree"), "promised": ("did", "promise")}
_PLANS |= {"offered": ("did", "offer"), "refused": ("did", "refuse"), "plans": ("does", "plan")}
_PLANS |= {"wants": ("does", "want"), "hopes": ("does", "hope"), "intends": ("does", "intend")}
_OWNED_THING = re.compile(r"to [a-z]+ (?P<thing>(?:the|its|their|his|her|our) [^,]+|[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*)")


def deed(sentence: str) -> list[Reading]:
    """The readings of the first rule that knows this deed, or none."""
    return _gain(sentence) or _beat(sentence) or _death(sentence) or _makes(sentence) or _plan(sentence)


def _gain(sentence: str) -> list[Reading]:
    """«Rosa Bell won [the Orra Prize] in 1998»: a person's gain tells rather what than when."""
    found = _GAIN.fullmatch(sentence)
    if not found or shape_of(found["when"]) not in TIMES or set(found["what"].split()) & PREPOSITIONS:
        return []
    who, what, when, after = found["who"], found["what"], found["when"], f"{found['link']} {found['when']}"
    auxiliary, verb = FINITE_FORMS[found["did"]]
    gain = Clause(who, auxiliary, verb, what, after=after).reading()
    plain = f"What did [X] {verb}?"
    head = re.search(r" ([A-Z][a-z]+)$", what) if what.startswith("the ") else None
    named = (f"Which {head[1].lower()} did [X] {verb}?",) if head else ()
    gain = Reading(who, what, (*gain.questions[:1], plain, *named, *gain.questions[1:]), gain.statements)
    doer = DoerClause(inner_subject(who), auxiliary, verb, what, after=after).reading()
    time = Clause(who, auxiliary, verb, when, what, found["link"]).reading()
    if verb == "win" and shape_of(who) != "person":
        return [doer, gain, time]
    return [gain, doer, time]


def _beat(sentence: str) -> list[Reading]:
    """«[Norvik Rovers] beat Halden Town in the cup final»: who won comes first."""
    found = _BEAT.fullmatch(sentence)
    if not found or set(found["loser"].split()) & PREPOSITIONS:
        return []
    winner, loser, after = inner_subject(found["winner"]), found["loser"], (found["after"] or "").strip()
    auxiliary, verb = FINITE_FORMS[found["did"]]
    doer = DoerClause(winner, auxiliary, verb, loser, after=after, front="Who").reading()
    contest = found["where"] if found["where"] and _CONTEST.fullmatch(found["where"]) else ""
    more = f"Who won against [X] {after}".strip() + "?"
    won = (f"Who won {contest} against [X]?", f"Who won {contest}?") if contest else (more,)
    first = Reading(loser, winner, (*doer.questions[:1], *won, *doer.questions[1:]), doer.statements)
    lost = (f"Who lost {contest} against [X]?",) if contest else ()
    other = Clause(winner, auxiliary, verb, loser, after=after, front=("Who", "")).reading()
    other = Reading(winner, loser, (*other.questions[:1], *lost), other.statements)
    if contest or found["link"] in {None, "by"}:
        return [first, other]
    place = Clause(winner, auxiliary, verb, found["where"], loser, found["link"]).reading()
    return [first, other, place]


def _death(sentence: str) -> list[Reading]:
    """«King Ferrand died of [typhus] in [Melpek]»."""
    found, relation = _DEATH.fullmatch(sentence), relation_of_noun("cause of death")
    if not found or not relation:
        return []
    where = match_statement(f"{found['who']} died {found['rest']}", None) if found["rest"] else None
    return [relation.reading(found["who"], found["cause"]), *([where] if where else [])]


def _makes(sentence: str) -> list[Reading]:
    """«Cold water makes the dye [fade]»: what becomes of the dye, and why."""
    found = _MAKES.fullmatch(sentence)
    cut = _effect(found["behind"].split(), found["makes"].startswith("cause")) if found else None
    if not found or not cut:
        return []
    whom, to, effect = cut
    cause, makes = inner_subject(found["cause"]), found["makes"]
    auxiliary, base = FINITE_FORMS.get(makes, ("do", makes))
    happens, is_ = ("happened", "was") if auxiliary == "did" else ("happens", "is")
    asked = (
        f"What {auxiliary} [X] {base} {whom} {to}do?",
        f"What {happens} to {whom} because of [X]?",
        f"What {auxiliary} [X] do to {whom}?",
        f"What {is_} the effect of [X] on {whom}?",
        f"How {auxiliary} [X] affect {whom}?",
    )
    said = (f"[X] {makes} {whom} {to}[Y].", f"What [X] {makes} {whom} {to}do is [Y].")
    who = "Who" if shape_of(cause) == "person" or is_named_person(cause) else "What"
    why = (f"{who} {makes} [X]?", f"Because of what {auxiliary} {whom} {effect}?") if auxiliary == "did" else ()
    why = why or (f"{who} {makes} [X]?", f"{who} causes {whom} to {effect}?")
    reason = Reading(f"{whom} {to}{effect}", cause, why, (f"What {makes} [X] is [Y].",) if who == "What" else ())
    return [Reading(cause, effect, asked, said), reason]


def _effect(words: list[str], with_to: bool) -> tuple[str, str, str] | None:
    """«the dye fade» → («the dye», «», «fade»); with «to» in between where the verb needs it."""
    for index in range(2 if words[0].islower() else 1, len(words)):
        word, previous, behind = words[index], words[index - 1], (*words[index + 1 :], "")[0]
        if with_to:
            if word == "to" and behind:
                return " ".join(words[:index]), "to ", " ".join(words[index + 1 :])
            continue
        if word not in BASES or previous in PREPOSITIONS | {"of", "and", "the"}:
            continue
        if word not in NOUNLIKE or previous.endswith("s") or _BEHIND_VERB.fullmatch(behind) or is_colour(behind):
            return " ".join(words[:index]), "", " ".join(words[index:])
    return None


def _plan(sentence: str) -> list[Reading]:
    """«The council decided [to close the pool]»: what, what about the pool, and who."""
    found = _PLAN.fullmatch(sentence)
    if not found or "," in found["who"]:
        return []
    who, did, what = found["who"], found["did"], found["what"]
    auxiliary, base = _PLANS[did]
    thing = _OWNED_THING.fullmatch(what)
    questions = (
        f"What {auxiliary} [X] {base}?",
        f"What {auxiliary} [X] {base} to do?",
        *((f"What {auxiliary} [X] {base} to do with {thing['thing']}?",) if thing else ()),
        f"What is it that [X] {did}?",
    )
    first = Reading(who, what, questions, (f"[X] {did} [Y].",))
    if not re.search(r"[A-Z]", what):
        return [first]
    said = (f"The one who {did} to [X] is [Y].",)
    return [first, Reading(what.removeprefix("to "), inner_subject(who), (f"Who {did} to [X]?",), said)]
