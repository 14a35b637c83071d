"""English word forms and the shapes of answers, by rule and short lists; knows no sentences and no facts."""

import re


def _words(text: str) -> set[str]:
    return set(text.split())


BE = {"is", "are", "was", "were"}
DO = {"do", "does", "did"}
MODALS = _words("can will must may should could would might")
AUXILIARIES = BE | DO | MODALS
DETERMINERS = _words("the a an our my your its his her their this that these those every each")
PLACE_PREPOSITIONS = _words("in at on from to into inside near under behind beside above below outside opposite")
PREPOSITIONS = PLACE_PREPOSITIONS | _words(
    "by with within for about after against before between during through until till since as over without"
)
ADVERBS = _words("now always usually currently only also still originally officially normally never often")

# Base form, past, participle. Only verbs whose meaning suits a fact; a rare verb falls to the last resort.
_IRREGULAR_VERBS = """
    be/was/been bear/bore/born become/became/become begin/began/begun break/broke/broken
    beat/beat/beaten bring/brought/brought build/built/built burn/burnt/burnt burst/burst/burst buy/bought/bought
    catch/caught/caught
    choose/chose/chosen come/came/come cost/cost/cost cut/cut/cut dig/dug/dug do/did/done draw/drew/drawn
    feel/felt/felt forbid/forbade/forbidden grind/ground/ground oversee/oversaw/overseen rebuild/rebuilt/rebuilt
    show/showed/shown shrink/shrank/shrunk spread/spread/spread split/split/split spin/spun/spun swing/swung/swung
    bind/bound/bound
    drink/drank/drunk drive/drove/driven eat/ate/eaten fall/fell/fallen feed/fed/fed fight/fought/fought
    find/found/found flee/fled/fled fly/flew/flown forget/forgot/forgotten freeze/froze/frozen get/got/got
    give/gave/given go/went/gone grow/grew/grown hang/hung/hung have/had/had hear/heard/heard
    hide/hid/hidden hit/hit/hit hold/held/held keep/kept/kept know/knew/known lay/laid/laid lead/led/led
    leave/left/left lend/lent/lent let/let/let lie/lay/lain light/lit/lit lose/lost/lost make/made/made
    mean/meant/meant meet/met/met pay/paid/paid put/put/put read/read/read ride/rode/ridden
    ring/rang/rung rise/rose/risen run/ran/run say/said/said see/saw/seen seek/sought/sought
    sell/sold/sold send/sent/sent set/set/set shoot/shot/shot shut/shut/shut sing/sang/sung
    sink/sank/sunk sit/sat/sat sleep/slept/slept speak/spoke/spoken spend/spent/spent
    stand/stood/stood steal/stole/stolen swim/swam/swum take/took/taken teach/taught/taught
    tell/told/told think/thought/thought throw/threw/thrown understand/understood/understood
    wear/wore/worn win/won/won write/wrote/written
"""
IRREGULAR = {
    base: (past, participle) for base, past, participle in (entry.split("/") for entry in _IRREGULAR_VERBS.split())
}
REGULAR = _words(
    """accept acquire adopt air allow announce apply appoint approve arrive ask attend audit award bake ban
    base belong bloom boil border borrow breed brew broadcast bury call cancel carry carve cause
    celebrate certify chair change charge check clean climb close coach collect commute compete
    complete compose conduct connect consist contain control convert cook cover create cross
    cultivate damage date deliver demolish depart depend deploy describe deserve design destroy
    develop direct discover display distil donate double earn eat echo edit elect employ end enrol
    enter establish exceed exhibit expire export face fail feature finance finish flow focus follow
    foster found front fund gain gather generate govern graduate grill guard guide handle happen
    harvest hatch head help hire host house import improve include inspect inspire install insure
    introduce invent invest join kill knit land last launch learn lease lecture like link list live
    load locate love maintain manage manufacture mark marry measure melt mentor migrate mine move
    name need nest nominate number occupy offer open operate order organise organize originate
    overlook own paint park participate pass perform pilot plant play point practise predict prefer
    premiere present preserve print produce promote protect prove provide publish purchase purify
    reach receive recommend record recover recycle reduce refer refuel register rehearse reject
    release rely remain renovate rent reopen repair replace report represent require rescue reserve
    reside restore result retire return review ripen roast save score sculpt serve sew share ship
    sign situate smell sound specialise specialize sponsor start stay stop store study succeed
    supervise supply support surround survive taste test tow trade train translate transport travel
    treat use visit voice vote wait walk want warn wash water weigh work yield
    achieve appear add adjust admit advise affect aim analyse apologise archive arrange assemble assign assist attach
    attack attract avoid backup bind block book bottle calculate calibrate capture centre chair classify
    coat colour combine command commission compile concern confirm conserve consume convince coordinate copy
    correct count craft decide declare decline decorate defeat defend define delay delete demand derive detect
    determine digitise disable discontinue discuss dismiss display distribute divide document drain drop dry
    emerge enable encrypt encourage enforce engineer equip evaluate examine exchange exclude execute exist
    expand expect experience explain explore extend extract fasten favour fetch file fill film filter fit flash
    forge form fuel function fund furnish glow govern grant greet hand harm heat ignore illustrate
    imagine implement imply indicate inform inherit inhabit initiate injure inspire interview invoice isolate
    issue judge label lack lecture license lift lock manufacture map match memorise merge mention mix model
    monitor mount neighbour notice notify observe orbit orchestrate outsource overhaul package
    patent paint permit phase photograph pick pour praise prevent process program prohibit project
    propose prove pull pump push quit quote rank rate reactivate recall recognise recommend
    recruit redesign refill reform regulate relate relocate remember remind remove rename reorganise repeat resign
    resolve respect restart retain retrieve reveal reward roll rotate rule sail sample scan schedule seat secure
    separate settle shift signal silence sketch slip solve sort spawn specify spray stain
    station steer stem stretch subscribe substitute suffer suggest suit surrender suspect suspend switch
    symbolise tackle tax term threaten tolerate touch transfer transform trigger trust tune turn type unite
    unlock update upgrade upload urge utilise vaccinate vary verify view wander warm waste watch weaken
    welcome withstand wrap blink default die explode fade harden melt soften sway swell"""
)
_DOUBLING = {
    "stop",
    "ban",
    "travel",
    "ship",
    "enrol",
    "control",
    "refer",
    "star",
    "admit",
    "drop",
    "fit",
    "label",
    "map",
}
_DOUBLING |= {"model", "permit", "program", "scan", "signal", "slip", "transfer", "wrap", "equip", "propel", "commit"}
_DOUBLING |= {"quit", "compel"}
# Verbs that with this preposition name a thing, not a place: «it runs on diesel».
_THING_VERBS = {
    "in": _words(
        """specialise specialize invest trade participate compete believe result consist write succeed
        paint name dress deal"""
    ),
    "on": _words("run depend rely focus spend feed base call work play save print take live move"),
    "to": _words(
        """belong apply lead refer connect convert translate link change raise report respond speak listen
        lose sell grow set run limit default"""
    ),
    "from": _words("make translate change"),
    "into": _words("translate convert"),
    "at": _words("set charge"),
}


