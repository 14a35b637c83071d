"""`python -m model.engine BASE FOLDER "question"`: ask a base with a memory folder, with no service around it.

BASE is what SLOTWISE_BASE may be, "" for the packaged one. Where FOLDER is an exported version, that version is asked.
"""

import argparse
import sys
from pathlib import Path

from model.base.checkpoint import Checkpoint
from model.base.exported import read_rows
from model.engine.engine import Engine
from model.errors import ModelError


def main() -> None:
    """Print the answer to the question on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m model.engine", description="Ask a base with a memory one question."
    )
    parser.add_argument("base", help='a folder, a wheel, or "" for the packaged one')
    parser.add_argument("folder", type=Path, help="the memory folder, an exported version's among them")
    parser.add_argument("question")
    arguments = parser.parse_args()
    try:
        print(_answer(arguments.base, arguments.folder, arguments.question))
    except ModelError as error:
        sys.exit(f"{parser.prog}: {error}")


def _answer(base: str, folder: Path, question: str) -> str:
    """What the base with a memory folder says. Raises CheckpointError for rows that are not what the folder says."""
    version = read_rows(folder)
    spare = 0 if version is None else len(version[0].slots)
    engine = Engine(Checkpoint.load(base, folder, spare_rows=spare, places=2), max_batch=1)
    if version is not None:
        delta, exported = version
        exported.check(engine.prepare(1, 0, delta), folder)
        engine.switch(1)
    engine.start()
    try:
        return engine.submit(engine.checkpoint.prompts.question(question)).result().text
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
