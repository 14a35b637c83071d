"""A plain clause with a gap: builds the questions and statements that its verb, preposition and answer allow.

The gap is the answer. «The ferry leaves from [pier twelve]» is subject, auxiliary «does», verb «leave»,
preposition «from»; asking moves a question word to the front and leaves the preposition behind, or takes it too.
"""

import re
from dataclasses import dataclass, replace

from model.wordings.asking import Ask, ask_for, ask_like, has_preposition
from model.wordings.gaps import BARE_TIME
from model.wordings.grammar import BE, DETERMINERS, PARTICIPLES, PREPOSITIONS, finite, is_someone, past, shape_of
from model.wordings.nominal import agent_questions
from model.wordings.phrasings import Reading

# «What colour does it have?» «teal» cannot be said as «it has teal».
_KINDS = {"colour", "color", "kind", "type", "sort", "size", "shape", "age"}
_INTRANSITIVE = {"write", "paint", "play", "live", "move", "lose", "grow", "work", "run", "call", "take", "make"}
_MADE_BY_PEOPLE = {"design", "write", "paint", "compose", "found", "direct", "invent", "build", "draw", "sing", "edit"}
_MADE_BY_PEOPLE |= {"teach", "run", "own", "manage", "sign", "translate", "organise", "repair", "lead", "choose"}
# (verb, its preposition or any): another verb that may ask the same.
_SYNONYMS = {
    ("leave", "from"): "depart",
    ("leave", "at"): "depart",
    ("depart", ""): "leave",
    ("start", ""): "begin",
    ("begin", ""): "start",
    ("buy", ""): "purchase",
    ("purchase", ""): "buy",
    ("close", ""): "shut",
    ("meet", ""): "gather",
    ("end", ""): "finish",
    ("finish", ""): "end",
    ("contain", ""): "include",
    ("build", ""): "construct",
    ("happen", ""): "occur",
    ("need", ""): "require",
    ("require", ""): "need",
    ("get", ""): "receive",
    ("repair", ""): "fix",
    ("produce", ""): "make",
    ("make", ""): "produce",
}


@dataclass(frozen=True)
class Clause:
    """A clause whose answer stands behind the verb: a base form, a participle behind «is», or nothing."""

    subject: str
    auxiliary: str
    verb: str
    answer: str
    before: str = ""
    preposition: str = ""
    after: str = ""
    counted: str = ""
    front: tuple[str, str] | None = None

    def reading(self) -> Reading:
        """Every question and statement of this clause."""
        if not self.preposition and not self.front and BARE_TIME.search(f"x {self.answer}"):
            # «last year» is no thing that someone did: it is asked for by «when».
            often = shape_of(self.answer) == "frequency"
            return replace(self, front=("How often" if often else "When", "")).reading()
        ask = self._ask()
        fronts = dict.fromkeys([*([self.front] if self.front else []), *ask.fronts])
        questions = [self.question(words, left) for words, left in fronts]
        other = _SYNONYMS.get((self.verb, self.preposition)) or _SYNONYMS.get((self.verb, ""))
        if other and not self.before and self.auxiliary not in BE:
            questions.append(replace(self, verb=other).question(*next(iter(fronts))))
        statements = [self._statement()] if self._is_sayable() else []
        if self.verb in {"called", "named"} and self.auxiliary in BE:
            questions += ["What is the name of [X]?", "What name does [X] have?"]
            statements.append("The name of [X] is [Y].")
        elif self.verb and self.verb != "do":
            group = finite(self.auxiliary, self.verb)
            copula = "was" if self.auxiliary in {"did", "was", "were", "had"} else "is"
            for words, left in ask.clefts:
                statements.append(_join(words, "[X]", group, self.before, left, self.after, copula, "[Y]") + ".")
        elif self.auxiliary == "is" and ask.fronts[0][0] == "Where" and self._is_sayable():
            questions += [
                "Where can [X] be found?",
                "Where would I find [X]?",
                "Where should I look for [X]?",
                "How do I find [X]?",
            ]
            statements.append(_join("[X] can be found", self.preposition, "[Y]") + ".")
        return Reading(self.subject, self.answer, tuple(questions), tuple(statements))

    def question(self, words: str, left: str) -> str:
        """One question with these question words, leaving this preposition behind."""
        return _join(words, self.auxiliary, "[X]", self.verb, self.before, left, self.after) + "?"

    def _statement(self) -> str:
        group = finite(self.auxiliary, self.verb)
        counted = "" if self.answer.lower().endswith(self.counted.lower()) else self.counted
        before, after = self.before, self.after
        if not self.preposition and before.split()[:1] and before.split()[0] in PREPOSITIONS | {"to"}:
            # «What does she use to clean lamps?»: the answer is the object and stands right behind the verb.
            before, after = "", _join(before, after)
        return _join("[X]", group, before, self.preposition, "[Y]", counted, after) + "."

    def _is_sayable(self) -> bool:
        """«Where does the club meet?» «Melpek» does not say whether the club meets in or at it."""
        if self.verb == "do":
            # «What does she do?» «she tests firmware»
            return False
        if not self.front or self.preposition or has_preposition(self.answer):
            return True
        first, *rest = self.front[0].split()
        if first == "How":
            return bool(rest) and rest[0] in {"many", "much", "often", "long"}
        return first not in {"Where", "When", "Why"} and not set(rest) & _KINDS

    def _ask(self) -> Ask:
        if self.counted:
            return Ask(((f"How many {self.counted}", ""),), ((f"The number of {self.counted} that", ""),))
        if self.front:
            return ask_like(self.front, self.answer, self.preposition, self.verb)
        # «She writes in German», but «she wrote a novel in Melpek»: an object leaves only the place.
        verb = "" if self.before and self.verb in _INTRANSITIVE else self.verb
        return ask_for(self.answer, self.preposition, verb)


