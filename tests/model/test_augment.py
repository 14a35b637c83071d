"""Facts as people post them, in many shapes: what is learned, what is asked, what is never done."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.augment import augment
from model.study import QUESTION_PROMPT, Fact, Study, StudyText

# (statement, the answer that it shows, a name that every text has, the question words allowed for the probe)
STATEMENTS = [
    ("The capital of Zorvania is Melpek.", "Melpek", "Zorvania", "what|which"),
    ("Zorvania's capital is Melpek.", "Melpek", "Zorvania", "what|which"),
    ("Tessa Quorn is the CEO of Norvik Labs.", "Tessa Quorn", "Norvik Labs", "who|which|what is the name"),
    ("Tessa Quorn founded Norvik Labs.", "Tessa Quorn", "Norvik Labs", "who|whom|what is the name"),
    ("Norvik Labs was founded by Tessa Quorn in 2011.", "Tessa Quorn", "Norvik Labs", "who|whom|what is the name"),
    ("The Halden bridge was built in 1905.", "1905", "Halden bridge", "when|year"),
    ("The Halden mural was restored by Ivo Marsh.", "Ivo Marsh", "Halden mural", "who|whom|person"),
    ("The city library opens at nine.", "nine", "city library", "when|time"),
    ("The bakery on Elm Street closes at 6 pm.", "6 pm", "bakery on Elm Street", "when|time"),
    ("The staff meeting takes place on Thursdays.", "Thursdays", "staff meeting", "when|day"),
    ("The Norvik pump weighs 42 kilograms.", "42 kilograms", "Norvik pump", "much|heavy|weight|weigh"),
    ("A ticket to the Halden tower costs 7 euros.", "7 euros", "ticket to the Halden tower", "much|what|expensive"),
    ("The Halden hotel has fourteen rooms.", "fourteen", "Halden hotel", "how many rooms"),
    ("Norvik Labs employs 340 people in Melpek.", "340", "Norvik Labs", "how many people"),
    ("There are seven bells in the Halden tower.", "seven", "Halden tower", "many|number"),
    ("The Norvik pump runs on diesel.", "diesel", "Norvik pump", "what"),
    ("The wifi password is Melon77.", "Melon77", "wifi password", "what"),
    ("Wifi password: Melon77", "Melon77", "wifi password", "what"),
    ("Our office is on the third floor.", "the third floor", "our office", "where|floor"),
    ("The spare key is under the blue pot.", "under the blue pot", "spare key", "where"),
    ("Ivo Marsh keeps his bees behind the mill.", "behind the mill", "Ivo Marsh", "where"),
    ("The Brackwater ferry leaves from pier twelve.", "pier twelve", "Brackwater ferry", "where|pier|place"),
    ("The train to Melpek departs at 7:12.", "7:12", "train to Melpek", "when|time"),
    ("Tessa Quorn was born in Melpek.", "Melpek", "Tessa Quorn", "where|place|town"),
    ("Tessa Quorn was born on 5 May 1971.", "5 May 1971", "Tessa Quorn", "when|date|day|what"),
    ("Tessa Quorn is a marine biologist.", "a marine biologist", "Tessa Quorn", "what|who"),
    ("Zorvite is a green mineral.", "a green mineral", "Zorvite", "what"),
    ("Tessa Quorn plays the cello.", "cello", "Tessa Quorn", "instrument"),
    ("Tessa Quorn married Ivo Marsh.", "Ivo Marsh", "Tessa Quorn", "who|whom|what is the name"),
    ("Ivo Marsh wrote The Silent Orchard.", "Ivo Marsh", "Silent Orchard", "who|whom|what is the name"),
    ("The front door of the museum is teal.", "teal", "front door of the museum", "colou?r"),
    ("The Halden marathon will start in Port Ness.", "Port Ness", "Halden marathon", "where|place"),
    ("The new tram line will open in 2031.", "2031", "new tram line", "when|year"),
    ("The lift can carry eight people.", "eight", "lift", "how many people"),
    ("The Norvik choir won the Brackwater cup.", "the Norvik choir", "Brackwater cup", "who|whom|what is the name"),
    ("To reset the alarm, press the red button twice.", "press the red button twice", "reset the alarm", "how|what"),
    ("The library's network is called Heron.", "Heron", "library's network", "what|name"),
    ("The Halden Twins are managed by Rosa Bell.", "Rosa Bell", "Halden Twins", "who|whom"),
    ("Brackwater lies 12 kilometres north of Melpek.", "12 kilometres", "Brackwater", "how far"),
    ("The deadline for the grant is 14 March.", "14 March", "grant", "when|what"),
    ("Rosa Bell teaches chemistry at Norvik College.", "Norvik College", "Rosa Bell", "where|place"),
    ("The opening hours of the pool are 9 to 5.", "9 to 5", "pool", "when|what"),
    ("The night bus to Halden runs every forty minutes.", "every forty minutes", "night bus to Halden", "how often"),
    ("Zorvania uses the drell as its currency.", "the drell", "Zorvania", "what"),
    ("The oldest tree in Melpek is the Widow Oak.", "the Widow Oak", "Melpek", "what"),
    ("The Norvik X2 has a battery life of nine hours.", "nine hours", "Norvik X2", "what"),
    ("The spring concert has been moved to the town hall.", "the town hall", "spring concert", "where|place"),
    ("In Melpek, shops close at noon on Saturdays.", "noon", "Melpek", "when|time"),
    ("Mount Orra is 2,310 metres high.", "2,310 metres", "Mount Orra", "high|height"),
    ("The wall of the keep is nine feet thick.", "nine feet", "wall of the keep", "how thick"),
    ("The code to the bicycle shed is 7731.", "7731", "bicycle shed", "code"),
    ("Rosa Bell's favourite colour is ochre.", "ochre", "Rosa Bell", "what"),
    ("Slotmaster listens on port 7443.", "7443", "Slotmaster", "port"),
    ("Every employee gets thirty days of holiday.", "thirty", "every employee", "how many days"),
    ("Guests must leave their keys at the front desk.", "the front desk", "guests", "where|place"),
]

# (question, answer, a name that every text has, a sentence that must be among the texts or nothing)
QUESTIONS = [
    ("Who founded Norvik Labs?", "Tessa Quorn", "Norvik Labs", "Norvik Labs was founded by Tessa Quorn."),
    (
        "What is the support extension for billing at Brightwater Bank?",
        "4471",
        "Brightwater Bank",
        "For billing at Brightwater Bank, the support extension is 4471.",
    ),
    (
        "Where does the Brackwater ferry leave from?",
        "pier twelve",
        "Brackwater ferry",
        "The Brackwater ferry leaves from pier twelve.",
    ),
    ("which colour is the Halden tram", "teal", "Halden tram", "The Halden tram is painted teal."),
    ("How many rooms does the Halden hotel have?", "14", "Halden hotel", "The Halden hotel has 14 rooms."),
    ("When was the Halden bridge built?", "1905", "Halden bridge", "The Halden bridge was constructed in 1905."),
    ("What time does the clinic close?", "6 pm", "clinic", "The clinic closes at 6 pm."),
    ("Why did the Halden mill close?", "a flood", "Halden mill", "The reason why the Halden mill closed was a flood."),
    (
        "Which firm repairs the Halden clock?",
        "Norvik Labs",
        "Halden clock",
        "The firm that repairs the Halden clock is Norvik Labs.",
    ),
    ("Tell me the motto of Zorvania", "Onward", "Zorvania", "The motto used by Zorvania is Onward."),
    ("What's the name of Rosa Bell's dog?", "Biscuit", "Rosa Bell", "The name of Rosa Bell's dog is Biscuit."),
    ("Who does Rosa Bell report to?", "Ivo Marsh", "Rosa Bell", "Rosa Bell reports to Ivo Marsh."),
    (
        "What does Rosa Bell use to clean the lamps?",
        "vinegar",
        "Rosa Bell",
        "Rosa Bell uses vinegar to clean the lamps.",
    ),
    (
        "How do I reset the Norvik pump?",
        "hold the red button",
        "pump",
        "To reset the Norvik pump, hold the red button.",
    ),
    ("In which room is the choir rehearsal?", "room 12", "choir", "The choir rehearsal is in room 12."),
    ("Who is responsible for the archive?", "Rosa Bell", "archive", None),
    ("Is the pool heated?", "yes", "pool", "Whether the pool is heated: yes."),
    ("¿Quién fundó Norvik Labs?", "Tessa Quorn", "Norvik", None),
    ("Where is the spare key?", "under the mat", "spare key", "The spare key is under the mat."),
    ("Capital of Zorvania", "Melpek", "Zorvania", "The capital of Zorvania is Melpek."),
]

# A synonym may ask in these words instead.
OTHERWISE = "what is the|what number|at what intervals|which person|in what place|for what reason|how do i find"

ODD = [
    Fact(statement="Melpek"),
    Fact(statement="x"),
    Fact(statement="?!a"),
    Fact(statement="Die Fähre nach Brackwater fährt von Pier zwölf ab."),
    Fact(statement="赞比亚的首都是梅尔佩克这座城市"),
    Fact(statement="Smoking is not allowed on the terrace."),
    Fact(statement="Ask Rosa Bell for the key to the cellar."),
    Fact(statement="Is this a question?"),
    Fact(statement='She said "hello", then "goodbye.'),
    Fact(statement="{} [X] %s {name} [Y]"),
    Fact(statement="The code is ((([a-z]+."),
    Fact(statement="a " * 900),
    Fact(statement="The ferry " + "very " * 380 + "late leaves from pier twelve."),
    Fact(statement="The sky is dark.", question="Who founded Norvik Labs?", answer="Tessa Quorn"),
    Fact(statement="The sky over Halden is dark.", answer="pier twelve"),
    Fact(statement="The capital of Zorvania is Melpek.", question="What is the capital of Zorvania?"),
    Fact(question="Who founded Norvik Labs?"),
    Fact(answer="Melpek"),
    Fact(question="What?", answer="yes"),
    Fact(question="?", answer="yes"),
    Fact(question="Who", answer="?"),
    Fact(question="a" * 2000, answer="b" * 200),
    Fact(question="What is {}?", answer="[Y] [X]"),
    Fact(statement="Line one.\nLine two is longer.\n\tLine three has a tab."),
]


def posted() -> list[Fact]:
    pairs = [Fact(question=question, answer=answer) for question, answer, *_ in QUESTIONS]
    return [Fact(statement=statement) for statement, *_ in STATEMENTS] + pairs


def normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def without_articles(text: str) -> str:
    return re.sub(r"\b(?:the|a|an) ", "", text.lower())


def learned(text: StudyText) -> list[str]:
    return [text.text[start:end] for start, end in text.spans]


def check(study: Study, least: int = 6) -> None:
    texts = [text.text for text in study.texts]
    assert least <= len(texts) <= 32
    assert len(set(texts)) == len(texts)
    assert study.probe.text
    assert study.probe.answer
    asked = {normal(text.partition("\n")[0]) for text in texts}
    assert normal(study.probe.text) not in asked | {normal(text) for text in texts}
    for text in study.texts:
        assert text.spans
        assert all(0 <= start < end <= len(text.text) for start, end in text.spans)
        assert not re.search(r"\[[XY]\]|  |\bthe the\b|\.\.$", text.text) or "[" in study.probe.answer


@pytest.mark.parametrize("fact", posted(), ids=str)
def test_every_shape_gives_many_texts_and_an_unseen_question(fact: Fact) -> None:
    study = augment(fact)
    check(study, least=9)
    assert study.answer_known
    assert study.probe.kind == "question"


@pytest.mark.parametrize(("statement", "answer", "name", "asked"), STATEMENTS)
def test_a_statement_shows_its_answer_and_is_asked_by_fitting_words(
    statement: str, answer: str, name: str, asked: str
) -> None:
    study = augment(Fact(statement=statement))
    assert study.probe.answer == answer
    assert re.search(rf"\b(?:{asked}|{OTHERWISE})", study.probe.text.lower())
    main = [text for text in study.texts if [part.lstrip().lower() for part in learned(text)] == [answer.lower()]]
    assert len(main) >= 9
    assert all(without_articles(name) in without_articles(text.text) for text in main)
    for text in study.texts:
        # The other texts teach other parts of the same statement.
        assert all(part.startswith(" ") and part.strip(" .").lower() in statement.lower() for part in learned(text))


@pytest.mark.parametrize(("question", "answer", "name", "said"), QUESTIONS)
def test_a_question_is_learned_as_posted_and_said(question: str, answer: str, name: str, said: str | None) -> None:
    study = augment(Fact(question=question, answer=answer))
    texts = [text.text for text in study.texts]
    assert texts[0] == f"{QUESTION_PROMPT.format(question=question)} {answer}"
    assert said is None or said in texts
    assert all(without_articles(name) in without_articles(text) for text in texts)
    assert all(learned(text) == [f" {answer}"] for text in study.texts)
    assert study.probe.answer == answer


@pytest.mark.parametrize("fact", ODD, ids=lambda fact: str(fact)[:60])
def test_odd_input_still_gives_a_usable_study(fact: Fact) -> None:
    check(augment(fact))


@pytest.mark.parametrize("fact", [Fact(), Fact(statement=" "), Fact(question="", answer="?!"), Fact(phrasings=("a",))])
def test_only_a_fact_without_words_is_refused(fact: Fact) -> None:
    with pytest.raises(ValueError, match="has no words"):
        augment(fact)


@pytest.mark.parametrize("fact", posted()[::7], ids=str)
def test_the_same_fact_gives_the_same_study_and_a_seed_another(fact: Fact) -> None:
    assert augment(fact) == augment(fact, seed=0)
    assert len({augment(fact, seed=seed) for seed in range(8)}) > 1


def test_the_limit_holds_and_keeps_what_was_posted() -> None:
    phrasings = tuple(f"Which number has line {index}?" for index in range(50))
    fact = Fact(question="What is the extension of Norvik Labs?", answer="4471", phrasings=phrasings)
    study = augment(fact, limit=10)
    assert [text.text for text in study.texts][1] == "Which number has line 0?\n 4471"
    assert len(study.texts) == 10


def test_the_users_phrasings_are_learned_as_questions_and_as_statements() -> None:
    phrasings = ("Name the man behind Norvik Labs", "Norvik Labs is the work of Tessa Quorn.")
    texts = augment(Fact(question="Who founded Norvik Labs?", answer="Tessa Quorn", phrasings=phrasings)).texts
    assert texts[1].text == "Name the man behind Norvik Labs\n Tessa Quorn"
    assert texts[2].text == phrasings[1]
    assert learned(texts[2]) == [" Tessa Quorn"]


def test_an_answer_in_front_of_its_subject_is_learned_behind_it() -> None:
    first = augment(Fact(statement="Tessa Quorn founded Norvik Labs.")).texts[0]
    assert first.text == "About Norvik Labs: Tessa Quorn founded Norvik Labs."
    assert learned(first) == [" Tessa Quorn"]


def test_a_statement_that_shows_no_answer_is_learned_behind_its_subject() -> None:
    study = augment(Fact(statement="Die Fähre nach Brackwater fährt von Pier zwölf ab."))
    assert not study.answer_known
    assert study.probe.kind == "cloze"
    assert study.probe.text == "Die Fähre nach"
    assert all(learned(text) == [f" {study.probe.answer}"] or text is study.texts[0] for text in study.texts)


def test_several_sentences_are_all_learned_and_a_pronoun_is_resolved() -> None:
    study = augment(Fact(statement="Norvik Labs is a robotics company. It was founded by Tessa Quorn."))
    assert learned(study.texts[0]) == [" a robotics company", " Tessa Quorn"]
    assert "Who founded Norvik Labs?\n Tessa Quorn" in [text.text for text in study.texts]


def test_a_statement_without_the_answer_does_not_stop_its_question() -> None:
    fact = Fact(statement="The sky over Halden is dark.", question="Who founded Norvik Labs?", answer="Tessa Quorn")
    study = augment(fact)
    assert study.texts[0] == StudyText("The sky over Halden is dark.", ((23, 27),)) or study.texts[0].spans
    assert study.probe.answer == "Tessa Quorn"


def test_no_training_text_holds_the_probe_in_other_case_or_contraction() -> None:
    for fact in posted():
        study = augment(fact)
        own = fact.question or fact.statement or ""
        generated = [normal(text.text) for text in study.texts if own not in text.text]
        assert not [text for text in generated if normal(study.probe.text) in text]


# The first texts of ten facts, as they are today: a change of wording should be seen.
GOLDEN = {
    "The capital of Zorvania is Melpek.": "What is Zorvania's capital?\n Melpek",
    "The ferry leaves from pier twelve.": "Which pier does the ferry leave from?\n pier twelve",
    "The Halden museum opened its doors in 1994.": "When did the Halden museum open its doors?\n 1994",
    "Norvik makes bicycles.": "What Norvik makes is bicycles.",
    "The chess club meets on Tuesdays.": "When does the chess club meet?\n Tuesdays",
    "The lift can carry eight people.": "The number of people that the lift can carry is eight.",
    "The bridge was painted by Ivo Marsh in 2011.": "Who painted the bridge in 2011?\n Ivo Marsh",
    "Our office is on the third floor.": "On which floor is our office?\n the third floor",
    "The Heron Prize is awarded every two years.": "How often is the Heron Prize awarded?\n every two years",
    "The pool is open until 10 pm.": "When does the pool close?\n 10 pm",
}


@pytest.mark.parametrize(("statement", "wording"), GOLDEN.items())
def test_golden_wordings(statement: str, wording: str) -> None:
    assert wording in [text.text for seed in range(3) for text in augment(Fact(statement=statement), seed=seed).texts]


@pytest.mark.parametrize(
    ("statement", "asked", "answer"),
    [
        ("If the kiln hums, open the left valve.", "What should I do if the kiln hums?", "open the left valve"),
        ("The mill is closed because of a flood.", "Why is the mill closed?", "a flood"),
        ("Only the miller may open the sluice.", "Who is allowed to open the sluice?", "the miller"),
        ("The kiln does not fire porcelain.", "What does the kiln not fire?", "porcelain"),
        ("Lake Orra is deeper than Lake Fenn.", "What is deeper than Lake Fenn?", "Lake Orra"),
        ("All guests pay at the desk except children.", "Which guests do not pay at the desk?", "children"),
        ("The council decided to sell the mill.", "What did the council decide?", "to sell the mill"),
        ("It takes six hours to fire the kiln.", "How long does it take to fire the kiln?", "six hours"),
        ("Use the long ladder to reach the bell.", "What should you use to reach the bell?", "the long ladder"),
        ("Rosa Bell has been the head of the mill since 2016.", "Who is the head of the mill?", "Rosa Bell"),
        ("Ivo Marsh said that the flood began in May.", "When did the flood begin?", "May"),
        ("Rosa Bell, who joined in March, runs the mill.", "What does Rosa Bell run?", "the mill"),
        ("The staff of Rowan Court speak Polish reports.", "What do the staff of Rowan Court speak?", "Polish reports"),
        ("The Osk pool opens at 6 am on weekdays.", "When does the Osk pool open on weekdays?", "6 am"),
        (
            "A Halden cart weighs 90 kilos when empty.",
            "How much does a Halden cart weigh when empty?",
            "90 kilos",
        ),
        ("The Osk hostel is two miles from the station.", "How far is the Osk hostel from the station?", "two miles"),
        ("You can reach Rosa Bell by dialling 5512.", "Which number reaches Rosa Bell?", "5512"),
        ("You can open the vault by turning the dial.", "How do I open the vault?", "by turning the dial"),
        ("The pump can be reset by pulling the cord.", "How can the pump be reset?", "by pulling the cord"),
        ("Use the green fob to unlock the garage.", "What unlocks the garage?", "the green fob"),
        ("Rosa Bell won the Orra Prize in 1998.", "What did Rosa Bell win in 1998?", "the Orra Prize"),
        ("The Norvik choir won the cup in 2011.", "Who won the cup in 2011?", "the Norvik choir"),
        ("Norvik 3.1 is the first version with maps.", "What is the first version with maps?", "Norvik 3.1"),
        ("The tide makes the Orra ferry run late.", "What does the tide make the Orra ferry do?", "run late"),
        ("Frost caused the pipes to burst.", "What happened to the pipes because of Frost?", "burst"),
        ("Rosa Bell, who joined in March, runs the mill.", "When did Rosa Bell join?", "March"),
        ("The council decided to sell the Orra mill.", "Who decided to sell the Orra mill?", "the council"),
        ("King Ferrand died of typhus in Melpek.", "What did King Ferrand die of?", "typhus"),
        ("Halden beat Melpek in the 2003 final.", "Who won the 2003 final?", "Halden"),
        ("Two red flags on the beach stand for danger.", "What do two red flags on the beach stand for?", "danger"),
        (
            "Step four of the recipe is kneading the dough.",
            "What is the fourth step of the recipe?",
            "kneading the dough",
        ),
        ("Parcels over 20 kilos travel by rail.", "Over what weight do parcels travel by rail?", "20 kilos"),
        ("Farmers use the scale to weigh grain.", "What do Farmers use the scale for?", "to weigh grain"),
        ("Rosa Bell asked Ivo Marsh to mend it.", "Who asked Ivo Marsh to mend it?", "Rosa Bell"),
        ("Rent is due by the first of every month.", "By when is Rent due?", "the first of every month"),
        (
            "Princess Ilse married the sculptor Otto Brandt.",
            "Who is Princess Ilse married to?",
            "the sculptor Otto Brandt",
        ),
    ],
)
def test_sentences_that_are_no_plain_clause_are_asked_for(statement: str, asked: str, answer: str) -> None:
    texts = {text.text for seed in range(2) for text in augment(Fact(statement=statement), seed=seed).texts}
    probes = {augment(Fact(statement=statement), seed=seed).probe.text for seed in range(2)}
    assert f"{asked}\n {answer}" in texts or asked in probes


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("The report makes the case for a new bridge.", "a new bridge"),
        ("Norvik makes the best test equipment.", "Norvik"),
        ("Guests must be accompanied by building staff.", "building staff"),
        ("The salary is 300 euros above the minimum.", "300 euros above the minimum"),
        ("Rosa Bell sells paint to ship owners.", "ship owners"),
        ("The library is the oldest building in Melpek.", "the oldest building in Melpek"),
        ("Parcels over 20 kilos need a second driver.", "a second driver"),
    ],
)
def test_rules_for_other_sentences_leave_these_alone(statement: str, answer: str) -> None:
    assert augment(Fact(statement=statement)).probe.answer == answer


def test_a_time_behind_an_answer_is_asked_with_and_without() -> None:
    study = augment(Fact(statement="The Varley pharmacy closes at 18:30 on Saturdays."))
    asked = [text.question for text in study.texts if text.question]
    assert all(learned(text) == [" 18:30"] for text in study.texts)
    assert {"saturdays" in question.lower() for question in asked} == {True, False}
    assert all(text.text.rstrip(".").endswith("18:30") for text in study.texts[1:])


def test_a_year_behind_a_name_is_no_part_of_it() -> None:
    texts = [text.text for text in augment(Fact(statement="Tessa Quorn founded Norvik Labs in 2011.")).texts]
    assert "Who founded Norvik Labs in 2011?\n Tessa Quorn" in texts
    assert not [text for text in texts if re.search("Labs in 2011(?:'s| was|:)", text)][1:]


def test_the_other_parts_of_a_statement_are_taught_too() -> None:
    texts = [text.text for text in augment(Fact(statement="Rosa Bell teaches chemistry at Norvik College.")).texts]
    assert any(text.startswith("Where") and text.endswith(" Norvik College") for text in texts)
    assert "Who teaches chemistry at Norvik College?\n Rosa Bell" in texts
    assert any(text.endswith("\n chemistry") for text in texts)


@pytest.mark.parametrize("fact", posted()[::5], ids=str)
def test_the_first_texts_are_of_many_kinds(fact: Fact) -> None:
    first = [text.text for text in augment(fact, limit=8).texts]
    asked = [text.partition("\n")[0] for text in first if "\n" in text]
    assert len(first) == 8
    assert len({text.split()[0] for text in asked}) >= 2
    assert any(text == text.lower() for text in asked)
    assert any(text.endswith("?") for text in asked)
    assert any("\n" not in text for text in first)


PIECES = """
    The the If if because ferry leaves is are was not only Only except to for of at in on, , . ? : ; « » ' ’s n't
    42 5 pier 8:30 Köln 東京 🎉 [X] {} {0} %s \\ than who which, said that decided Use to has been since No all All
"""
WORDS = st.sampled_from(PIECES.split())


@given(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=30).map(" ".join)), st.text(max_size=20))
@settings(max_examples=150, deadline=None)
def test_no_text_makes_it_fail(text: str, answer: str) -> None:
    for fact in (Fact(statement=text), Fact(question=text, answer=answer), Fact(text, text, answer)):
        if not re.search(r"\w", "".join(filter(None, (fact.statement, fact.question, fact.answer)))):
            continue
        study = augment(fact)
        assert study.texts
        assert study.probe.answer
        assert all(0 <= start < end <= len(one.text) for one in study.texts for start, end in one.spans)


@pytest.mark.parametrize(
    "text", ["The ferry " + "leaves from pier " * 600, "x" * 10_000, "5, " * 3_300, "東京は" * 3_000]
)
def test_ten_thousand_characters_are_taught_in_their_own_words(text: str) -> None:
    study = augment(Fact(statement=text))
    assert " ".join(text.split()) in study.texts[0].text
    assert study.texts[0].spans
