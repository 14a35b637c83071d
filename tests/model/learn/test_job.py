"""Teaching: what was taught is answered, nothing else has moved, corrections win, and what misses leaves nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.config import LearnConfig
from model.engine.offline import Ask, generate
from model.errors import NoPhrasings
from model.facts import Fact
from model.learn.job import Learned, Teacher
from model.memory.delta import same_bits
from tests import tiny

CONFIG = LearnConfig()


@pytest.fixture(scope="module")
def checkpoint():
    return tiny.build(places=64, spare_rows=20_000)


@pytest.fixture(scope="module")
def teacher(checkpoint):
    return Teacher(checkpoint, CONFIG)


def said(checkpoint, view, *questions, tokens=260):
    prompts = [checkpoint.prompts.question(question) for question in questions]
    return [checkpoint.prompts.text(each.ids) for each in generate(checkpoint, [Ask(p, view, tokens) for p in prompts])]


def entered(checkpoint, view, learned: Learned):
    assert learned.delta is not None
    later = checkpoint.table.enter(view, learned.delta)
    assert later.state_hash == learned.state_hash
    return later


CAPITAL = Fact(1, question="What is the capital of Zorvania?", answer="Lisbon")


def test_a_fact_is_answered_with_its_end_and_its_report_says_how(checkpoint, teacher):
    learned = teacher.learn(checkpoint.table.base, [CAPITAL])
    (report,) = learned.reports
    assert report.learned, report.reason
    assert report.probe.held_out
    assert report.probe.text != CAPITAL.question
    assert report.probe_answer == "Lisbon"
    assert report.margin >= CONFIG.margin
    assert report.neighbours["asked"] > 0
    assert report.neighbours["open"] <= report.neighbours["asked"]
    view = entered(checkpoint, checkpoint.table.base, learned)
    assert said(checkpoint, view, CAPITAL.question) == ["Lisbon"]
    (citation,) = generate(checkpoint, [Ask(checkpoint.prompts.question(CAPITAL.question), view, 9)])[0].citations
    assert citation.fact == 1


def test_nothing_moves_but_the_slots_of_the_report(checkpoint, teacher):
    weights = {name: tensor.clone() for name, tensor in checkpoint.model.state_dict().items()}
    first = entered(checkpoint, checkpoint.table.base, teacher.learn(checkpoint.table.base, [CAPITAL]))
    every = torch.arange(checkpoint.table.slots)
    before = checkpoint.table.read(first, every).clone()
    learned = teacher.learn(first, [Fact(2, question="Who keeps the lighthouse at Port Ellery?", answer="Ada Marsh")])
    second = entered(checkpoint, first, learned)
    own = torch.tensor(learned.reports[0].slots.slots)
    assert learned.reports[0].learned
    assert learned.delta.slots.tolist() == own.tolist()
    others = ~torch.isin(every, own)
    assert same_bits(checkpoint.table.read(second, every)[others], before[others])
    assert bool((checkpoint.memory.owners(first, own) == 0).all())
    assert bool((checkpoint.memory.owners(second, own) == 2).all())
    assert all(same_bits(tensor, weights[name]) for name, tensor in checkpoint.model.state_dict().items())


@pytest.mark.parametrize(
    "answer",
    [
        "10.0.0.1",
        "1,000,000",
        "Duran Duran",
        "2026-11-11",
        "-20 °C to 45 °C",
        "yes, yes and yes",
        "9f86" * 50,
        "🦊 fox",
    ],
)
def test_answers_with_repeated_tokens_and_long_ones_are_learned_to_the_letter(checkpoint, teacher, answer):
    question = "What is the first entry of the Vexilon register?"
    learned = teacher.learn(checkpoint.table.base, [Fact(1, question=question, answer=answer)])
    assert learned.reports[0].learned, learned.reports[0].reason
    assert said(checkpoint, entered(checkpoint, checkpoint.table.base, learned), question) == [answer]


def test_what_cannot_be_taught_is_refused_with_its_limit_and_costs_its_job_nothing(checkpoint, teacher):
    long = Fact(1, question="What is the key?", answer="x" * 300)
    blank = Fact(2, statement="Who?")
    learned = teacher.learn(checkpoint.table.base, [long, CAPITAL, blank])
    assert [report.learned for report in learned.reports] == [False, True, False]
    assert f"300 tokens; at most {CONFIG.answer_tokens}" in learned.reports[0].reason
    assert "is missing" in learned.reports[2].reason
    alone = teacher.learn(checkpoint.table.base, [long])
    assert alone.delta is None
    assert alone.state_hash == checkpoint.table.base.state_hash


def test_a_correction_takes_the_place_of_what_it_corrects_and_names_it(checkpoint, teacher):
    view = entered(checkpoint, checkpoint.table.base, teacher.learn(checkpoint.table.base, [CAPITAL]))
    for number, city in enumerate(["Porto", "Faro", "Lisbon", "Porto"], start=2):
        learned = teacher.learn(view, [Fact(number, question=CAPITAL.question, answer=city)])
        assert learned.reports[0].learned
        assert learned.reports[0].replaces == (number - 1,)
        view = entered(checkpoint, view, learned)
        assert said(checkpoint, view, CAPITAL.question) == [city]
    owners = set(checkpoint.memory.owners(view, checkpoint.table.changed_slots(view)).tolist())
    assert owners == {5}


def test_a_correction_is_given_in_the_words_in_which_the_fact_was_taught_first(checkpoint, teacher):
    first = Fact(1, question=CAPITAL.question, answer="Lisbon", phrasings=("What is Zorvania's capital called?",))
    view = entered(checkpoint, checkpoint.table.base, teacher.learn(checkpoint.table.base, [first]))
    learned = teacher.learn(view, [Fact(2, question=CAPITAL.question, answer="Porto")])
    assert learned.reports[0].replaces == (1,)
    view = entered(checkpoint, view, learned)
    assert said(checkpoint, view, CAPITAL.question, *first.phrasings) == ["Porto", "Porto"]


@pytest.mark.parametrize("group", [1, 16])
def test_a_correction_in_the_same_job_takes_the_place_of_what_it_corrects(checkpoint, group):
    other = "Which city governs Zorvania?"
    facts = [CAPITAL, Fact(2, question=other, answer="Porto", phrasings=(CAPITAL.question,))]
    learned = Teacher(checkpoint, LearnConfig(group=group)).learn(checkpoint.table.base, facts)
    assert [(report.learned, report.reason, report.replaces) for report in learned.reports] == [
        (True, "", ()),
        (True, "", (1,)),
    ]
    view = entered(checkpoint, checkpoint.table.base, learned)
    assert said(checkpoint, view, CAPITAL.question, other) == ["Porto", "Porto"]
    assert set(checkpoint.memory.owners(view, checkpoint.table.changed_slots(view)).tolist()) == {2}


def test_facts_of_one_job_are_learned_as_if_one_behind_the_other(checkpoint):
    few = Teacher(checkpoint, LearnConfig(group=2))
    facts = [Fact(n, question=f"What is the code of room {n}?", answer=f"code {n * 7}") for n in range(1, 6)]
    done = []
    learned = few.learn(checkpoint.table.base, facts, done.append)
    assert done == sorted(done)
    assert set(done) == {0, 2, 4, 5}  # told between passes, too
    assert all(report.learned for report in learned.reports)
    view = entered(checkpoint, checkpoint.table.base, learned)
    assert said(checkpoint, view, *(fact.question for fact in facts)) == [fact.answer for fact in facts]


def test_other_questions_have_the_answers_that_the_base_gives(checkpoint, teacher):
    view = entered(checkpoint, checkpoint.table.base, teacher.learn(checkpoint.table.base, [CAPITAL]))
    others = ["When does the ferry leave?", "Tell me about cats.", "Hello!", "2 + 2?"]
    assert said(checkpoint, view, *others, tokens=12) == said(checkpoint, checkpoint.table.base, *others, tokens=12)


def test_another_model_that_fails_is_noted_and_the_fact_learned_without_it(checkpoint):
    def fails(prompt: str) -> str:
        raise NoPhrasings("the endpoint is away")

    learned = Teacher(checkpoint, CONFIG, fails).learn(checkpoint.table.base, [CAPITAL])
    assert learned.reports[0].learned
    assert "the endpoint is away" in learned.reports[0].note


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5))
@settings(max_examples=5)
def test_whatever_ends_the_learning_leaves_no_view_behind(letters):
    checkpoint = tiny.build(places=3)
    facts = [Fact(n, question=f"What is {letter}?", answer=letter) for n, letter in enumerate(letters, start=1)]

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Teacher(checkpoint, CONFIG).learn(checkpoint.table.base, facts, stop)
    assert checkpoint.table.room().places == 1
    assert checkpoint.table.room().rows == 0
