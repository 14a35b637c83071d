"""What is known about English words: verb forms, shapes of answers, and where the verb of a clause stands.

Closed lists and endings, no dictionary: an unknown verb is found by its ending, and a clause whose verb is not found is
left to the caller. Knows no facts and makes no sentences.
"""

import re


def listed(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


BE = listed("is are was were")
MODALS = listed("can could may might must shall should will would cannot")
HAVE = listed("has have had")
DETERMINERS = listed("the a an our my your its his her their this that these those every each all some any no both")
PLACES = listed("in at on from to into inside near under behind beside above below outside opposite onto towards along")
PREPOSITIONS = PLACES | listed(
    "by with within for about after against before between among during through until till since as over without via "
    "per except than up off of beyond across upon below"
)
SUBORDINATORS = listed("because if when while unless although before after until so")
RELATIVES = listed("who which that whom whose where")
_NOT_BEFORE_VERBS = DETERMINERS | PREPOSITIONS | listed("and or to who which")
_PLURALS = listed("people children women men they we you i who all most")
_EITHER = listed("team staff police family council board crew committee public")
ADVERBS = listed(
    "also always usually currently only still now originally officially normally often mainly generally already "
    "regularly never rarely automatically first"
)
# base past participle; the past and the participle of other verbs end in -ed.
_IRREGULAR = """be was been|bear bore born|become became become|begin began begun|bind bound bound|break broke broken|
beat beat beaten|bring brought brought|build built built|buy bought bought|catch caught caught|choose chose chosen|
come came come|cost cost cost|cut cut cut|deal dealt dealt|dig dug dug|do did done|draw drew drawn|drink drank drunk|
drive drove driven|eat ate eaten|fall fell fallen|feed fed fed|feel felt felt|fight fought fought|find found found|
fly flew flown|forbid forbade forbidden|freeze froze frozen|get got got|give gave given|go went gone|grow grew grown|
hang hung hung|have had had|hear heard heard|hide hid hidden|hit hit hit|hold held held|keep kept kept|
know knew known|lay laid laid|lead led led|leave left left|lend lent lent|let let let|lie lay lain|lose lost lost|
make made made|mean meant meant|meet met met|oversee oversaw overseen|pay paid paid|put put put|read read read|
ride rode ridden|ring rang rung|rise rose risen|run ran run|say said said|see saw seen|seek sought sought|
sell sold sold|send sent sent|set set set|shoot shot shot|show showed shown|shrink shrank shrunk|shut shut shut|
sing sang sung|sink sank sunk|sit sat sat|sleep slept slept|speak spoke spoken|spend spent spent|split split split|
spread spread spread|stand stood stood|steal stole stolen|swim swam swum|take took taken|teach taught taught|
tell told told|think thought thought|throw threw thrown|understand understood understood|wear wore worn|win won won|
write wrote written"""
_FORMS = [entry.split() for entry in _IRREGULAR.replace("\n", "").split("|")]
# Verbs that are nouns just as often: they count only where a clause has no surer verb.
NOUNLIKE = listed(
    """access address aim archive attack block book border bottle call chair change charge close command contact cook
    cost cover craft cut decline default delay demand design dial dig display document drink drive drop dry end
    exchange export face fall feed fight file fill film filter finish fit flash focus form front fuel fund grant
    guard guide hand head heat hit host house import issue judge label lack land lease lecture license lift light
    link list load lock map mark market match measure mine monitor mount move name need notice number offer open
    orbit order package park permit phase pick pilot plan plant play post present process program project pump
    push quote rank rate recall record repeat report reset result return review reward ride roll rule sail sample
    scan schedule score seat service set share shift ship sign signal smell sort sound split sponsor spread stand
    start station stem stop store stretch study suit supply support switch taste tax term test touch trade train
    transfer transport trigger trust turn type update upgrade upload use view visit voice vote walk want waste
    watch water welcome work"""
)
_REGULAR = listed(
    """accept acquire add adjust adopt affect agree allow amount announce answer appear apply appoint approve arrive ask
    assemble attach attend attract bake ban belong blink bloom boil border borrow cancel carry cater cause
    celebrate certify check clean climb collapse collect combine compete complete compose conduct confirm connect
    consist contain control convert cool create cross decide default define deliver depart depend deploy derive
    describe destroy detect determine develop die direct discontinue discover distribute double earn edit elect
    employ enable encrypt enrol enter establish examine exceed exist expand expect expire explain explore extend
    fail fetch finance flow follow form gain gather generate govern graduate handle happen harden harvest hatch
    help hire ignore improve include indicate inform inherit inspect inspire install introduce invent invest
    invite join kill know last launch learn like limit listen live locate lock log love maintain manage
    manufacture marry melt mention merge migrate nest occupy operate orbit organise organize originate own paint
    participate pass perform predict prefer press prevent print produce prohibit promote propose protect prove
    provide publish purchase reach receive recommend recover recruit recycle reduce refer refill regulate reject
    relate release rely remain remember remind remove rename renovate rent reopen repair replace reply represent
    require rescue reserve reside resign resolve respond restart restore retain retire ripen save scale secure
    separate serve settle solve speak specialise specialize sponsor stay succeed suggest supervise surround
    survive suspend swell symbolise terminate translate travel treat unite unlock use validate vary verify wait
    warm warn wash weigh yield"""
)
BASES = frozenset(base for base, _, _ in _FORMS) | NOUNLIKE | _REGULAR
_PAST = {base: past for base, past, _ in _FORMS}
_FINITE = {past: base for base, past, _ in reversed(_FORMS) if base not in {"be", "do", "have"}}
_PARTICIPLES = {participle: base for base, _, participle in _FORMS}


def _from_ed(word: str) -> str:
    """«opened» → «open», «planned» → «plan», «carried» → «carry»; a guess where the base is unknown."""
    stem = word[:-2]
    if word in {"died", "lied", "tied"}:
        return word[:-1]
    if stem.endswith("i"):
        return stem[:-1] + "y"
    for base in (stem, stem + "e", stem[:-1] if stem[-1:] == stem[-2:-1] else stem):
        if base in BASES:
            return base
    if re.search(r"([bdgmnprt])\1$", stem):
        return stem[:-1]
    return stem + "e" if re.search(r"(?:[cgsuvz]|[aeiou]t|ir|rat|[^aeiou]l)$", stem) and stem[-2:] != "ss" else stem


def from_s(word: str) -> str:
    """«leaves» → «leave», «carries» → «carry», «teaches» → «teach»."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if re.search(r"(?:ss|x|z|ch|sh|o)es$", word) else word[:-1]


def finite(word: str) -> tuple[str, str] | None:
    """(auxiliary of its questions, base) of a finite verb: «leaves» → (does, leave); None for what is none."""
    if word in HAVE:
        return {"has": "does", "have": "do", "had": "did"}[word], "have"
    if word in {"does", "did", "do"}:
        return word, "do"
    if word in _FINITE:
        return "did", _FINITE[word]
    if re.fullmatch(r"[a-z]{2,}ed", word) and word not in {"need", "feed", "speed", "seed", "bed", "hundred"}:
        return "did", _from_ed(word)
    if word in BASES:
        return "do", word
    base = from_s(word) if re.fullmatch(r"[a-z]+[^sui']s", word) else ""
    return ("does", base) if base in BASES or re.search(r"(?:i[sz]|if|[^r]at|uc|in|olv|oin)es$", word) else None


def past(base: str) -> str:
    """«write» → «wrote», «carry» → «carried»."""
    if base in _PAST:
        return _PAST[base]
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ied"
    double = re.fullmatch(r"[^aeiou]*[aeiou][bdgmnprt]|.+(?:mit|fer|pel|rol|ban)", base)
    return base + ("d" if base.endswith("e") else base[-1] + "ed" if double else "ed")


def third_person(base: str) -> str:
    """«carry» → «carries», «teach» → «teaches»."""
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    return "has" if base == "have" else base + ("es" if re.search(r"(?:[sxzo]|ch|sh)$", base) else "s")


def participle_of(word: str) -> str | None:
    """The base of a past participle, by list or ending: «written» → «write»."""
    if word in _PARTICIPLES:
        return _PARTICIPLES[word]
    is_past = re.fullmatch(r"[a-z]{2,}ed", word) and word not in {"red", "hundred", "bed", "indeed"}
    return _from_ed(word) if is_past else None


def is_plural(words: list[str]) -> bool:
    """Whether the noun that heads a phrase looks plural: the last word before its first preposition."""
    cut = next((i for i, word in enumerate(words) if i and word in PREPOSITIONS | RELATIVES), len(words))
    head = words[cut - 1].rstrip(",") if words else ""
    several = "and" in words[:cut] or head.lower() in _PLURALS or words[:1] in (["Both"], ["both"])
    return several or bool(re.search(r"[a-z][^su'’i]s$|ies$", head) and not head.endswith("ics"))


def find_verb(words: list[str]) -> int | None:
    """Where the finite verb of a clause stands; None where nothing looks like one.

    Auxiliaries are surest, then verbs that are no nouns; of equals the first. A plain form needs a plural before it.
    """
    best, place, inner = 0.0, None, False
    for index in range(1, len(words)):
        word, previous = words[index], words[index - 1].lower()
        if word in SUBORDINATORS and place is not None:
            break
        if word in RELATIVES and index > 1 and previous not in DETERMINERS | PREPOSITIONS:
            inner = True  # the next verb is that of the relative clause
            continue
        sure = _sureness(words, index)
        if previous in {"not", "be", "been", "being"} or (sure and previous in BE | MODALS | HAVE):
            continue
        if sure and inner:
            inner = False
        elif sure > best and previous.rstrip(",") not in _NOT_BEFORE_VERBS:
            best, place = sure, index
    return place


def _sureness(words: list[str], index: int) -> float:
    word, rest = words[index], words[index + 1 :]
    if word in BE | MODALS:
        return 10.0
    form = finite(word)
    if form is None:
        # A verb that is in no list, if nothing else is one: «the reef shelters …»
        told = rest and (rest[0] in DETERMINERS or rest[0][0].isupper() or rest[0][0].isdigit())
        return 0.5 if told and re.fullmatch(r"[a-z]{3,}[^su']s", word) and not is_plural(words[:index]) else 0.0
    auxiliary, base = form
    plural = is_plural(words[:index]) or words[index - 1].lower() in _PLURALS
    if word in HAVE:
        return 9.0
    either = words[index - 1] in _EITHER or any(word in _EITHER for word in words[:2])
    if (auxiliary == "do" and not plural | either) or (auxiliary == "does" and plural and index > 1) or not rest:
        return 1.0 if auxiliary == "does" and not rest and index else 0.0
    if auxiliary == "did" and word.endswith("ed") and rest[0] not in PREPOSITIONS | DETERMINERS and base not in BASES:
        return 2.0  # «a closed road», «the advanced course»
    sure = 4.0 if base in NOUNLIKE else 8.0
    follows = rest[0].lower()
    if auxiliary == "does" and base in NOUNLIKE and follows in BASES:
        return 2.0  # «freight trains use»
    return sure + (1.5 if follows in DETERMINERS or rest[0][:1].isdigit() else 0.5 if follows in PREPOSITIONS else 0.0)
