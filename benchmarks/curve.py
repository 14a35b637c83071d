"""How pretraining went: `python -m benchmarks.curve OUT/training/curve.jsonl` writes docs/model-curve.png."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # no window

from matplotlib import pyplot as plt

PICTURE = Path(__file__).parent.parent / "docs" / "model-curve.png"


def draw(curve: Path, picture: Path) -> None:
    """The loss by tokens seen, from the lines that `model.pretrain` writes."""
    points = [json.loads(line) for line in curve.read_text(encoding="utf-8").splitlines()]
    tokens = [point["tokens"] / 1e6 for point in points]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(tokens, [point["loss"] for point in points])
    axes.set_xlabel("million tokens")
    axes.set_ylabel("loss of the next token, nats")
    axes.set_ylim(bottom=0)
    figure.savefig(picture, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), PICTURE)
