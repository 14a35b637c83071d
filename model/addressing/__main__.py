"""python -m model.addressing BASE --out DIR [--data DIR]: a memory folder for a base."""

import argparse
from pathlib import Path

from model.addressing.attach import Plan, attach_memory


def main() -> None:
    """Make the folder."""
    parser = argparse.ArgumentParser(prog="python -m model.addressing", description=__doc__)
    parser.add_argument("base", type=Path, help="folder of a Hugging Face causal language model")
    parser.add_argument("--out", type=Path, required=True, help="memory folder to write")
    parser.add_argument("--data", type=Path, help="background questions, in the layout of the shared data")
    parser.add_argument("--work", type=Path, help="where states are kept (beside OUT)")
    parser.add_argument("--minutes", type=float, default=Plan.minutes, help="for reading states of questions")
    given = parser.parse_args()
    attach_memory(given.base, given.data, given.out, plan=Plan(minutes=given.minutes), work=given.work)


if __name__ == "__main__":
    main()
