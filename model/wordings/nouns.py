"""Facts that name a thing by what it belongs to («Norvik's founder»), by itself, or by how it is done."""

import re

from model.wordings.grammar import BE, PREPOSITIONS, TIMES, is_someone, shape_of
from model.wordings.nominal import verb_question
from model.wordings.phrasings import Reading, noun_wordings, relation_of_noun
from model.wordings.variants import upper_first

_ROLE = re.compile(
    r"(?:er|or|ist|ian|man|woman|CEO|CTO|CFO|chef|mayor|king|queen|wife|husband|coach|captain|president|head|chair|"
    r"friend|assistant|secretary|accountant|host|nurse|doctor|brother|sister|son|daughter|pilot|guide|saint)$"
)
_RELATED = re.compile(r"(?P<noun>[^ ].*?) (?P<preposition>of|for|at|in|from|to|on) (?P<subject>.+)")
_OWNED = re.compile(r"(?P<subject>.+?)(?:['’]s|(?<=s)['’]) (?P<noun>[a-z].*)")
_NAMED_NOUN = re.compile(r"the (?P<subject>[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*) (?P<noun>[a-z][a-z -]*[a-z])")
_SUPERLATIVE = re.compile(
    r"the (?P<degree>first|last|only|next|latest|worst|(?:second|third)(?: [a-z]+est)?|(?:most|least) [a-z]+|"
    r"(?!(?:west|rest|for|gu|harv|t|requ|inter|n|ch|prot|pri|cont|conqu|inqu)est\b)[a-z]+est) "
    r"(?P<noun>[a-z]+(?:[ -][a-z]+){0,3}?)(?<! able)(?<! ever)(?<! likely) "
    r"(?P<rest>(?:with|without|of|at|for|in|on|to|from) .+)"
)
_NUMBERED = re.compile(
    r"(?P<kind>Step|Stage|Phase|Rule|Part|Point|Item|Task|Lesson|Question) (?P<number>[a-z]+|\d+) "
    r"(?P<of>of|in) (?P<whole>.+)"
)
_ORDINAL_OF = {"one": "first", "two": "second", "three": "third", "four": "fourth", "five": "fifth", "six": "sixth"}
_ORDINAL_OF |= {"seven": "seventh", "eight": "eighth", "nine": "ninth", "ten": "tenth"}


def superlative(subject: str, copula: str, said: str) -> Reading | None:
    """«[Norvik 3.1] is the first version with dark mode»: which version is; None for a subject without a name."""
    found = _SUPERLATIVE.fullmatch(said)
    named = re.fullmatch(r"(?:The )?[A-Z].*[A-Z\d].*|(?!It$|He$|She$|This$|That$)[A-Z][a-z]+", subject)
    if not found or not named or copula not in {"is", "was"}:
        return None
    degree, noun, rest = found["degree"], found["noun"], found["rest"]
    who = "Who" if noun.split()[-1] == "person" or is_someone(f"the {noun}") else "What"
    one = "only one" if degree == "only" else degree
    questions = (
        f"{who} {copula} the {degree} {noun} {rest}?",
        f"Which {noun} {copula} the {one} {rest}?",
        f"Which {noun} {rest} {copula} the {one}?",
    )
    is_task = re.match(r"to [a-z]", rest)
    known = None if is_task else noun_reading(said, copula, subject)
    if known:
        asked = dict.fromkeys((*known.questions[:2], *questions[1:], *known.questions[2:]))
        return Reading(known.subject, subject, tuple(asked), known.statements)
    return Reading(said, subject, questions, (f"[X] {copula} [Y].",))


def numbered(subject: str, copula: str, answer: str) -> Reading | None:
    """«Step four of the recipe is [kneading the dough]»; None where no step, rule or the like is numbered."""
    found = _NUMBERED.fullmatch(subject)
    if not found or copula != "is":
        return None
    kind, number, of = found["kind"].lower(), found["number"], found["of"]
    names = [f"{kind} {number}"]
    if number in _ORDINAL_OF:
        names.append(f"the {_ORDINAL_OF[number]} {kind}")
    questions = [f"What is {name} {of} [X]?" for name in names]
    if kind in {"step", "stage", "phase", "task"} and re.match(r"[a-z]+ing ", answer):
        questions += [f"What is done in {name} {of} [X]?" for name in names]
        questions += [f"What do I do in {names[0]} {of} [X]?"]
    questions += [f"{of.replace('of', 'in').capitalize()} [X], what is {name}?" for name in names]
    statements = (*(f"{upper_first(name)} {of} [X] is [Y]." for name in names), f"In [X], {names[0]} is [Y].")
    return Reading(found["whole"], answer, tuple(questions), statements)


