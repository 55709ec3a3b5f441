"""The line above the film: begun with the map, said in words, dropped when the map has left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from models.explain.checks.verdict import VERDICTS
from pages.ui.explain import receipt_tasks
from pages.ui.explain.overlay import SPREAD
from pages.ui.explain.verdict_line import verdict_label
from tests.pages.conftest import PATIENCE, words


def part(uid: str, methods: list[str]) -> None:
    """A page with one line per map, and what is going on beside it."""
    import streamlit as st

    from pages.ui import background, resources, session
    from pages.ui.explain import receipt_tasks, verdict_line
    from pages.ui.explain.overlay import PLACES, Choice
    from pages.ui.review import film_wall

    session.set_account(resources.repository().accounts.alone("Dr Test"))
    image = film_wall.load(resources.repository().studies.get(uid).instances[0])
    asked = [(place, Choice("", m, "pneumonia")) for place, m in zip(PLACES, methods, strict=False)]
    if asked:
        verdict_line.render_lines(image, dict(enumerate(asked)))
    else:
        receipt_tasks.drop()
    if st.button("Stop"):
        background.stop(receipt_tasks.slot())
        st.rerun()
    st.text(" ".join(sorted(st.session_state.get("background-tasks", {}))))


def begun(uid: str, *methods: str) -> AppTest:
    """The page as it is first drawn."""
    page = AppTest.from_function(part, default_timeout=PATIENCE, args=(uid, list(methods))).run()
    assert not page.exception
    return page


def finished(page: AppTest) -> AppTest:
    """The page when nothing is being checked any more."""
    end = time.monotonic() + PATIENCE
    while "being checked" in words(page):
        assert time.monotonic() < end, "the work stands still"
        time.sleep(0.1)
        page.run()
    assert not page.exception
    return page


def test_the_verdict_comes_without_being_asked_for(study: str) -> None:
    said = words(finished(begun(study, "fused"))).lower()
    assert any(f"map: {verdict_label(name).lower()}" in said for name in VERDICTS)


def test_two_maps_have_two_lines_with_their_names(study: str) -> None:
    said = words(finished(begun(study, "fused", "grad_cam"))).lower()
    known = [verdict_label(name).lower() for name in VERDICTS]
    for method in ("combined map", "grad-cam"):
        assert any(f"{method}: {label}" in said for label in known)


def test_a_slow_map_is_checked_when_it_is_there(study: str) -> None:
    assert "Map: waiting" in words(begun(study, "occlusion"))


def test_where_networks_differ_is_not_tested(study: str) -> None:
    assert "Map:" not in words(begun(study, SPREAD))


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Make a receipt an endless work; set when it was stopped after all."""
    stopped = threading.Event()

    def endless(*_args: Any, on_progress: Callable[[float], None], **_options: Any) -> None:
        try:
            while True:
                on_progress(0.3)
                time.sleep(0.01)
        finally:
            stopped.set()

    monkeypatch.setattr(receipt_tasks, "make_receipt", endless)
    return stopped


def test_what_the_reader_stopped_is_not_checked(study: str, ended: threading.Event) -> None:
    page = begun(study, "fused")
    assert "Map: being checked" in words(page) and not ended.is_set()
    page.button[0].click().run()
    assert "Map: not checked" in words(page) and ended.wait(PATIENCE)


def test_the_work_is_dropped_with_its_map(study: str, ended: threading.Event) -> None:
    page = begun(study, "fused", "grad_cam")
    assert page.text[0].value == "proof-first proof-second"
    page.args = (study, [])
    page.run()
    assert page.text[0].value == "" and ended.wait(PATIENCE)