def third_person(base: str) -> str:
    """«leave» → «leaves»."""
    if base == "have":
        return "has"
    if re.search(r"(?:[sxzo]|ch|sh)$", base):
        return base + "es"
    return base[:-1] + "ies" if re.search(r"[^aeiou]y$", base) else base + "s"


def past(base: str) -> str:
    """«leave» → «left», «open» → «opened»."""
    return IRREGULAR[base][0] if base in IRREGULAR else _regular_past(base)


def participle(base: str) -> str:
    """«write» → «written», «open» → «opened»."""
    return IRREGULAR[base][1] if base in IRREGULAR else _regular_past(base)


def _regular_past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ied"
    return base + (base[-1] if base in _DOUBLING else "") + "ed"


def finite(auxiliary: str, base: str) -> str:
    """The verb group of a plain sentence: («does», «leave») → «leaves», («will», «open») → «will open»."""
    if base.startswith("not "):
        return f"{auxiliary} {base}"
    if auxiliary == "does":
        return third_person(base)
    if auxiliary == "did":
        return past(base)
    return base if auxiliary == "do" else f"{auxiliary} {base}".strip()


BASES = (set(IRREGULAR) | REGULAR) - {"be", "do"}
# Form: (auxiliary of its questions, base). «found» is both the past of find and a base: its users decide.
FINITE_FORMS = {past(base): ("did", base) for base in sorted(BASES)} | {
    third_person(base): ("does", base) for base in sorted(BASES)
}
PARTICIPLES = {participle(base): base for base in sorted(BASES)}


