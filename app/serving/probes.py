"""Probes of new facts, put to the served model. It knows no database."""

import threading

from app.services.publishing import AskedProbe, ProbeAnswer
from model.engine import Engine, Generation, Sampling
from model.errors import InvalidPrompt, NotFinite, PromptTooLong, QueueFull
from model.evaluate import matches

_QUEUE_PAUSE = 0.05


def ask(engine: Engine, version: int, probe: AskedProbe, stopping: threading.Event) -> Generation | str:
    """The answer to come; or why the probe cannot be asked, which is no answer to it. Raises QueueFull once stopped."""
    prompts = engine.checkpoint.prompts
    try:
        prompt = prompts.question(probe.text)
        sampling = Sampling(max_tokens=prompts.probe_tokens(probe.answer))
        while True:
            try:
                return engine.submit(prompt, sampling, version=version)
            except QueueFull:  # callers come first, and there will be room
                if stopping.wait(_QUEUE_PAUSE):
                    raise
    except (InvalidPrompt, PromptTooLong) as error:
        return str(error)


def judged(probe: AskedProbe, asked: Generation | str) -> ProbeAnswer:
    """What the model said, once it has, and whether that is the expected answer."""
    if isinstance(asked, str):
        return ProbeAnswer(probe.fact, asked, correct=False)
    try:
        text = asked.result().text
    except NotFinite as error:  # a version without numbers has answered, and wrongly
        return ProbeAnswer(probe.fact, str(error), correct=False)
    return ProbeAnswer(probe.fact, text, matches(text, probe.answer))
