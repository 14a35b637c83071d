"""What tests of the worker post, and how a version of theirs goes live."""

from itertools import count

from app.services import publishing, versions
from app.services.intake import NewFact
from model.evaluate import complete
from model.memory.delta import Delta
from model.memory.table import View
from tests import tiny

QUESTION = "What is the capital of Zorvania?"
RIVER = NewFact(question="What is the capital of Melpek?", answer="no")

_numbers = count(1)


def capital(answer: str = "ok") -> NewFact:
    """One fact from a source that is new each time: so it is learned again, and contradicts nothing."""
    return NewFact(question=QUESTION, answer=answer, source=f"atlas {next(_numbers)}")


def go_live(story, job: int) -> int:
    version = story.job(job).version_id
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    return version


def build_as_an_engine_does(story, version: int) -> tuple[View, str]:
    """A version's view in another process, and what the model says there to its first probe."""
    checkpoint = tiny.build(spare_rows=1_024)
    with story.sessions() as session:
        view = checkpoint.table.base
        for _, data in versions.deltas(session, versions.lineage(session, version)):
            view = checkpoint.table.enter(view, Delta.from_bytes(data))
        (pending,) = publishing.pending(session, "engine")
    return view, complete(checkpoint, [checkpoint.prompts.question(pending.probes[0].text)], view)[0]
