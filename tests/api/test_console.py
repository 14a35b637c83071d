"""The files of /console: served as what they are, complete, and with no script, style or address that is not theirs."""

import re
from pathlib import Path
from typing import get_args

import pytest
from fastapi.testclient import TestClient

import app
from app.api.deps import MAX_PAGE
from app.db.tables import JobState
from app.services import keys
from app.services.facts import FactStatus

ROOT = Path(app.__file__).parent.parent
FOLDER = ROOT / "app" / "console"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
SCRIPTS = {name: text for name, text in TEXTS.items() if name.endswith(".js")}
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
METHODS = {"get": "get", "post": "post", "remove": "delete", "postStream": "post", "getStream": "get"}


def test_the_page_and_all_that_it_is_made_of_are_served_without_a_key_under_a_strict_policy(untaught: TestClient):
    del untaught.headers["Authorization"]
    for name in TEXTS:
        reply = untaught.get("/console" if name == "index.html" else f"/console/{name}")
        assert reply.status_code == 200
        assert reply.text == TEXTS[name]
        assert reply.headers["Content-Type"].partition(";")[0] == KINDS[name.rpartition(".")[2]]
        assert reply.headers["Cache-Control"] == "no-cache"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        policy = dict(part.split(" ", 1) for part in reply.headers["Content-Security-Policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "connect-src": "'self'",
            "img-src": "'self' data:",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
            "require-trusted-types-for": "'script'",
            "trusted-types": "'none'",
        }


@pytest.mark.parametrize("path", ["nothing.js", "index.html", "../main.py", "%2e%2e/main.py", "..%2fmain.py"])
def test_nothing_else_is_served(untaught: TestClient, path: str):
    reply = untaught.get(f"/console/{path}", follow_redirects=False)
    assert reply.status_code in (307, 404)
    assert "ASGI" not in reply.text


def test_no_script_or_style_stands_in_the_page():
    page = TEXTS["index.html"]
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page) == []
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|style:", "".join(SCRIPTS.values()))
        == []
    )


def test_no_file_names_an_address_outside():
    for name, text in TEXTS.items():
        without_names = text.replace("http://www.w3.org/2000/svg", "")  # of a namespace; nothing is fetched from it
        assert re.findall(r"https?:|[\"'(]//|@import|url\(", without_names) == [], name


def test_every_file_that_is_asked_for_exists_and_every_file_is_asked_for():
    asked = set(re.findall(r'(?:src|href)="console/([^"]+)"', TEXTS["index.html"])) | {"index.html"}
    for name, text in SCRIPTS.items():
        modules = re.findall(r'^import .*?from "([^"]+)";$', text, re.MULTILINE)
        assert len(modules) == len(re.findall(r"(?<!\.)\bimport\b", text)), name
        assert all(module.startswith("./") for module in modules), name
        asked |= {module.removeprefix("./") for module in modules}
    assert asked == set(TEXTS)


def test_every_name_that_a_script_imports_is_exported_there():
    for name, text in SCRIPTS.items():
        for names, module in re.findall(r'^import \{ ([^}]+) \} from "\./([^"]+)";$', text, re.MULTILINE):
            for one in names.split(", "):
                exported = rf"^export (async )?(function|const|class) {one.partition(' as ')[0]}\b"
                assert re.search(exported, SCRIPTS[module], re.MULTILINE), (name, one)
        for one in re.findall(r"(?<!/)\bapi\.(\w+)", text):
            assert re.search(rf"^export const {one} =", SCRIPTS["api.js"], re.MULTILINE), (name, one)


def test_every_call_is_one_of_the_api_and_is_made_in_one_place(untaught: TestClient):
    paths = untaught.get("/openapi.json").json()["paths"]
    known = {(method, re.sub(r"\{[^}]+\}", "{}", path)) for path, methods in paths.items() for method in methods}
    calls = re.findall(r'\b(get|post|remove|postStream|getStream)\(\s*["`](v1/[^"`]+)["`]', SCRIPTS["api.js"])
    made = {(METHODS[call], "/" + re.sub(r"\$\{[^}]+\}", "{}", path)) for call, path in calls}
    assert len(calls) == SCRIPTS["api.js"].count("v1/")
    assert made - known == set()
    for name, text in SCRIPTS.items():
        assert len(re.findall(r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource\(|sendBeacon", text)) == (
            name == "api.js"
        )
        assert name == "api.js" or not re.search(r"[\"'`]/?v1/", text)


def words(script: str, name: str) -> list[str]:
    """A list of texts that a script declares."""
    (found,) = re.findall(rf"const {name} = \[(.*?)\];", SCRIPTS[script], re.DOTALL)
    return re.findall(r'"([^"]+)"', found)


def test_the_words_that_scripts_know_are_those_of_the_service():
    assert words("roles.js", "ROLES") == list(keys.ROLES)
    assert sorted(words("facts.js", "STATUSES")) == sorted(get_args(FactStatus))
    assert set(words("job.js", "ENDED")) | set(words("job.js", "STEPS")) == set(get_args(JobState))
    (actions,) = re.findall(r"actions: (.*) \|", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    assert words("keys.js", "ACTIONS") == re.findall(r"`([^`]+)`", actions)


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("text", "grounds", "least"),
    [
        ("ink", ("ground", "surface", "wash"), 4.5),
        ("soft", ("ground", "surface"), 4.5),
        ("accent", ("ground", "surface", "wash"), 4.5),
        ("on-accent", ("accent",), 4.5),
        ("bad", ("surface", "ground", "bad-wash"), 4.5),
        ("warn", ("warn-wash",), 4.5),
        ("edge", ("ground", "surface"), 3),
    ],
)
def test_colours_can_be_told_apart_in_light_and_dark(text: str, grounds: tuple[str, ...], least: float):
    light, dark = TEXTS["base.css"].split("@media (prefers-color-scheme: dark)")
    for theme in (light, dark):
        colours = dict(re.findall(r"--([\w-]+): (#\w{6});", theme))
        for ground in grounds:
            lower, higher = sorted((luminance(colours[text]), luminance(colours[ground])))
            assert (higher + 0.05) / (lower + 0.05) >= least, (text, ground, colours[text])


def test_pages_are_no_longer_than_the_api_allows():
    sizes = re.findall(r"(?:limit: |(?:NEWEST|LATELY) = )(\d+)", "".join(SCRIPTS.values()))
    assert sizes
    assert max(map(int, sizes)) <= MAX_PAGE


def test_a_key_can_ask_what_it_is(untaught: TestClient, untaught_keys: dict[str, str]):
    for role, key in untaught_keys.items():
        reply = untaught.get("/v1/key", headers={"Authorization": f"Bearer {key}"})
        assert reply.status_code == 200
        assert (reply.json()["name"], reply.json()["role"]) == (f"the {role}", role)
        assert key not in reply.text
