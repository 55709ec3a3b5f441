"""What Streamlit does to a component that is drawn twice in a moment.

It calls the script again before it has cleaned up the call before, so the clean-up of the first
call comes after the second one (BidiComponent: a cancelled effect cleans up once its script has
answered). A component that lets go then what the second call holds is dead on the screen: the
list opens no study, the film goes, what is awaited never comes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from imaging.settings import ROOT
from pages.ui import poll
from pages.ui.intake import uploader
from pages.ui.viewer.scene import Scene
from pages.ui.viewer.wire import to_wire
from tests.browser.test_uploader_alone import WORDS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
UI = ROOT / "pages" / "ui"
ADDRESS = "http://127.0.0.1:9"  # nobody is there: every request is answered here
MOUNT = """
async ({ html, data, bytes }) => {
  document.body.innerHTML = html;
  window.heard = [];
  const { default: component } = await import("/component.js");
  const tell = (name, value) => heard.push([name, value]);
  const sent = bytes ? new Uint8Array(bytes) : data;
  window.call = () => component({
    data: bytes ? sent.slice() : structuredClone(data),
    parentElement: document.body, setTriggerValue: tell, setStateValue: tell,
  });
  window.first = call();
}
"""
SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
CORNERS = {"picture": "picture", "corners": ["a", "b", "c", "d"]}


def packet() -> bytes:
    """Pixels as a carrier gets them."""
    head = json.dumps({"hash": "p1"}).encode()
    start = len(head).to_bytes(4, "little") + head
    return start + bytes(-len(start) % 8) + bytes(8)


def heard(page: Page, name: str) -> bool:
    """Whether the component has told that, or does so within a moment."""
    page.wait_for_timeout(900)
    return name in [told for told, _value in page.evaluate("heard")]


def opens_a_row(page: Page) -> bool:
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    return heard(page, "opened")


def has_its_picker(page: Page) -> bool:
    file: Any = {"name": "a.dcm", "mimeType": "", "buffer": b"x"}
    page.locator('[data-part="files-input"]').set_input_files(file)
    page.wait_for_timeout(500)
    return page.get_by_text("1 of 1 file arrived.").is_visible()


def turn(selector: str) -> Callable[[Page], None]:
    """Move what stands there by a key: that is told once the keys rest."""

    def press(page: Page) -> None:
        page.locator(selector).first.focus()
        page.keyboard.press("ArrowRight")

    return press


@dataclass(frozen=True)
class Case:
    """A script, what it draws, what the reader does between the calls, and what shows it lives."""

    script: str
    lives: Callable[[Page], bool]
    data: Any = None
    html: str = ""
    between: Callable[[Page], None] = lambda _page: None
    bytes: list[int] | None = None


def file(name: str) -> str:
    return (UI / name).read_text(encoding="utf-8")


CASES = {
    "grid/grid.js": Case(
        file("grid/grid.js"),
        opens_a_row,
        {
            "columns": [{"name": "Patient", "kind": "text", "width": 90}],
            "rows": [{"uid": "1.2", "values": {"Patient": "SYNTHETIC"}}],
            **{"first": 1, "total": 1, "order": None, "legend": [], "note": ""},
            **{"several": False, "fills": False, "key": "list", "words": {"label": "Studies"}},
        },
        "<div class='frame'></div>",
    ),
    "corners/corners.js": Case(
        file("corners/corners.js"),
        lambda page: heard(page, "corners"),
        {"picture": "", "corners": SQUARE, "generation": 1, "words": CORNERS},
        "<div class='photograph'></div>",
        turn(".corner"),
    ),
    "regions/boxes.js": Case(
        file("regions/boxes.js"),
        lambda page: heard(page, "boxes"),
        {
            **{"picture": "", "boxes": [[0.2, 0.2, 0.8, 0.8]], "placed": [False]},
            **{"generation": 1, "words": CORNERS, "labels": [{"short": "R", "name": "Right"}]},
        },
        "<div class='regions'></div>",
        turn(".box"),
    ),
    "intake/uploader.js": Case(
        file("intake/uploader.js"),
        has_its_picker,
        {"ticket": "t", "address": "/intake", "part": 100, "hidden": False, "drops": []}
        | {"words": WORDS},
        uploader._HTML.format(first="files", second="folder"),
    ),
    "poll.py": Case(poll._PULSE, lambda page: heard(page, "beat"), {"wait": 300, "count": 1}),
    "account/presence.js": Case(
        file("account/presence.js"),
        lambda page: heard(page, "ended"),
        {"address": "/presence", "idle": 60, "every": 0.3, "words": "locked", "ai": ""},
    ),
    "viewer/frontend/src/carrier.ts": Case(
        file("viewer/frontend/dist/carrier.js"),
        lambda page: bool(page.evaluate("__lightbox.packets.has('p1')")),
        bytes=list(packet()),
    ),
    "viewer/frontend/src/index.ts": Case(
        file("viewer/frontend/dist/viewer.js"),
        lambda page: page.locator(".viewer").is_visible(),
        to_wire(Scene(()), packets={}, tickets={}),
    ),
}


def answer(case: Case) -> Callable[[Route], None]:
    """The server: the script, an empty page, and for whatever is sent to it a plain answer."""

    def serve(route: Route) -> None:
        step = route.request.url.rpartition("/")[2]
        if step == "component.js":
            route.fulfill(body=case.script, content_type="text/javascript")
        elif route.request.method == "GET":
            route.fulfill(body="<body>", content_type="text/html")
        elif step == "presence":
            route.fulfill(json={"state": "ended"})
        elif step == "send":
            body = route.request.post_data_buffer or b""
            said = json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])
            route.fulfill(json={"here": {number: -1 for number, *_ in said["pieces"]}})
        else:
            route.fulfill(json={"job": "new", "lost": {}})

    return serve


@pytest.mark.parametrize("name", CASES)
def test_a_component_drawn_twice_in_a_moment_lives(page: Page, name: str) -> None:
    case = CASES[name]
    page.route(f"{ADDRESS}/**", answer(case))
    page.goto(ADDRESS)
    page.evaluate(MOUNT, {"html": case.html, "data": case.data, "bytes": case.bytes})
    case.between(page)
    page.evaluate("() => { window.last = call(); first(); }")
    assert case.lives(page)


@pytest.mark.parametrize("name", CASES)
def test_a_component_that_leaves_the_page_lets_go(page: Page, name: str) -> None:
    case = CASES[name]
    page.route(f"{ADDRESS}/**", answer(case))
    page.goto(ADDRESS)
    page.evaluate(MOUNT, {"html": case.html, "data": case.data, "bytes": case.bytes})
    case.between(page)
    page.evaluate("() => { window.last = call(); last(); first(); }")
    if name != "intake/uploader.js":  # which goes on sending when its page is left
        assert not case.lives(page)


def test_every_component_that_cleans_up_is_here() -> None:
    """So that a new one is tried the same way."""
    scripts = [*UI.rglob("*.js"), *UI.rglob("*.py"), *UI.glob("viewer/frontend/src/*.ts")]
    begins = re.compile(r"^export default function.*?^}", re.M | re.S)
    found = set()
    for path in (p for p in scripts if not {"dist", "node_modules"} & set(p.parts)):
        body = begins.search(path.read_text(encoding="utf-8"))
        if body and re.search(r"^  return ", body[0], re.M):
            found.add(path.relative_to(UI).as_posix())
    assert found == CASES.keys()
