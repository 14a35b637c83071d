"""Jobs: read one by one and by page."""

import pytest

from app.errors import JobNotFound
from app.services import jobs


def test_pages_of_jobs_are_newest_first(story):
    ids = [story.post().job for _ in range(3)]
    with story.sessions() as session:
        page = jobs.page(session, "main", None, 2)
        rest = jobs.page(session, "main", page.next_cursor, 2)
        assert [job.id for job in page.items + rest.items] == sorted(ids, reverse=True)
        assert rest.next_cursor is None


def test_a_page_can_be_of_one_state(story):
    running, waiting = story.post().job, story.post().job
    story.claim()
    with story.sessions() as session:
        assert [job.id for job in jobs.page(session, "main", None, 9, "running").items] == [running]
        assert [job.id for job in jobs.page(session, "main", None, 9, "queued").items] == [waiting]


def test_an_unknown_job_is_not_found(session):
    with pytest.raises(JobNotFound, match="99"):
        jobs.get(session, "main", 99)


def test_a_job_read_again_is_read_anew(story):
    posted = story.post()
    with story.sessions() as session:
        assert jobs.get(session, "main", posted.job).state == "queued"
        story.claim()
        assert jobs.get(session, "main", posted.job).state == "running"