def noun_reading(phrase: str, copula: str, answer: str, ask: str | None = None) -> Reading | None:
    """«the support extension for billing», «Norvik's wifi name»: a noun and what it belongs to; else None."""
    article = re.match(r"(?:the|our|my) ", phrase, re.IGNORECASE)
    owned = _OWNED.fullmatch(phrase)
    # «the name of Rosa's dog» is a name, not a dog.
    simple = owned and not set(owned["subject"].split()) & (PREPOSITIONS | {"of"})
    parts = owned if simple else article and _RELATED.fullmatch(phrase[article.end() :])
    parts = parts or _NAMED_NOUN.fullmatch(phrase[:1].lower() + phrase[1:])
    if not parts or len(parts["noun"].split()) > 5 or (article and not article[0].lower().startswith("the")):
        return None
    noun, subject = parts["noun"], parts["subject"]
    preposition = parts.groupdict().get("preposition", "of") or "of"
    if set(noun.split()) & (PREPOSITIONS | {"that", "which", "who"}) or _has_verb(subject):
        return None
    is_role = _ROLE.search(noun) and shape_of(answer) == "person"
    ask = ask if ask in {"Who", "What", "Where", "When"} else "Who" if is_role else "What"
    questions, statements = noun_wordings(noun, ask=ask, copula=copula, preposition=preposition)
    if ask == "What" and shape_of(answer) in TIMES and "time" not in noun and copula in {"is", "was"}:
        questions.append(f"When {copula} the {noun} {preposition} [X]?")
    if ask == "Who":
        questions.append(f"What {copula} the name of the {noun} {preposition} [X]?")
    inner = re.fullmatch(r"(?P<what>.+) (?P<at>at|in) (?P<where>[A-Z].*)", subject)
    if inner and preposition in {"for", "of", "to"}:
        # «… for billing at Brightwater Bank» also reads «At Brightwater Bank, … for billing».
        at, where, named = (
            inner["at"].capitalize(),
            inner["where"],
            f"the {noun} {preposition} {inner['what']}",
        )
        questions += [f"{at} {where}, {ask.lower()} {copula} {named}?"]
        statements += [f"{at} {where}, {named} {copula} [Y]."]
    by_verb = verb_question(noun, copula) if ask == "Who" and preposition == "of" else ""
    questions += [by_verb] if by_verb else []
    relation = relation_of_noun(noun)
    if relation and copula == relation.copula and relation.accepts(answer):
        known = relation.reading(subject, answer)
        questions += [form for form in known.questions if form not in questions]
        statements += [form for form in known.statements if form not in statements]
    return Reading(subject, answer, tuple(questions), tuple(statements))


def _has_verb(text: str) -> bool:
    return bool(BE & set(text.split()))


def named_noun(subject: str, noun: str, copula: str, answer: str) -> Reading:
    """«The pump has a [weight] of [40 kilos]»."""
    questions, statements = noun_wordings(noun, copula=copula)
    return Reading(subject, answer, (f"What {noun} does [X] have?", *questions), tuple(statements))


def there_are(copula: str, number: str, noun: str, place: str) -> Reading:
    """«There are [seven] bells in the tower»."""
    preposition, subject = place.split(" ", 1)
    where = f"{preposition} [X]"
    questions = (f"How many {noun} {copula} there {where}?", f"How many {noun} {copula} {where}?")
    statements = (f"There {copula} [Y] {noun} {where}.", f"The number of {noun} {where} is [Y].")
    return Reading(subject, number, (*questions, f"What is the number of {noun} {where}?"), statements)


def how_to(task: str, way: str) -> Reading:
    """«To reset the alarm, press the red button»: a task and the way to do it."""
    questions = (
        "How do I [X]?",
        "How can I [X]?",
        "What should I do to [X]?",
        "How do you [X]?",
        "What do I do to [X]?",
    )
    return Reading(task, way, questions, ("To [X], [Y].", "If you want to [X], [Y].", "In order to [X], [Y]."))


def copular(subject: str, copula: str, answer: str, ask: str = "What") -> Reading:
    """«[The wifi password] is Melon77»: a subject that no rule takes apart."""
    questions = [f"{ask} {copula} [X]?", f"[X] {copula} {ask.lower()}?"]
    if subject.split()[0].lower() in {"the", "our", "my"}:
        questions += ["Which " + f"one {copula} [X]?"] if shape_of(answer) == "person" else []
        if shape_of(answer) in TIMES and ask == "What":
            questions.insert(1, f"When {copula} [X]?")
    if ask == "What" and re.match(r"(?:a|an|the) ", answer) and copula in {"is", "was"}:
        questions += [
            "What does [X] mean?",
            f"What kind of thing {copula} [X]?",
            "What is meant by [X]?",
            "How would you describe [X]?",
        ]
    statements = [f"[X] {copula} [Y].", f"As for [X], it {copula} [Y]."] if copula in BE - {"are", "were"} else []
    return Reading(subject, answer, tuple(questions), tuple(statements or [f"[X] {copula} [Y]."]))
