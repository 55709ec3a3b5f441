"""The uploader's script in a browser, without Lightbox: what it says to the server, and when."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, Request, Route, expect

from pages.ui.intake import uploader
from tests.browser.lightbox import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ADDRESS = "http://127.0.0.1:9"  # nobody is there: every request is answered here
SCRIPT = Path(uploader.__file__).with_suffix(".js")
WORDS = {
    **dict.fromkeys(("label", "limit", "files", "folder", "stop", "dismiss", "retry"), ""),
    "retry": "Retry",
    "chooseAgain": "Choose them again",
    "arrived": "{arrived} of {all} files arrived.",
    "arrivedOne": "{arrived} of {all} file arrived.",
    "missing": "{count} files did not arrive:",
    "missingOne": "{count} file did not arrive:",
    "more": "and {count} more",
    "losses": {"cut": "The connection was cut.", "silent": "The page was closed."},
}
START = """
async ({ html, data }) => {
  document.body.innerHTML = html;
  const { default: uploader } = await import("/uploader.js");
  uploader({ data, parentElement: document.body, setTriggerValue: () => {} });
}
"""


class Desk:
    """The server as the script sees it; `answer` says what becomes of a request."""

    def __init__(self, page: Page, *drops: dict[str, Any]) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.answer: Callable[[str, Route], bool] = lambda _step, _route: False
        page.route(f"{ADDRESS}/**", self._serve)
        page.goto(ADDRESS)
        html = uploader._HTML.format(first="files", second="folder")
        data = {"ticket": "t", "address": "/intake", "part": 100, "hidden": False}
        page.evaluate(START, {"html": html, "data": {**data, "drops": drops, "words": WORDS}})

    def said(self, step: str) -> list[Any]:
        """What was said at one step."""
        return [what for asked, what in self.asked if asked == step]

    def _serve(self, route: Route) -> None:
        step = route.request.url.rpartition("/")[2]
        if route.request.method == "GET":
            script = SCRIPT.read_text(encoding="utf-8")
            kind = "text/javascript" if step == "uploader.js" else "text/html"
            route.fulfill(body=script if step == "uploader.js" else "<body>", content_type=kind)
            return
        self.asked.append((step, what := _read(step, route.request)))
        if self.answer(step, route):
            return
        said: dict[str, Any] = {}
        if step == "open":
            said = {"job": f"new {len(self.said('open'))}", "lost": {}}
        elif step == "send":
            said = {"here": {number: -1 for number, *_ in what["pieces"]}}
        route.fulfill(body=json.dumps(said), content_type="application/json")


def _read(step: str, request: Request) -> Any:
    body = request.post_data_buffer or b""
    if step != "send":
        return json.loads(body)
    end = 4 + int.from_bytes(body[:4], "little")
    return json.loads(body[4:end])


def wait_for(page: Page, done: Callable[[], bool]) -> None:
    """Until it is so, and a moment longer for what must not come."""
    end = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < end:
        page.wait_for_timeout(50)
    page.wait_for_timeout(300)


def pick(page: Page, *names: str, content: bytes = b"x") -> None:
    """Choose files, as by the button."""
    files: list[FilePayload] = [{"name": name, "mimeType": "", "buffer": content} for name in names]
    page.locator('[data-part="files-input"]').set_input_files(files)


def test_a_drop_that_waits_is_announced_at_once(page: Page) -> None:
    desk, held = Desk(page), list[Route]()

    def hold(step: str, route: Route) -> bool:
        if step == "send":
            held.append(route)
        return step == "send"

    desk.answer = hold
    pick(page, "a.dcm")
    expect(page.get_by_text("0 of 1 file arrived.")).to_be_visible()
    pick(page, "b.dcm", "c.dcm")
    expect(page.get_by_text("0 of 3 files arrived.")).to_be_visible()
    wait_for(page, lambda: len(desk.said("open")) == 2)
    announced = [[name for name, _ in said["files"]] for said in desk.said("open")]
    assert announced == [["a.dcm"], ["b.dcm", "c.dcm"]] and len(held) == 1
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    wait_for(page, lambda: len(desk.said("close")) == 2)
    ends = [(said["job"], said["rest"]) for said in desk.said("close")]
    assert ends == [("new 1", "silent"), ("new 2", "silent")]


def test_an_announcement_whose_answer_was_lost_is_repeated_as_the_same(page: Page) -> None:
    desk = Desk(page)

    def lose_first(step: str, route: Route) -> bool:
        if step == "open" and len(desk.said("open")) == 1:
            route.abort("connectionreset")
            return True
        return False

    desk.answer = lose_first
    pick(page, "a.dcm")
    expect(page.get_by_text("1 of 1 file arrived.")).to_be_visible()
    pick(page, "a.dcm")
    wait_for(page, lambda: len(desk.said("open")) == 3)
    keys = [said["key"] for said in desk.said("open")]
    assert len(keys) == 3 and keys[0] == keys[1] != keys[2]


def drop(*names: str, count: int | None = None) -> dict[str, Any]:
    """A drop of which the server says that files are missing."""
    files = [
        {"number": at, "name": name, "size": 1, "loss": "cut"} for at, name in enumerate(names)
    ]
    return {"job": "old", "arrived": 4, "count": count or len(files), "files": files}


def choose_again(page: Page, *names: str) -> None:
    """Press the button, and choose files."""
    with page.expect_file_chooser():
        page.get_by_role("button", name="Choose them again").click()
    pick(page, *names)


def sent(desk: Desk) -> list[tuple[str, list[int]]]:
    """To which drops files were sent, and their numbers."""
    return [(said["job"], [number for number, *_ in said["pieces"]]) for said in desk.said("send")]


def test_a_file_that_may_be_another_one_is_not_taken_for_the_missing(page: Page) -> None:
    desk = Desk(page, drop("disc/S1/IM1", "disc/S2/IM1", "disc/S2/IM2"))
    choose_again(page, "IM1", "IM2")
    wait_for(page, lambda: len(sent(desk)) == 2)
    assert sorted(sent(desk)) == [("new 1", [0]), ("old", [2])]
    expect(page.get_by_text("2 files did not arrive:")).to_be_visible()


def test_who_chose_nothing_again_hands_in_something_new(page: Page) -> None:
    desk = Desk(page, drop("IM1"))
    with page.expect_file_chooser():
        page.get_by_role("button", name="Choose them again").click()
    page.locator('[data-part="files-input"]').dispatch_event("cancel")
    pick(page, "IM1")
    wait_for(page, lambda: bool(sent(desk)))
    assert sent(desk) == [("new 1", [0])], "another patient's, perhaps"


def test_files_whose_names_are_too_many_are_counted(page: Page) -> None:
    Desk(page, drop("IM1", count=7000), {**drop(count=2), "job": "older"})
    expect(page.get_by_text("7002 files did not arrive:")).to_be_visible()
    expect(page.get_by_text("and 7001 more")).to_be_visible()


def test_a_tab_that_is_closed_while_files_are_looked_at_asks_first(page: Page) -> None:
    Desk(page)
    closing = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert page.evaluate(closing), "nothing is lost yet"
    page.evaluate("window.setTimeout = () => 0")  # the pause after the first hundred does not end
    pick(page, *(f"{number}.dcm" for number in range(150)))
    wait_for(page, lambda: not page.evaluate(closing))
    assert not page.evaluate(closing)
