"""`python -m model.engine DIR "question"`: ask a checkpoint one question, with no service around it."""

import argparse
from pathlib import Path

from model.checkpoint import Checkpoint
from model.engine.engine import Engine


def main() -> None:
    """Print the answer to the question on the command line."""
    parser = argparse.ArgumentParser(prog="python -m model.engine", description="Ask a checkpoint one question.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("question")
    arguments = parser.parse_args()
    engine = Engine(Checkpoint.load(arguments.checkpoint, spare_rows=0, places=1), max_batch=1)
    engine.start()
    try:
        prompt = engine.checkpoint.question_prompt(arguments.question)
        print(engine.submit(prompt).result().text)
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
