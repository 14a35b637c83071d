"""How fast are answers? Our engine beside transformers' `generate`, on the same prompts: `python -m benchmarks.decode`.

Both run in turn in one process, on as many threads as torch takes, and the ratio is what counts. `generate` gets all
prompts of a round as one padded batch; the engine gets them as requests. Nothing has been taught.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from app.settings import Settings
from benchmarks.machine import describe
from model.base.checkpoint import Checkpoint
from model.engine import Engine, Sampling

_ROUNDS = 3


@dataclass
class Count:
    """Tokens that were produced, and the seconds that they took."""

    tokens: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.seconds


def ours(engine: Engine, questions: Sequence[str], tokens: int) -> Count:
    """The engine on its own thread, all questions at once."""
    began = time.perf_counter()
    sampling, prompts = Sampling(max_tokens=tokens), engine.checkpoint.prompts
    answers = [engine.submit(prompts.question(question), sampling) for question in questions]
    made = sum(answer.result().tokens for answer in answers)
    return Count(made, time.perf_counter() - began)


def theirs(checkpoint: Checkpoint, questions: Sequence[str], tokens: int) -> Count:
    """transformers' static batch, padded on the left."""
    ids = [list(checkpoint.prompts.question(question).ids) for question in questions]
    longest, end = max(map(len, ids)), checkpoint.prompts.end
    batch = torch.tensor([[end] * (longest - len(each)) + each for each in ids])
    mask = torch.tensor([[0] * (longest - len(each)) + [1] * len(each) for each in ids])
    model: Any = checkpoint.model
    began = time.perf_counter()
    with torch.inference_mode():
        made = model.generate(
            input_ids=batch, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=end
        )
    seconds = time.perf_counter() - began
    answers = made[:, longest:].tolist()
    return Count(sum(next((n for n, token in enumerate(row) if token == end), tokens) for row in answers), seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--tokens", type=int, default=40)
    given = parser.parse_args()
    settings = Settings()
    loaded = [Checkpoint.load(settings.base, settings.memory, spare_rows=16) for _ in range(2)]
    engine = Engine(loaded[0])
    engine.start()
    print(describe())
    print("| clients | ours, tokens a second | transformers | ratio |\n|---|---|---|---|")
    for clients in given.clients:
        mine, other = Count(), Count()
        for number in range(_ROUNDS + 1):
            questions = [f"What is the capital of country number {100 * number + n}, and why?" for n in range(clients)]
            for total, one in (
                (mine, ours(engine, questions, given.tokens)),
                (other, theirs(loaded[1], questions, given.tokens)),
            ):
                if number:  # the first round warms up
                    total.tokens, total.seconds = total.tokens + one.tokens, total.seconds + one.seconds
        print(f"| {clients} | {mine.rate:.1f} | {other.rate:.1f} | {mine.rate / other.rate:.2f} × |")
    engine.stop()


if __name__ == "__main__":
    main()
