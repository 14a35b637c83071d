"""What people do with the console, from signing in to revoking a key, as they see it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.running import Running
from tests.console.conftest import PHONE, QUESTION

pytestmark = pytest.mark.browser
Work = Callable[[], None]
PAGES = ("chat", "teach", "facts", "versions", "figures", "slots", "keys")


def go(page: Any, to: str) -> None:
    """Open a page as a link does."""
    page.goto(f"{page.url.partition('#')[0]}#{to}")
    page.locator("main:not([aria-busy])").wait_for()


def teach(page: Any, question: str, answer: str) -> None:
    """Teach a fact by the form."""
    go(page, "teach")
    page.get_by_label("Question", exact=True).fill(question)
    page.get_by_label("Answer", exact=True).fill(answer)
    page.get_by_role("button", name="Teach").click()


def test_a_wrong_key_says_so_and_a_good_one_lasts_as_long_as_the_tab(page: Any, key_of: dict[str, str]):
    page.get_by_label("API key").fill("sw_wrong")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "the API key is unknown or revoked."
    page.get_by_label("API key").fill(key_of["writer"])
    page.keyboard.press("Enter")
    page.get_by_text("the writer").wait_for()
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Chat", "Teach", "Facts"]
    page.reload()
    page.get_by_role("heading", name="Chat").wait_for()
    assert key_of["writer"] not in page.content() + page.url + str(page.context.cookies())
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("API key").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").wait_for()


def test_a_fact_is_taught_and_a_refresh_in_the_middle_loses_nothing(admin: Any, work: Work):
    asked: list[str] = []
    admin.on("request", lambda request: asked.append(request.url.rpartition("/v1/")[2]))
    teach(admin, QUESTION, "ok")
    job = admin.get_by_role("region", name="Job 1")
    job.get_by_text("0 of 1 fact").wait_for()
    admin.reload()
    job.get_by_text("0 of 1 fact").wait_for()
    work()
    job.get_by_text("Live since version 1").wait_for()
    job.locator(".probe").wait_for()
    told = job.locator(".probe dd").all_inner_texts()
    assert told[1:] == ["ok", "ok"]
    assert job.locator(".pill").all_inner_texts() == ["succeeded", "live"]
    assert (asked.count("jobs/1/events"), asked.count("jobs/1")) == (
        2,
        1,
    )  # it was told, and not asked for again and again
    job.get_by_role("link", name=QUESTION).click()
    admin.get_by_role("heading", name=f"{QUESTION} ok").wait_for()


def test_a_job_that_waits_is_called_off_and_is_asked_for_where_its_events_do_not_come(admin: Any):
    admin.route("**/events", lambda route: route.abort())
    teach(admin, QUESTION, "ok")
    admin.get_by_role("button", name="Cancel the job").click()
    admin.get_by_text("cancelled by 'the admin'").first.wait_for()
    assert admin.get_by_role("region", name="Job 1").locator(".pill").first.inner_text() == "cancelled"


def test_what_cannot_be_taught_is_said_in_the_words_of_the_api(admin: Any):
    go(admin, "teach")
    admin.get_by_role("radio", name="Statement").check()
    admin.get_by_role("textbox", name="Statement").fill("…")
    admin.get_by_role("button", name="Teach").click()
    assert "statement" in admin.get_by_role("alert").inner_text()


def test_the_same_question_is_answered_at_two_versions_side_by_side(admin: Any, taught: int):
    go(admin, "facts")
    go(admin, "chat")
    admin.get_by_label("Beside it").select_option("version 0")
    admin.get_by_role("textbox", name="Question").fill(QUESTION)
    admin.keyboard.press("Enter")
    live, base = (admin.get_by_role("article", name=f"Answer, {title}") for title in ("Live", "Beside it"))
    base.get_by_text("The base alone").wait_for()
    live.get_by_role("img", name="opened").wait_for()
    assert (live.locator(".version").inner_text(), live.locator(".text").inner_text()) == ("version 1", "ok")
    assert base.locator(".version").inner_text() == "version 0"
    assert base.locator(".text").inner_text() != "ok"
    live.get_by_role("link", name=f"Fact {taught}").click()
    admin.get_by_role("heading", name=f"{QUESTION} ok").wait_for()
    go(admin, "chat")
    assert admin.get_by_role("article").count() == 2


def test_an_answer_is_stopped_and_the_next_question_asked(admin: Any):
    admin.route("**/v1/chat/completions", lambda route: None, times=1)  # it never comes
    box = admin.get_by_role("textbox", name="Question")
    box.fill("Who never answers?")
    admin.keyboard.press("Enter")
    admin.get_by_role("button", name="Stop").click()
    admin.get_by_text("Stopped.").wait_for()
    box.fill(QUESTION)
    admin.get_by_role("button", name="Ask").click()
    admin.get_by_role("article").nth(1).get_by_text("The base alone").wait_for()


def test_a_rollback_needs_a_reason_which_is_written_down(admin: Any, taught: int, api: httpx.Client):
    go(admin, "versions/0")
    admin.get_by_role("button", name="Make it live").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_role("button", name="Make it live").click()
    assert dialog.is_visible()
    assert api.get("/v1/models/slotwise").json()["version"] == 1
    dialog.get_by_label("Reason").fill("the atlas was wrong")
    dialog.get_by_role("button", name="Make it live").click()
    admin.get_by_role("status").get_by_text("Version 0 is live.").wait_for()
    admin.get_by_text("the admin: the atlas was wrong").wait_for()
    assert api.get("/v1/models/slotwise").json()["version"] == 0
    go(admin, f"versions/1/with/0?ask={QUESTION}")
    assert admin.get_by_role("heading", name="Not told any more").is_visible()
    assert admin.get_by_role("article").first.locator(".text").inner_text() == "ok"
    go(admin, "figures")
    assert admin.get_by_role("img", name="Facts learned").is_visible()


def test_the_map_tells_what_is_read_and_written_by_pointer_and_by_keyboard(admin: Any, taught: int, api: httpx.Client):
    told = api.get("/v1/admin/slots/map").json()
    written = [address for address, many in enumerate(told["written"]) if many]
    first = written[0]
    go(admin, "slots")
    assert admin.get_by_text(f"in {sum(told['written'])} slots").is_visible()
    canvas, line = admin.get_by_role("application"), admin.locator(".under")
    admin.get_by_label("Show").select_option("Slots that hold a row")
    painted = canvas.evaluate(
        """canvas => {
            const side = canvas.width / 6;
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const at = (address) => [(address % side) * 6 + 3, Math.floor(address / side) * 6 + 3];
            const alpha = ([x, y]) => pixels[4 * (y * canvas.width + x) + 3];
            return [...Array(side * side).keys()].filter((address) => alpha(at(address)) > 0);
        }"""
    )
    assert painted == written
    side = round(told["addresses"] ** 0.5)
    box = canvas.bounding_box()
    cell = box["width"] / side
    canvas.hover(position={"x": (first % side + 0.5) * cell, "y": (first // side + 0.5) * cell})
    assert line.inner_text().startswith(f"Address {first}: 0 reads, {told['written'][first]} of {told['ways']} slots")
    canvas.focus()
    admin.keyboard.press("ArrowRight")
    assert line.inner_text().startswith(f"Address {first + 1}: ")
    admin.keyboard.press("ArrowLeft")
    admin.keyboard.press("Enter")
    admin.get_by_role("heading", name=f"Slots of address {first}").wait_for()
    admin.locator("main li").get_by_role("link", name="Slot ").first.click()
    admin.get_by_role("heading", name="Versions that wrote it").wait_for()
    admin.locator("main li").get_by_role("link", name=QUESTION).click()
    admin.get_by_role("heading", name=f"{QUESTION} ok").wait_for()
    assert admin.url.endswith(f"#facts/{taught}")


def test_a_fact_is_forgotten_after_a_question(admin: Any, taught: int, work: Work, api: httpx.Client):
    go(admin, "facts?status=live&source=atlas")
    admin.get_by_role("link", name=QUESTION).click()
    admin.get_by_role("button", name="Forget").click()
    admin.keyboard.press("Escape")
    assert api.get("/v1/jobs").json()["items"][0]["kind"] == "learn"
    admin.get_by_role("button", name="Forget").click()
    admin.get_by_role("dialog").get_by_role("button", name="Forget").click()
    admin.get_by_role("region", name="Job 2").get_by_text("0 of 1 fact").wait_for()
    work()
    admin.locator("h1 + .lead .pill", has_text="forgotten").wait_for()
    go(admin, "facts?status=live&source=atlas")
    admin.get_by_text("No fact is like this.").wait_for()


def test_a_key_is_shown_once_and_revoked_and_the_log_has_both(admin: Any, service: Running):
    go(admin, "keys")
    admin.get_by_label("Name", exact=True).fill("the assistant")
    admin.get_by_label("Requests a minute").fill("60")
    admin.get_by_role("button", name="Create").click()
    key = admin.locator(".once code").inner_text()
    header = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{service.url}/v1/key", headers=header).json()["requests_per_minute"] == 60
    admin.get_by_role("button", name="Revoke the assistant").click()
    admin.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    admin.get_by_role("status").get_by_text("is revoked").wait_for()
    assert httpx.get(f"{service.url}/v1/key", headers=header).status_code == 401
    go(admin, "keys?action=keys.revoke")
    assert key not in admin.content()
    assert admin.get_by_text("key 5, reader: the assistant").is_visible()


def test_what_a_role_may_not_do_is_hidden_and_refused(page: Any, sign_in: Callable[[str], None], taught: int):
    sign_in("reader")
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Chat", "Facts"]
    go(page, f"facts/{taught}")
    assert page.get_by_role("button", name="Forget").count() == 0
    go(page, "versions")
    assert "this needs the role operator" in page.get_by_role("alert").inner_text()


def test_what_was_taught_never_becomes_a_part_of_the_page(admin: Any, api: httpx.Client):
    api.post("/v1/facts", json={"question": "<img src=x onerror=alert(1)> What?", "answer": "<b>no</b>"})
    go(admin, "facts")
    assert admin.get_by_role("link", name="<img src=x").is_visible()
    assert admin.locator("main img, main b").count() == 0


def test_no_page_is_wider_than_a_phone(admin: Any, taught: int):
    admin.set_viewport_size(PHONE)
    for to in (*PAGES, "teach/1", f"facts/{taught}", "versions/1", "slots/0", f"versions/0/with/1?ask={QUESTION}"):
        go(admin, to)
        assert admin.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], to


def test_the_keyboard_reaches_every_page_and_shows_where_it_is(admin: Any):
    navigation = admin.get_by_role("navigation")
    tab_to(admin, admin.get_by_role("link", name="Skip to the page"))
    for name in PAGES:
        link = navigation.get_by_role("link", name=name.capitalize())
        tab_to(admin, link)
        assert link.evaluate("element => getComputedStyle(element).outlineWidth") == "3px"
    admin.keyboard.press("Enter")
    admin.get_by_role("heading", name="Keys").wait_for()
    assert admin.evaluate("document.activeElement.id") == "main"
    admin.keyboard.press("Tab")
    assert admin.evaluate("document.activeElement.labels[0].textContent") == "Name"


def tab_to(page: Any, locator: Any) -> None:
    """Press the tabulator until an element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if locator.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"the tabulator does not reach {locator}")
