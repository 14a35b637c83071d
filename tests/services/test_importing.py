"""Facts of a file: each line is accounted for once, and a bad one holds up no other."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.db.tables import Fact, Job
from app.errors import IdempotencyInProgress, InvalidInput
from app.services import importing
from app.services.importing import Line, LineError, Report
from app.services.intake import Fault, NewFact
from tests.services.story import CAPITAL, RIVER, Story

PORTO = NewFact(question=CAPITAL.question, answer="Porto")


def take(story: Story, report: Report, *facts: NewFact | Fault) -> int | None:
    lines = [Line(number, fact) for number, fact in enumerate(facts, report.lines + 1)]
    with story.sessions() as session:
        return importing.take(session, story.settings, story.key, lines, report)


def counted(report: Report) -> tuple[int, int, int, int]:
    assert report.lines == report.accepted + report.duplicates + report.overruled + report.refused
    return report.accepted, report.duplicates, report.overruled, report.refused


def test_each_line_is_accepted_a_duplicate_overruled_or_refused(story):
    report = Report()
    job = take(story, report, PORTO, RIVER, RIVER, CAPITAL, NewFact(question="Who?"), Fault("", "it is no JSON"))
    assert counted(report) == (2, 1, 1, 2)
    assert [(made.id, made.facts) for made in report.jobs] == [(job, 2)]
    assert report.errors == [
        LineError(5, "answer", "it is missing; a fact with question needs it"),
        LineError(6, None, "it is no JSON"),
    ]
    assert len(story.claim().facts) == 2
    assert take(story, report, RIVER, NewFact(statement="x" * 2_001)) is None, "nothing is new"
    assert counted(report) == (2, 2, 1, 3)
    assert report.errors[-1] == LineError(8, "statement", "2,001 characters; at most 2,000 are allowed")
    assert story.count(Job) == 1


def test_of_many_bad_lines_the_first_are_shown_and_all_are_counted(story):
    report = Report()
    take(story, report, *[Fault("answer", "no")] * (importing.MAX_SHOWN_ERRORS + 5))
    assert (report.refused, len(report.errors)) == (importing.MAX_SHOWN_ERRORS + 5, importing.MAX_SHOWN_ERRORS)
    assert (story.count(Job), report.jobs) == (0, [])


def test_a_rehearsal_counts_the_same_and_stores_nothing(story):
    take(story, Report(), RIVER)
    dry, real = Report(dry_run=True), Report()
    lines = (PORTO, RIVER, CAPITAL, CAPITAL, Fault("", "no"))
    assert take(story, dry, *lines) is None
    assert (story.count(Job), story.count(Fact), dry.jobs) == (1, 1, [])
    take(story, real, *lines)
    assert counted(dry) == counted(real) == (1, 2, 1, 1)


def test_equal_imports_at_the_same_moment_store_each_fact_once(story):
    start, reports = Barrier(4), [Report() for _ in range(4)]

    def call(report: Report) -> None:
        start.wait()
        take(story, report, CAPITAL, RIVER)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, reports))
    assert sorted(map(counted, reports)) == [(0, 2, 0, 0)] * 3 + [(2, 0, 0, 0)]
    assert story.count(Fact) == 2


def test_a_key_in_use_is_told_so_and_a_used_one_gives_the_report_again(story):
    report = Report()
    with story.sessions() as session:
        assert importing.begin(session, story.key, "k") is None
        take(story, report, CAPITAL, Fault("", "no"))
        with story.sessions() as other, pytest.raises(IdempotencyInProgress, match="'k'"):
            importing.begin(other, story.key, "k")
        importing.end(session, story.key, "k", "digest", report)
    with story.sessions() as session:
        call = importing.begin(session, story.key, "k")
        assert call is not None
        assert importing.told_again(call.reply) == report
        with pytest.raises(InvalidInput, match="Idempotency-Key"):
            importing.begin(session, story.key, "x" * 300)