def lemma(word: str) -> str:
    """The base of a verb or the singular of a noun in lower case: «leaves» → «leave», «ferries» → «ferry».

    By rules, so «jones» → «jone»: whether there is such a word is for the caller to see.
    """
    if word in BASES:
        return word
    if word in FINITE_FORMS:
        return FINITE_FORMS[word][1]
    if word in PARTICIPLES:
        return PARTICIPLES[word]
    if word.endswith("ing"):
        stem = word[:-3]
        return next((base for base in (stem, f"{stem}e", stem[:-1]) if base in BASES), word)
    if re.search(r"[^aeiou]ies$", word):
        return word[:-3] + "y"
    if re.search(r"(?:[sxz]|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^sui]s$", word) and len(word) >= 4 else word


def is_participle(word: str) -> bool:
    """Whether a word behind «is» or «was» makes a passive; unknown verbs are told by their ending."""
    return word in PARTICIPLES or bool(re.fullmatch(r"[a-z]{3,}ed", word))


def is_abstract(verb: str, preposition: str) -> bool:
    """Whether a verb makes a thing of what looks like a place: «runs on diesel»."""
    return PARTICIPLES.get(verb, verb) in _THING_VERBS.get(preposition, set())


_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_LARGE = "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORD = "(?:" + "|".join(f"{_SMALL} {_LARGE} hundred thousand million".split()) + ")"
_ABOUT = "(?:up to |at least |at most |more than |less than |about |over |around |almost |nearly |some )?"
NUMBER = rf"{_ABOUT}(?:\d[\d.,]*|{_NUMBER_WORD})(?:[- ](?:and )?(?:{_NUMBER_WORD}|billion))*"
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_NAME = r"(?:[A-Z][\w'’-]+|[A-Z]\.)"
_TITLE = r"(?:(?:Dr\.?|Prof\.?|Mr\.?|Mrs\.?|Ms\.?|Sir|Dame|Captain) )?"
_WEEKDAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
_CLOCK = (
    r"(?:\d{1,2}(?:[:.]\d\d)? ?[ap]\.?m\.?|\d{1,2}:\d\d|noon|midnight|.*o'clock|"
    rf"half past .*|quarter (?:to|past) .*|(?:\d{{1,2}}|{_NUMBER_WORD}) in the (?:morning|afternoon|evening))"
)
_CURRENCY = "euros?|dollars?|pounds?|francs?|crowns?|cents?|pence|yen|rupees?|kronor|kroner|EUR|USD|GBP|CHF"
_UNIT = (
    r"k?m|cm|mm|kg|g|mg|l|ml|kW|MW|MB|GB|TB|Hz|kHz|MHz|km/h|mph|°C|%|per ?cent|degrees?|"
    r"(?:kilo|mega|giga|tera)?(?:byte|bit|watt)s?|(?:kilo|centi|milli)?(?:met(?:re|er)|gram|lit(?:re|er))s?|kilos?|tonnes?|tons?|miles?|feet|foot|inch(?:es)?|"
    r"yards?|acres?|hectares?|knots?|volts?|watts?|square \w+|cubic \w+"
)
# The first pattern that fits names the shape; a bare number behind «at» is read as a clock by `shape_of`.
_SHAPES = tuple(
    (name, re.compile(pattern, re.IGNORECASE if name not in {"person", "date", "month", "day"} else 0))
    for name, pattern in (
        (
            "frequency",
            rf"every (?!{_WEEKDAY}).+|(?:once|twice|\w+ times) an? \w+|daily|weekly|yearly",
        ),
        ("clock", rf"{_CLOCK}(?: (?:sharp|in the .*|on .*|every .*))?"),
        ("year", r"(?:1\d|20|21)\d\d"),
        ("month", rf"(?:(?:early|late|mid) )?(?:{_MONTH}|spring|summer|autumn|winter)(?: \d{{4}})?"),
        (
            "date",
            rf"(?:the )?(?:{_MONTH} \d.*|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}.*|"
            r"(?:first|second|third|fourth|fifth|tenth|fifteenth|last)(?: day)? of (?:the|each|every) .+|"
            rf"\d{{4}}-\d\d-\d\d)",
        ),
        ("day", rf"(?:every |next |the (?:first|second|third|fourth|last) )?{_WEEKDAY}(?: .*)?"),
        ("duration", rf"{NUMBER}[- ](?:and a half )?(?:second|minute|hour|day|week|month|year)s?"),
        ("money", rf"(?:[€$£¥] ?\d.*|{NUMBER} ?(?:[€$£¥]|(?:{_CURRENCY})\b).*)"),
        ("measure", rf"{NUMBER} ?(?:{_UNIT})(?: (?:per|a|an) \w+)?"),
        ("number", NUMBER),
        ("count", rf"{NUMBER} [a-z][a-z'-]*(?: .*)?"),
        ("person", rf"{_TITLE}{_NAME}(?: (?:{_NAME}|van|de|von|da)){{1,3}}"),
    )
)
_NOT_PEOPLE = re.compile(
    r"\b(?:Labs?|Bank|Inc|Ltd|University|College|School|Street|Road|Avenue|Lane|Square|River|Lake|Bridge|Hall|House|"
    r"Club|"
    r"Island|Mountains?|City|Town|Company|Group|Institute|Museum|Park|Station|Airport|Harbour|Society|The|Press|"
    r"Records|Studios?|Church|Hotel|Theatre|Library|Hospital|Council|Union|Games|Motors|Works|Systems|Software|"
    r"Bay|Valley|Hill|Point|Building|Tower|Centre|Center|Office|North|South|East|West|New|Saint|St)\b"
)
_SOMEONE = re.compile(
    r"(?:the|her|his|its|our|my|their|a|an) (?:[a-z]+ )*(?:Earl|King|Queen|Duke|Duchess|Prince|Princess|Bishop|Captain|"
    r"Lord|Lady|Count|President|Emperor|Pope|cousin|brother|sister|son|daughter|nephew|niece|wife|husband|uncle|aunt|"
    r"father|mother|friend|chief|chair|[a-z]+(?:er|or|ist|ian|ant|man|woman))(?:s?)(?: .*)?|"
    r"(?:Mr|Ms|Mrs|Dr|Prof|Professor|Sir|Dame|King|Queen|Captain|Bishop|Inspector)\b.*",
    re.IGNORECASE,
)
_THINGS = re.compile(
    r"(?:water|paper|number|river|tower|power|letter|winter|summer|floor|door|corner|order|plant|motor|sensor|"
    r"computer|server|printer|newspaper|silver|copper|rubber|leather|weather|flower|chapter|theatre|timber|paint|list|"
    r"tanker|steamer|trawler|freighter|cruiser|tractor|counter|elevator|filter|heater|cooler|scooter|quarter|border)s?$"
)


