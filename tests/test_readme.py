"""The README's map of files is true: every file stands in it, and nothing else does."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("app", "benchmarks", "docs", "evaluation", "migrations", "model", "worker")
AS_ONE = ("docs/decisions", "model/smollm2")  # the map names these folders only
UNSAID = {"__init__.py"}  # the folder's line speaks for it


def mapped() -> list[str]:
    """Paths of the map: two spaces a level, folders end with a slash; « · » between the names of a line."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Map of every file\n.*?```\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    paths, folders = [], []
    for line in block[1].splitlines():
        names = re.split(r"\s{2,}", line.strip())[0].split(" · ")
        folders = folders[: (len(line) - len(line.lstrip())) // 2]
        paths += ["".join([*folders, name]).rstrip("/") for name in names]
        folders.append(names[-1])
    return paths


def existing() -> list[str]:
    """Files and folders that the map should name, tests by folder."""
    found = {path.name for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")}
    found |= {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if path.suffix in (".py", ".json")}
    for path in (path for folder in (*FOLDERS, "tests") for path in (ROOT / folder).rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if "__pycache__" in name or path.name in UNSAID or name.startswith(tuple(f"{one}/" for one in AS_ONE)):
            continue
        if path.is_dir() or not name.startswith("tests/"):
            found.add(name)
    return sorted((found | {*FOLDERS, "tests"}) - {"tests/__init__.py"})


def test_every_file_is_in_the_map_once_and_nothing_else():
    assert sorted(mapped()) == existing()


def test_links_of_the_documents_lead_somewhere():
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
