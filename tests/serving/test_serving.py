"""Prompts are made or refused by the name of their field; a move of the head is one call; sources of cited facts."""

import asyncio
from collections.abc import Iterator

import pytest

from app.db.session import Sessions, open_sessions
from app.errors import InvalidInput, LiveVersionConflict, VersionNotFound
from app.queue import Queue
from app.services.intake import NewFact
from app.services.versions import Activated
from app.serving import Relay, Serving
from app.settings import Settings
from benchmarks.rebuild import Chain
from model.engine import Engine
from model.errors import PromptTooLong
from tests import tiny
from tests.services.story import TESTER, Story


@pytest.fixture
def chain(sessions: Sessions) -> Chain:
    """Versions 1 to 3; none of them has gone live."""
    chain = Chain(tiny.build(), sessions)
    chain.grow(3, 5, anchored=False)
    return chain


@pytest.fixture
def serving(sessions: Sessions, database_url: str, redis_url: str, chain: Chain) -> Iterator[Serving]:
    """An engine that does not run: prompts are made and versions brought up without it."""
    settings = Settings(database_url=database_url, redis_url=redis_url)
    queue, loop = Queue(settings), asyncio.new_event_loop()
    serving = Serving(Engine(tiny.build()), sessions, queue, settings, Relay(loop))
    yield serving
    serving._views.close()
    queue.close()
    loop.close()


def test_a_prompt_carries_what_the_user_says(serving):
    assert serving.question_prompt("Who?").turns == ("Who?",)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}]
    assert serving.chat_prompt(messages).turns == ("Who?",)
    assert serving.text_prompt("Once upon").turns == ("Once upon",)


def test_what_cannot_be_asked_is_refused_by_the_name_of_its_field(serving):
    prompts = serving.engine.checkpoint.prompts
    with pytest.raises(InvalidInput, match="prompt: the prompt has 0 tokens"):
        serving.text_prompt("")
    prompts.tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(InvalidInput, match=r"messages: the chat template refuses it: .*roles must alternate"):
        serving.chat_prompt([{"role": "user", "content": "Who?"}])
    with pytest.raises(InvalidInput, match="question: the chat template refuses it"):
        serving.question_prompt("Who?")
    with pytest.raises(PromptTooLong):
        serving.text_prompt("x" * 10**6)


def test_a_version_is_resident_when_the_call_returns_that_made_it_live(serving, session, chain):
    moved = serving.activate(session, "main", 3, reason="a test", actor=TESTER)
    assert moved == Activated(live=3, previous=0)
    assert serving.engine.live == (3, chain.hashes[3])
    assert serving.activate(session, "main", "previous", reason="a test", actor=TESTER) == Activated(live=2, previous=3)
    assert serving.engine.live == (2, chain.hashes[2])


def test_a_move_that_is_refused_moves_nothing(serving, session):
    with pytest.raises(LiveVersionConflict):
        serving.activate(session, "main", 3, reason="a test", actor=TESTER, expected_live=1)
    with pytest.raises(VersionNotFound):
        serving.activate(session, "main", 99, reason="a test", actor=TESTER)
    assert serving.engine.live[0] == 0


def test_sources_of_cited_facts_are_told_while_the_database_can_tell(serving, sessions, chain, key):
    story = Story(sessions, Settings(), key, tiny.FINGERPRINT, chain.hashes[0])
    posted = story.post(NewFact(statement="A tale of Olm.", source="atlas"), NewFact(statement="A tale of Melpek."))
    first, second = posted.facts
    assert asyncio.run(serving.sources([first, second, 99])) == {first: "atlas", second: None}
    assert asyncio.run(serving.sources([])) == {}


def test_an_answer_does_not_wait_for_sources_of_a_database_that_is_away(serving):
    serving._sessions = open_sessions("postgresql://nobody@127.0.0.1:1/none")
    assert asyncio.run(serving.sources([1])) == {}