@dataclass(frozen=True)
class DoerClause:
    """A clause whose answer is the one who acts: «[Tessa Quorn] painted the Halden mural»."""

    answer: str
    auxiliary: str
    verb: str
    subject: str
    lead: str = ""
    after: str = ""
    front: str = ""

    def reading(self) -> Reading:
        """Every question and statement of this clause, active and, where sure, passive."""
        auxiliary = {"do": "does"}.get(self.auxiliary, self.auxiliary)
        is_person = shape_of(self.answer) == "person" or self.front == "Who" or self.verb in _MADE_BY_PEOPLE
        named = self.answer[:1].isupper() and self.answer.split()[0].lower() not in DETERMINERS
        ask = self.front or ("Who" if is_person or named or is_someone(self.answer) else which_of(self.answer))
        act = _join(finite(auxiliary, self.verb), self.lead, "[X]", self.after)
        doer = {"Who": "person who", "What": "thing that"}.get(ask, ask.partition(" ")[2] + " that")
        questions = [f"{ask} {act}?"]
        statements = [f"The {doer} {act} is [Y]."] if is_person or ask != "Who" else [f"The one who {act} is [Y]."]
        if ask.startswith(("Which ", "What ")) and shape_of(self.answer) == "person":
            questions.append(f"Who {act}?")
        if is_person and ask == "Who":
            questions += [f"Which person {act}?", f"What is the name of the person who {act}?"]
        if not self.lead and ask == "Who":
            asked, said = agent_questions(self.verb)
            questions += asked if not self.after else ()
            statements += said if not self.after else ()
        if self._has_passive():
            done = _join("was", "[X]", self._participle())
            by = "By whom" if ask == "Who" else f"By {ask.lower()}"
            questions += [_join(by, done, self.after) + "?", _join(ask, done, "by", self.after) + "?"]
            statements.insert(0, _join("[X] was", self._participle(), "by [Y]", self.after) + ".")
        return Reading(self.subject, self.answer, tuple(questions), tuple(statements))

    def _has_passive(self) -> bool:
        # A plural would need «were», and only a verb with a direct object can be turned round.
        counted = shape_of(" ".join(self.subject.split()[:2])) == "count"
        plural = counted or (self.subject.endswith("s") and not self.subject.split()[-1][0].isupper())
        return self.auxiliary == "did" and not self.lead and not plural and " and " not in self.subject

    def _participle(self) -> str:
        return next((form for form, base in PARTICIPLES.items() if base == self.verb), past(self.verb))


def which_of(answer: str) -> str:
    """«The Kyoto office» → «Which office»; what has no plain head is only «what»."""
    head = re.fullmatch(r"(?:[Tt]he|[Oo]ur|[Mm]y) (?:.*? )??([a-z]+)(?: (?:of|for|at|in|on) .*)?", answer)
    return f"Which {head[1]}" if head and len(answer.split()) > 2 else "What"


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)
