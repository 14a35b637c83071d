"""Other words for common ones: a question reworded where a synonym means the same in nearly every sentence."""

import re
from functools import cache

from model.wordings.grammar import BE, DETERMINERS, participle, past, third_person
from model.wordings.verbs import NOUNLIKE

# The first verb of a line may become each of the others, and they the first.
_VERBS = """
    start begin · begin commence · close shut · end finish · buy purchase · need require · get receive
    repair fix · build construct · keep store · allow permit · happen occur
    choose select · contain include · create make · establish found · produce make · offer provide
    reside live · connect link · inspect check · examine check · assemble build
    approve authorise · move relocate · hire employ · recruit hire
    arrange organise · supply provide · vanish disappear · depart leave
    assist help  · gather meet · replace succeed · cultivate grow · remove delete"""
_NOUNS = """
    price cost · deadline due date · author writer · duration length · maximum highest possible
    minimum lowest possible · largest biggest · fastest quickest · purpose aim · annual yearly
    employees staff · colour color · photos pictures · film movie · salary pay · location place
    phone number telephone number · owner proprietor · founder creator · width breadth
    town city · kind sort · rule regulation · meeting session
    holiday vacation · car automobile · doctor physician · teacher instructor · fee charge · height elevation
    currency money · extension extension number · assistant aide · limit cap · firm company"""
_PHRASES = (
    ("in charge of", "responsible for"),
    ("responsible for", "in charge of"),
    ("take place", "happen"),
    ("takes place", "happens"),
    ("is located", "is situated"),
    ("look after", "take care of"),
    ("leave from", "go from"),
    ("made of", "made from"),
    ("is allowed to", "may"),
    ("used for", "good for"),
    ("is the head of", "leads"),
    ("How much does it cost to", "What is the price to"),
    ("Why", "For what reason"),
    ("What is the reason why", "Why is it that"),
    ("How often", "At what intervals"),
    ("Who is the", "Which person is the"),
    ("How many", "What number of"),
    ("How long", "For how much time"),
    ("Where", "In what place"),
    ("How do I", "What is the way to"),
    ("How can I", "In what way can I"),
    ("Which", "What"),
)
# «makes the snow melt» creates no snow, and what happens to it does not occur to it.
_NO_SYNONYM = re.compile(r"(?:make|makes|made) .+ (?:do|[a-z]+)\?|happen(?:s|ed)? to ")
_PARTICIPLE_IN = BE | {"been", "have", "has", "had"}
_QUESTION_NEEDS_NO = re.compile(r"^Where .* (?:from|to|at|in|on|by|until|since)\?$")


def reworded(question: str, subject: str = "") -> list[str]:
    """The question with one common word or phrase changed, for each that has another; `subject` keeps its words."""
    found = []
    start = question.lower().find(subject.lower()) if subject else -1
    inside = range(start, start + len(subject)) if start >= 0 else range(0)
    for match in re.finditer(r"(?<![\w'’-])[a-z]+(?![\w'’-])", question):
        if match.start() in inside:
            continue
        if _NO_SYNONYM.match(question, match.start()):
            continue
        word, before = match[0], question[: match.start()].split()[-1:]
        nouns, verbs = _nouns().get(word, ()), _verbs().get(word, ())
        previous = before[0].lower() if before else ""
        if previous in DETERMINERS | {"of"} or not verbs:
            options = nouns
        else:
            passive = bool(_PARTICIPLE_IN & set(question[: match.start()].lower().split()))
            options = tuple(_form(option, passive) for option in verbs)
        found += [question[: match.start()] + option + question[match.end() :] for option in options]
    for old, new in _PHRASES:
        # «Where … from» keeps its preposition, and «which one» is no «what one».
        stays = old == "Where" and _QUESTION_NEEDS_NO.match(question) is not None
        stays = stays or (old == "Which" and question.startswith("Which one"))
        within = old[0].islower() and f" {old} " in question
        if within or (not stays and re.match(rf"{old}\b", question)):
            found.append(question.replace(old, new, 1))
    return list(dict.fromkeys(found))


def _form(forms: str, passive: bool) -> str:
    """The past, or the participle behind a form of be or have."""
    plain, _, done = forms.partition("|")
    return done if done and passive else plain


def _pairs(text: str) -> list[list[str]]:
    return [pair.split() for pair in re.split(r"[·\n]", text) if pair.strip()]


@cache
def _verbs() -> dict[str, tuple[str, ...]]:
    """Every form of the verbs to the same form of their synonyms; «past|participle» where these differ."""
    table: dict[str, tuple[str, ...]] = {}
    for pair in _pairs(_VERBS):
        first, second = pair
        for old, new in ((first, second), (second, first)):
            if old in NOUNLIKE and old not in {"need", "start", "check"}:
                continue
            done = past(new) if past(new) == participle(new) else f"{past(new)}|{participle(new)}"
            # «shut» is its own past: which of the two it is, nobody can tell.
            before = [(past(old), done)] if past(old) != old else []
            for form, other in ((old, new), (third_person(old), third_person(new)), *before):
                table[form] = (*table.get(form, ()), other)
            if participle(old) not in {past(old), old}:
                table[participle(old)] = (*table.get(participle(old), ()), participle(new))
    return table


@cache
def _nouns() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for pair in _pairs(_NOUNS):
        first, *second = pair
        if first != "phone":
            table[first] = (*table.get(first, ()), " ".join(second))
    return table
