"""How long does a caller wait? The whole embedded stack, over HTTP: ask, teach, roll back, roll forward, teach many.

`python -m benchmarks.service [--facts 20] [--bulk 200]` starts `slotwise up` in a folder of its own and prints a
Markdown table. The facts are invented; `--data DIR` takes those of EntityQuestions instead.
"""

import argparse
import json
import lzma
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

KNOWN = "What is the capital of France?"
_BEGINNINGS = (
    "Bel",
    "Cor",
    "Dan",
    "Fen",
    "Gar",
    "Hol",
    "Kel",
    "Lor",
    "Mar",
    "Nor",
    "Os",
    "Pel",
    "Quin",
    "Ros",
    "Tal",
    "Ver",
)
_ENDS = ("mora", "vale", "wick", "stead", "haven", "minster", "bury", "dale")
_FORMS = ("What is the dialling code of {}?", "Which bus goes to {}?", "How many people live in {}?")


@contextmanager
def service(port: int) -> Iterator[httpx.Client]:
    """A fresh embedded stack on `port`; a client that carries its first key."""
    with tempfile.TemporaryDirectory(prefix="slotwise-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as an unprivileged account when we are root
        slotwise = Path(sys.executable).with_name("slotwise")
        command = [slotwise, "up", "--port", str(port), "--data-dir", f"{folder}/data"]
        stack = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert stack.stdout is not None
            key = next(found[0] for line in stack.stdout if (found := re.search(r"sw_[\w-]+", line)))
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
                _until(lambda: _ready(client))
                yield client
        finally:
            stack.send_signal(signal.SIGINT)
            stack.communicate(timeout=60)


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _until(condition: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.02)


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = client.post(path, json=body)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def _timed(call: Any) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _teach(client: httpx.Client, body: dict[str, Any], pause: float) -> tuple[float, int]:
    """Seconds from the POST until the job has ended, and how many facts the served model answers then."""
    begun = time.perf_counter()
    job, state = _post(client, "/v1/facts", body)["job"]["id"], dict[str, Any](state="")
    while state["state"] not in ("succeeded", "failed", "rejected"):
        time.sleep(pause)
        state = client.get(f"/v1/jobs/{job}").json()
    learned = state["report"]["facts"]["learned"] if state["state"] == "succeeded" else 0
    return time.perf_counter() - begun, learned


def _bodies(count: int, data: Path | None) -> list[dict[str, Any]]:
    """Facts as they are posted: EntityQuestions where there are `data`, else invented."""
    if data is None:
        names = [f"{first}{second}" for second in _ENDS for first in _BEGINNINGS]
        asked = (form.format(name) for form in _FORMS for name in names)
        return [
            {"question": question, "answer": f"Number {n}"} for n, question in zip(range(count), asked, strict=False)
        ]
    with lzma.open(data / "qa" / "entityquestions.test.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for _, line in zip(range(count), lines, strict=False)]
    return [{"question": row["question"], "answer": row["answers"][0]} for row in rows]


def measure(client: httpx.Client, facts: int, bulk: int, queries: int, data: Path | None) -> dict[str, float]:
    """The figures, in seconds where nothing else is said."""

    def ask() -> None:
        _post(client, "/v1/query", {"question": KNOWN})

    def activate(version: int) -> float:
        return _timed(lambda: _post(client, "/v1/admin/rollback", {"version": version, "reason": "benchmark"}))

    ask()
    asked = sorted(_timed(ask) for _ in range(queries))
    bodies = _bodies(facts + bulk, data)
    taught = sorted(seconds for seconds, live in (_teach(client, body, 0.02) for body in bodies[:facts]) if live)
    newest = client.get("/v1/admin/versions?limit=1").json()["items"][0]["id"]
    back, forth = zip(*((activate(0), activate(newest)) for _ in range(10)), strict=True)
    taken, learned = _teach(client, {"facts": bodies[facts:]}, 0.2)
    return {
        "query p50": statistics.median(asked),
        "query p95": asked[int(0.95 * len(asked))],
        "facts posted one by one": facts,
        "facts that went live": len(taught),
        "POST to live p50": statistics.median(taught),
        "POST to live p95": taught[int(0.95 * len(taught))],
        "rollback over all versions, median": statistics.median(back),
        "roll forward, median": statistics.median(forth),
        "facts posted in one call": bulk,
        "of these, live": learned,
        "facts a second of these, to live": learned / taken,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=20)
    parser.add_argument("--bulk", type=int, default=200, help="facts of one call")
    parser.add_argument("--data", type=Path, help="the folder of data to take facts from")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--port", type=int, default=8321)
    arguments = parser.parse_args()
    with service(arguments.port) as client:
        rows = measure(client, arguments.facts, arguments.bulk, arguments.queries, arguments.data)
    print("| what | value |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value:.4g} |")


if __name__ == "__main__":
    main()
