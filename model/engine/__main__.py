"""`python -m model.engine BASE FOLDER "question"`: ask a base with a memory folder, with no service around it.

BASE is what SLOTWISE_BASE may be, "" for the packaged one. Where FOLDER has a rows.safetensors, as an exported version
has, these rows are what is taught.
"""

import argparse
from pathlib import Path

from model.base.checkpoint import Checkpoint
from model.engine.engine import Engine
from model.memory.delta import Delta

ROWS = "rows.safetensors"


def main() -> None:
    """Print the answer to the question on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m model.engine", description="Ask a base with a memory one question."
    )
    parser.add_argument("base", help='a folder, a wheel, or "" for the packaged one')
    parser.add_argument("folder", type=Path, help="the memory folder, an exported version's among them")
    parser.add_argument("question")
    arguments = parser.parse_args()
    rows = arguments.folder / ROWS
    delta = Delta.from_bytes(rows.read_bytes()) if rows.exists() else None
    spare = 0 if delta is None else len(delta.slots)
    engine = Engine(Checkpoint.load(arguments.base, arguments.folder, spare_rows=spare, places=2), max_batch=1)
    if delta is not None:
        engine.prepare(1, 0, delta)
        engine.switch(1)
    engine.start()
    try:
        print(engine.submit(engine.checkpoint.prompts.question(arguments.question)).result().text)
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
