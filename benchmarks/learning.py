"""What does learning teach, what does it cost, and what is forgotten? Model only, no service.

`python -m benchmarks.learning [--facts 60] [--seed 0]` prints a Markdown table for RESULTS.md.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from model.augment import augment
from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.continual.invented import FAMILIAR, FOREIGN, Relations, invent
from model.evaluate import complete, matches, nll, token_f1
from model.finetune import UpperLayers, choose_slots, learn, row_step
from model.memory import TrainableRows
from model.text import encode, pad

DEFAULT = Path(__file__).parent.parent / "model" / "default"


def teach(
    checkpoint: Checkpoint, count: int, seed: int, config: FinetuneConfig, relations: Relations
) -> dict[str, float | str]:
    """Teach `count` invented facts one after another and measure what is known then."""
    facts, table = invent(count, seed, relations), checkpoint.table
    asked = [checkpoint.question_prompt(fact.asked) for fact in facts]
    known = checkpoint.measure.evaluation
    questions = [checkpoint.question_prompt(item.question) for item in known]
    unseen = sum(
        fact.asked.lower() not in " ".join(text.text.lower() for text in augment(fact.fact, limit=config.texts).texts)
        for fact in facts
    )
    control = complete(checkpoint, asked, table.base)
    owners, seconds, sizes, right_after, learned = torch.zeros(table.slots), [], [], 0, 0
    view = table.retain(table.base)
    for fact, prompt in zip(facts, asked, strict=True):
        begun = time.perf_counter()
        result = learn(checkpoint, view, [augment(fact.fact, limit=config.texts)], config, owners=owners)
        seconds.append(time.perf_counter() - begun)
        learned += result.reports[0].learned
        if result.delta is not None:
            owners[result.delta.slots] += 1
            sizes.append(len(result.delta.to_bytes()))
            parent, view = view, table.enter(view, result.delta)
            table.release(parent)
        right_after += matches(complete(checkpoint, [prompt], view)[0], fact.answer)
    said = complete(checkpoint, asked, view)
    right = [matches(answer, fact.answer) for answer, fact in zip(said, facts, strict=True)]
    by_chance = [matches(answer, fact.answer) for answer, fact in zip(control, facts, strict=True)]
    missed = [f"{f.asked} → {s} ({f.answer})" for s, f, ok in zip(said, facts, right, strict=True) if not ok]
    kept = complete(checkpoint, questions, view)
    before = complete(checkpoint, questions, table.base)
    f1_before = statistics.mean(token_f1(a, k.answer) for a, k in zip(before, known, strict=True))
    f1_after = statistics.mean(token_f1(a, k.answer) for a, k in zip(kept, known, strict=True))
    nll_before, nll_after = (nll(checkpoint, v, checkpoint.measure.texts) for v in (table.base, view))
    return {
        "facts": count,
        "asked in words that were no training text": unseen,
        "probe answered while learning": learned / count,
        "answered right after": right_after / count,
        "answered at the end": sum(right) / count,
        "F1 at the end": statistics.mean(token_f1(s, f.answer) for s, f in zip(said, facts, strict=True)),
        "answered by the base (control)": sum(by_chance) / count,
        f"drop of F1 on {len(known)} known questions": 1 - f1_after / f1_before,
        "rise of background NLL": nll_after / nll_before - 1,
        "seconds a fact, median": statistics.median(seconds),
        "seconds a fact, p95": sorted(seconds)[int(0.95 * len(seconds))],
        "bytes a version, median": statistics.median(sizes) if sizes else 0,
        "missed": "; ".join(missed),
    }


def step_times(checkpoint: Checkpoint, seed: int, repeats: int = 12) -> dict[str, float]:
    """Median seconds of a row step and of a full finetuning step (AdamW) on the same batch, taken in turn."""
    config, view = FinetuneConfig(), checkpoint.table.base
    study = augment(invent(1, seed)[0].fact, limit=config.texts)
    tokenizer = checkpoint.tokenizer
    batch = pad([encode(tokenizer, text, 256) for text in study.texts], tokenizer.pad_token_id)
    checkpoint.context.use(view)
    upper = UpperLayers(checkpoint, batch.ids)
    slots = choose_slots(checkpoint, upper, batch, config, torch.zeros(checkpoint.table.slots))
    rows = TrainableRows(checkpoint.table, view, torch.tensor([use.slot for use in slots]))
    adam = torch.optim.Adam([rows.values], lr=config.learning_rate)
    checkpoint.model.requires_grad_(True)
    values = checkpoint.table.rows.requires_grad_(True)
    full = torch.optim.AdamW([*checkpoint.model.parameters(), values], lr=0.0, fused=True)
    times: dict[str, list[float]] = {"row step": [], "full step": []}
    chosen = batch.answer[:, 1:]
    for _ in range(repeats):
        begun = time.perf_counter()
        checkpoint.model.requires_grad_(False)
        values.requires_grad_(False)
        row_step(checkpoint, upper, rows, batch, adam, view)
        times["row step"].append(time.perf_counter() - begun)
        checkpoint.model.requires_grad_(True)
        values.requires_grad_(True)
        begun = time.perf_counter()
        hidden = checkpoint.model.get_decoder()(input_ids=batch.ids, use_cache=False).last_hidden_state
        logits = checkpoint.model.lm_head(hidden[:, :-1][chosen])
        torch.autograd.backward(F.cross_entropy(logits, batch.ids[:, 1:][chosen]))
        full.step()
        full.zero_grad()
        times["full step"].append(time.perf_counter() - begun)
    checkpoint.model.requires_grad_(False)
    values.requires_grad_(False)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    return medians | {"row step / full step": medians["row step"] / medians["full step"]}


def main() -> None:
    """Print both measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT)
    parser.add_argument("--facts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--foreign", action="store_true", help="relations and names that the model never saw")
    parser.add_argument("--top-t", type=int, default=FinetuneConfig.top_t)
    parser.add_argument("--learning-rate", type=float, default=FinetuneConfig.learning_rate)
    parser.add_argument("--stop-loss", type=float, default=FinetuneConfig.stop_loss)
    arguments = parser.parse_args()
    checkpoint = Checkpoint.load(arguments.checkpoint)
    config = FinetuneConfig(top_t=arguments.top_t, learning_rate=arguments.learning_rate, stop_loss=arguments.stop_loss)
    relations = FOREIGN if arguments.foreign else FAMILIAR
    rows: dict[str, float | str] = {**step_times(checkpoint, arguments.seed)}
    rows |= teach(checkpoint, arguments.facts, arguments.seed, config, relations)
    print("| what | value |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value if isinstance(value, (str, int)) else format(value, '.4g')} |")


if __name__ == "__main__":
    main()
