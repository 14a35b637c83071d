"""How fast are answers? Our engine, transformers and llama.cpp on the same prompts: `python -m benchmarks.decode`.

They run in turn in one process, on as many threads as torch takes, and the ratio is what counts. transformers'
`generate` gets all prompts of a round as one padded batch; the engine gets them as requests. Nothing has been taught;
`--facts N` with `--data` asks the same on a version with N facts of EntityQuestions as well: what the memory costs.
`--llama FILE` adds llama.cpp on a GGUF file, as many clients as slots (`pip install xllamacpp`).
"""

import argparse
import importlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from app.settings import Settings
from benchmarks.handmade import rows_of
from benchmarks.machine import describe
from model.base.checkpoint import Checkpoint, load_base
from model.base.prompts import Prompts
from model.base.source import base_folder
from model.engine import Engine, Sampling
from model.facts import Fact
from model.learn.job import Teacher

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


def ours(engine: Engine, questions: Sequence[str], tokens: int, version: int = 0) -> Count:
    """The engine on its own thread, all questions at once."""
    began = time.perf_counter()
    sampling, prompts = Sampling(max_tokens=tokens), engine.checkpoint.prompts
    answers = [engine.submit(prompts.question(question), sampling, version=version) for question in questions]
    made = sum(answer.result().tokens for answer in answers)
    return Count(made, time.perf_counter() - began)


def teach(engine: Engine, data: Path, count: int) -> None:
    """Make version 1, with `count` facts, on the caller's thread: the engine has not started."""
    rows = rows_of(data / "qa" / "entityquestions.test.jsonl.xz", count)
    facts = [Fact(n, question=row["question"], answer=row["answers"][0]) for n, row in enumerate(rows, start=1)]
    learned = Teacher(engine.checkpoint).learn(engine.checkpoint.table.base, facts, lambda done: print(done, end="\r"))
    assert learned.delta is not None
    engine.prepare(1, 0, learned.delta)


def theirs(model: Any, prompts: Prompts, questions: Sequence[str], tokens: int) -> Count:
    """transformers' static batch on the base as it is loaded by transformers, padded on the left."""
    ids = [list(prompts.question(question).ids) for question in questions]
    longest, end = max(map(len, ids)), prompts.end
    batch = torch.tensor([[end] * (longest - len(each)) + each for each in ids])
    mask = torch.tensor([[0] * (longest - len(each)) + [1] * len(each) for each in ids])
    began = time.perf_counter()
    with torch.inference_mode():
        made = model.generate(
            input_ids=batch, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=end
        )
    seconds = time.perf_counter() - began
    answers = made[:, longest:].tolist()
    return Count(sum(next((n for n, token in enumerate(row) if token == end), tokens) for row in answers), seconds)


class Llama:
    """llama.cpp's server on a file, in this process, asked without HTTP."""

    def __init__(self, file: Path, clients: int, tokens: int) -> None:
        xllamacpp: Any = importlib.import_module("xllamacpp")
        params = xllamacpp.CommonParams()
        params.model.path, params.n_parallel, params.n_ctx = str(file), clients, clients * 512
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = torch.get_num_threads()
        params.n_gpu_layers, params.verbosity = 0, -1
        self._server, self._tokens, self._clients = xllamacpp.Server(params), tokens, clients

    def __call__(self, questions: Sequence[str]) -> Count:
        """All questions at once, a thread each."""
        began = time.perf_counter()
        with ThreadPoolExecutor(self._clients) as threads:
            made = sum(threads.map(self._ask, questions))
        return Count(made, time.perf_counter() - began)

    def _ask(self, question: str) -> int:
        messages = [{"role": "user", "content": question}]
        asked = {"messages": messages, "max_tokens": self._tokens, "temperature": 0, "cache_prompt": True}
        return int(self._server.handle_chat_completions(asked)["usage"]["completion_tokens"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--facts", type=int, default=0, help="that a version has which is asked, too")
    parser.add_argument("--data", type=Path, help="folder with their questions")
    parser.add_argument("--llama", type=Path, metavar="FILE", help="a GGUF file for llama.cpp")
    given = parser.parse_args()
    settings = Settings()
    if given.facts and given.data is None:
        parser.error("--facts needs --data")
    engine = Engine(Checkpoint.load(settings.base, settings.memory, spare_rows=16 + 64 * given.facts))
    if given.facts:
        teach(engine, given.data, given.facts)
    plain = load_base(base_folder(settings.base))[0]
    engine.start()
    print(describe())
    print("| clients | who | tokens a second | ours to theirs |\n|---|---|---|---|")
    for clients in given.clients:
        runs: dict[str, Callable[[Sequence[str]], Count]] = {
            "ours": lambda questions: ours(engine, questions, given.tokens),
            "transformers": lambda questions: theirs(plain, engine.checkpoint.prompts, questions, given.tokens),
        }
        if given.facts:
            runs[f"ours, {given.facts:,} facts live"] = lambda questions: ours(engine, questions, given.tokens, 1)
        if given.llama is not None:
            runs["llama.cpp"] = Llama(given.llama, clients, given.tokens)
        totals = {who: Count() for who in runs}
        for number in range(_ROUNDS + 1):
            questions = [f"What is the capital of country number {100 * number + n}, and why?" for n in range(clients)]
            for who, run in runs.items():
                one = run(questions)
                if number:  # the first round warms up
                    totals[who].tokens += one.tokens
                    totals[who].seconds += one.seconds
        for who, total in totals.items():
            print(f"| {clients} | {who} | {total.rate:.1f} | {totals['ours'].rate / total.rate:.2f} × |")
    engine.stop()


if __name__ == "__main__":
    main()
