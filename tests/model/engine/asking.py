"""Questions to an engine, and versions that answer them."""

from model.engine import Engine, Sampling
from model.memory.delta import Delta
from tests.model.engine.taught import taught


def question(engine: Engine, text: str):
    return engine.checkpoint.prompts.question(text)


def change(engine: Engine, number: int) -> Delta:
    """A version that answers some questions with its number."""
    prompts = [question(engine, text) for text in ("a?", "b?", *(f"what is {letter}?" for letter in "abcd"))]
    return taught(engine.checkpoint, [(number, prompt, f"is {number}") for prompt in prompts])


def submit(engine: Engine, text: str, *arguments, **options):
    return engine.submit(question(engine, text), *arguments, **options)


def ask(engine: Engine, text: str, version: int | None = None):
    return submit(engine, text, Sampling(max_tokens=8), version=version).result(30)
