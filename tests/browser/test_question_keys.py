"""Which question a key answers: one that stands on the screen whole, asked by the last key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page

from pages.ui.viewer.scene import Scene
from pages.ui.viewer.wire import to_wire
from tests.browser.test_late_cleanup import ADDRESS, CASES, MOUNT, answer

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VIEWER = "viewer/frontend/src/index.ts"
ASK = """
(question) => {
  document.querySelector(".lb-question")?.remove();
  if (!question) return;
  const element = document.createElement("div");
  element.className = "lb-question";
  Object.assign(element.dataset, question);
  document.body.append(element);
}
"""


def mount(page: Page, *, acts: int) -> None:
    """A viewer alone, whose page has done so many acts."""
    page.route(f"{ADDRESS}/**", answer(CASES[VIEWER]))
    page.goto(ADDRESS)
    data = to_wire(replace(Scene(()), name="viewer-1", acts=acts), packets={}, tickets={})
    page.evaluate(MOUNT, {"html": "", "data": data, "bytes": None})


def asked(page: Page) -> list[str]:
    return [value["name"] for told, value in page.evaluate("heard") if told == "act"]


def question(**other: Any) -> dict[str, Any]:
    return {"viewer": "viewer-1", "act": "signFinal", "acts": "2", **other}


@pytest.mark.parametrize("key, act", [("Enter", "confirm"), ("Control+Enter", "confirm")])
def test_the_question_on_the_screen_is_answered(page: Page, key: str, act: str) -> None:
    mount(page, acts=2)
    page.evaluate(ASK, question())
    page.keyboard.press(key)
    assert asked(page) == [act]


def test_escape_takes_the_question_back(page: Page) -> None:
    mount(page, acts=2)
    page.keyboard.press("Escape")
    assert asked(page) == []
    page.evaluate(ASK, question())
    page.keyboard.press("Escape")
    assert asked(page) == ["back"]


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(None, id="still to come"),
        pytest.param(question(acts="1"), id="left by an earlier act"),
        pytest.param(question(viewer="viewer-2"), id="of another study"),
    ],
)
def test_another_question_is_not_answered(page: Page, there: dict[str, Any] | None) -> None:
    mount(page, acts=2)
    page.evaluate(ASK, there)
    page.keyboard.press("Enter")
    assert asked(page) == ["accept"]


def test_a_question_is_answered_before_the_viewer_has_heard_of_it(page: Page) -> None:
    """The page may show what an act brought before the viewer is told that it was done."""
    mount(page, acts=1)
    page.keyboard.press("Control+Enter")
    page.evaluate(ASK, question())
    page.keyboard.press("Enter")
    assert asked(page) == ["signFinal"], "the answer waits for its turn"
    data = to_wire(replace(Scene(()), name="viewer-1", acts=2), packets={}, tickets={})
    page.evaluate(
        """async (data) => {
          const { default: viewer } = await import("/component.js");
          const tell = (name, value) => heard.push([name, value]);
          const parentElement = document.body;
          viewer({ data, parentElement, setTriggerValue: tell, setStateValue: tell });
        }""",
        data,
    )
    assert asked(page) == ["signFinal", "confirm"]


def test_keys_faster_than_the_page_answer_nothing(page: Page) -> None:
    mount(page, acts=1)
    for key in ("Control+Enter", "Enter"):
        page.keyboard.press(key)
    page.evaluate(ASK, question())
    assert asked(page) == ["signFinal"], "what was pressed before the question is no answer to it"
