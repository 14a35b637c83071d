"""The rivals by name, each with the settings that its sweep tries."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.codebook import Codebook
from evaluation.finetuning import Finetuning
from evaluation.ours import Ours
from evaluation.product_keys import ProductKeys
from evaluation.retrieval import Retrieval
from evaluation.rival import Rival
from evaluation.untouched import Untouched


@dataclass(frozen=True)
class Method:
    """A rival.

    make    makes one, with settings as keywords
    sweep   settings that are tried
    engine  it answers by our engine, by which its answers before are made, too
    learns  its answers behind teaching may be others than those before
    """

    make: Callable[..., Rival]
    sweep: tuple[dict[str, Any], ...] = ({},)
    engine: bool = False
    learns: bool = True


def methods(base: Path, memory: Path, device: str) -> dict[str, Method]:
    """All rivals on the base of one folder, and the memory folder that belongs to it."""
    steps = tuple({"rate": rate, "steps": steps} for rate, steps in ((100.0, 1), (30.0, 16), (100.0, 16)))
    found = tuple({"most": most, "least": least} for most in (1, 5) for least in (0.0, 6.0))
    return {
        "untouched": Method(partial(Untouched, base, device), learns=False),
        "ours": Method(partial(Ours, base, device, memory), engine=True),
        "retrieval": Method(partial(Retrieval, base, device), found),
        "full finetuning": Method(partial(Finetuning, base, device, "full"), _rates(1e-5, 3e-5, 1e-4)),
        "LoRA": Method(partial(Finetuning, base, device, "lora"), _rates(3e-4, 1e-3, 3e-3)),
        "LocFT-BF": Method(partial(Finetuning, base, device, "locft", epochs=60), _rates(1e-3, 3e-3)),
        "codebook": Method(partial(Codebook, base, device), tuple({"radius": radius} for radius in (0.2, 0.4, 0.6))),
        "paper's step": Method(partial(ProductKeys, base, device, memory), steps),
        "TF alone": Method(partial(ProductKeys, base, device, memory, idf=False), steps),
    }


def _rates(*rates: float) -> tuple[dict[str, Any], ...]:
    return tuple({"rate": rate} for rate in rates)
