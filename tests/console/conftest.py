"""The console in a real browser, on the real application with a tiny model; the worker learns when a test says so.

`make test-console` runs these tests: they need Chromium, and Playwright from the extra `console`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.db.session import Sessions
from app.queue import Queue
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from tests.api.conftest import _one_thread, app, folders, key_of, service, sessions, settings, small
from tests.api.running import Running
from worker.learner import Learner

__all__ = ["_one_thread", "app", "folders", "key_of", "service", "sessions", "settings", "small"]  # the same here

DESKTOP = {"width": 1200, "height": 800}
PHONE = {"width": 360, "height": 740}
QUESTION = "What is the capital of Zorvania?"
PATIENCE_MS = 20_000
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        pytest.fail(
            "Playwright is not installed; `make test-console` installs it, as the extra «console» of this package"
        )
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail(
            f"no browser was found: none of {', '.join(_NAMES)} is in PATH; Debian has it as the package chromium"
        )
    with sync_playwright() as playwright:
        # Root may not use its sandbox; all that it opens is our own.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, service: Running) -> Iterator[Any]:
    """The console before anybody has signed in; what a script or the policy complains of fails the test."""
    context = browser.new_context(viewport=DESKTOP, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.goto(f"{service.url}/console")
    yield page
    context.close()
    assert [one for one in complaints if not one.startswith("Failed to load resource")] == []  # a refusal is no mistake


@pytest.fixture
def sign_in(page: Any, key_of: dict[str, str]) -> Callable[[str], None]:
    """Sign in with the key of a role."""

    def sign_in(role: str) -> None:
        page.get_by_label("API key").fill(key_of[role])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Chat").wait_for()

    return sign_in


@pytest.fixture
def admin(page: Any, sign_in: Callable[[str], None]) -> Any:
    """The console of an admin."""
    sign_in("admin")
    return page


@pytest.fixture
def work(folders: tuple[Path, Path], sessions: Sessions, settings: Settings) -> Callable[[], None]:
    """Let a worker do what is queued."""

    def work() -> None:
        queue = Queue(settings)
        Learner(Checkpoint.load(*folders, spare_rows=4_096), sessions, queue, settings).run()
        queue.close()

    return work


@pytest.fixture
def api(service: Running, key_of: dict[str, str]) -> Iterator[httpx.Client]:
    """What a test looks up beside the console."""
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {key_of['admin']}"}) as client:
        yield client


@pytest.fixture
def taught(api: httpx.Client, page: Any, work: Callable[[], None]) -> int:
    """The number of a fact that is live: QUESTION is answered with «ok»."""
    reply = api.post("/v1/facts", json={"question": QUESTION, "answer": "ok", "source": "atlas"})
    work()
    while api.get(reply.headers["Location"]).json()["state"] != "succeeded":
        page.wait_for_timeout(50)
    return int(reply.json()["facts"][0]["id"])
