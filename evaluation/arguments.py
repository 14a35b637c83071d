"""What every command line here takes."""

import argparse
from pathlib import Path

import model

_MEMORY = Path(model.__file__).parent / "smollm2"


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A parser for a program with this documentation: where data and results are, and what base is measured."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with facts and questions")
    parser.add_argument("--work", type=Path, required=True, help="folder of what was measured; what broke off goes on")
    parser.add_argument("--base", default="", help="folder, GGUF file or hub name; the default base where left out")
    parser.add_argument("--memory", type=Path, default=_MEMORY, help="the memory folder made for it")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    return parser
