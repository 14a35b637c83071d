"""What to do: requests («Ask Rosa Bell for the key») and what follows a condition («If it rains, …»)."""

import re

from model.wordings.clauses import Clause, which_of
from model.wordings.gaps import split_adjunct
from model.wordings.grammar import BASES, BE, DETERMINERS, FINITE_FORMS, MODALS, PREPOSITIONS, shape_of, third_person
from model.wordings.nouns import how_to
from model.wordings.phrasings import Reading, relation_of_noun
from model.wordings.variants import inner_subject, upper_first
from model.wordings.verbs import NOUNLIKE, main_verb

_AMOUNT_OF = re.compile(
    r"(?P<amount>.*\d\S* [a-z]+|[a-z]+ (?:cups?|grams?|litres?|drops?|spoons?)) of (?P<thing>[a-z ]+)"
)
# Verbs of requests that are not in the list of verbs for facts, or are nouns as often.
_REQUESTS = BASES | {"press", "contact", "add", "dial", "type", "select", "click", "avoid", "consult", "phone", "email"}
_REQUESTS |= {"remove", "insert", "address", "mail", "pull", "push", "unplug", "switch", "enter", "submit", "report"}
_BY_DOING = re.compile(
    r"(?P<who>[A-Z][^,]*?) (?P<modal>can|may|must|should) (?P<task>(?!be )[a-z]+ [^,]+|be [a-z]+) "
    r"by (?P<way>(?P<doing>[a-z]+)ing .+)"
)
_REACHED = re.compile(r"(?:reach|contact|call|phone|get|ring) (?P<whom>.+)")
_CALLED = re.compile(
    r"(?:call|dial|dialling|phone|phoning|ring|text|calling|dialing|ringing|texting) "
    r"(?P<extension>extension )?(?P<number>\+?\d[\d /()-]*)"
)
# What a tool can be said to do itself: «What opens the safe?»
_OF_TOOLS = {"open", "close", "lock", "unlock", "start", "stop", "reset", "restart", "clean", "cut", "remove", "fasten"}


def by_doing(sentence: str) -> list[Reading]:
    """«You can open the vault [by turning the dial]», «You can reach the porter by dialling [5512]»."""
    found = _BY_DOING.fullmatch(sentence)
    if not found or not {found["doing"], f"{found['doing']}e", found["doing"][:-1]} & _REQUESTS:
        return []
    number = _number(found["task"], found["way"])
    if number:
        return [number]
    modal, who, task = found["modal"], inner_subject(found["who"]), found["task"]
    way, fronts = f"by {found['way']}", ("How", "In what way", "By what means")
    if task.startswith("be "):
        # «must be accompanied by building staff» tells by whom.
        if not re.match(r"[a-z]+ing (?:the|an?|your|its|[A-Z\d])", found["way"]):
            return []
        passive = tuple(f"{front} {modal} [X] {task}?" for front in fronts)
        return [Reading(who, way, passive, (f"[X] {modal} {task} [Y].",))]
    own = who.lower() == "you"
    questions = [f"{front} {modal} {'I' if own else who} [X]?" for front in fronts]
    questions += ["How do I [X]?", "How do you [X]?"] if own else []
    statements = (f"{upper_first(who)} {modal} [X] [Y].", "The way to [X] is [Y].")
    return [Reading(task, way, tuple(questions), statements)]


def _number(task: str, way: str) -> Reading | None:
    """«reach the porter», «dialling 5512»: the number of the porter."""
    whom, called = _REACHED.fullmatch(task), _CALLED.fullmatch(way)
    relation = relation_of_noun("extension" if called and called["extension"] else "phone number")
    return relation.reading(whom["whom"], called["number"]) if whom and called and relation else None


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
    main = main_verb(words)
    if verb == "use" and words[1] != "of":
        main = main if main and words[main] in BE | MODALS else None
    if (verb in NOUNLIKE or words[1] in PREPOSITIONS) and main is not None:
        return []
    if words[1] in BE | MODALS or (words[1] in FINITE_FORMS and words[1] not in BASES):
        return []
    rest = words[1:]
    task = next((i for i, word in enumerate(rest[:-1]) if i and word == "to" and _is_task(verb, rest[i + 1])), None)
    found: list[Reading] = []
    if task is not None:
        thing, goal = " ".join(rest[:task]), " ".join(rest[task + 1 :])
        number = _number(goal, f"{verb} {thing}")
        if verb == "use":
            found.append(_tool(goal, thing))
        else:
            found += [number] if number else []
            found.append(Clause("you", "should", verb, thing, after=f"to {goal}").reading())
            found += [] if number else [how_to(goal, f"{verb} {thing}")]
    else:
        thing, after = split_adjunct(rest)
        number = _number(f"reach {after.removeprefix('for ')}", f"{verb} {thing}") if after.startswith("for ") else None
        amount = _AMOUNT_OF.fullmatch(thing)
        if amount:
            asked = f"How much {amount['thing']} should [X] {verb} {after}".strip() + "?"
            said = f"[X] should {verb} [Y] of {amount['thing']} {after}".strip() + "."
            found.append(Reading("you", amount["amount"], (asked, f"What amount of {asked[9:]}"), (said,)))
        elif number:
            found.append(number)
        elif after or lead:
            found.append(Clause("you", "should", verb, thing, after=after).reading())
            if shape_of(thing) == "person" and after.startswith("for "):
                found.append(_helper(thing, after))
    if lead:
        found = [_with_case(reading, lead) for reading in found]
    return found


def _is_task(verb: str, word: str) -> bool:
    """Whether «to» and this word say what a request is for; with «use» nearly every verb does."""
    return word in _REQUESTS or (verb == "use" and word.islower() and word not in DETERMINERS)


def _tool(goal: str, thing: str) -> Reading:
    """«Use [the long key] to open the safe»: the thing answers «how» as well, so that it is learned alone."""
    kind = which_of(thing)
    verb, _, rest = goal.partition(" ")
    questions = (
        "What should you use to [X]?",
        *((f"{kind} do I need to [X]?",) if kind != "What" else ()),
        "What do I use to [X]?",
        *((f"What {third_person(verb)} {rest}?",) if verb in _OF_TOOLS and rest else ()),
        "What do I need to [X]?",
        "How do I [X]?",
        "With what can I [X]?",
    )
    return Reading(goal, thing, questions, ("To [X], use [Y].", "What you use to [X] is [Y].", "You need [Y] to [X]."))


def _helper(person: str, after: str) -> Reading:
    """«Ask [Rosa Bell] for the key»: also the one who gives it."""
    preposition, _, thing = after.partition(" ")
    questions = (f"Who do I turn to {preposition} [X]?", "Who can help me if I need [X]?", "From whom do I get [X]?")
    return Reading(thing, person, questions, ("The one to ask for [X] is [Y].",))


def _with_case(reading: Reading, lead: str) -> Reading:
    questions = tuple(f"{form.rstrip('?')} {lead}?" for form in reading.questions)
    return Reading(reading.subject, reading.answer, questions, ())