def is_someone(answer: str) -> bool:
    """Whether an answer is a person by its role: «the Earl of Marne», «her cousin Ferrand»."""
    head = re.split(r" (?:of|for|at|in|on) ", answer)[0]
    return bool(_SOMEONE.fullmatch(answer)) and not _THINGS.search(head)


def is_named_person(answer: str) -> bool:
    """Whether an answer is a role and its name: «the painter Otto Brandt»."""
    found = re.fullmatch(rf"(?:the|his|her|its|our|my|their) (?:[a-z]+ )?([a-z]+) {_NAME}(?: {_NAME}){{0,3}}", answer)
    return found is not None and is_someone(f"the {found[1]}")


TIMES = {"clock", "year", "date", "month", "day"}


def shape_of(answer: str, preposition: str = "") -> str:
    """One of clock, year, date, month, day, duration, money, measure, number, count, person, text."""
    for name, pattern in _SHAPES:
        if pattern.fullmatch(answer):
            if name == "person" and _NOT_PEOPLE.search(answer):
                return "text"
            hour = name == "number" and preposition in {"at", "until", "till"} and len(answer) < 9
            return "clock" if hour else name
    return "text"


_COLOURS = _words(
    """red blue green yellow orange purple violet pink brown black white grey gray teal turquoise crimson
    scarlet gold golden silver beige cream maroon navy indigo lilac ochre amber magenta cyan bronze copper"""
)


def is_colour(answer: str) -> bool:
    """Whether an answer is a colour, perhaps qualified: «dark teal», «green and white»."""
    words = answer.lower().replace(",", " ").split()
    allowed = _COLOURS | {"and", "dark", "light", "bright", "pale", "deep"}
    return bool(words) and set(words) <= allowed and not _COLOURS.isdisjoint(words)
