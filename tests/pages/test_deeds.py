"""A press is done whole: no later message cuts the callback in its middle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from imaging.settings import ROOT

SOURCES = sorted((ROOT / "pages").rglob("*.py"))
_DEEDS = {"deed", "deed_of_anybody"}
# Of Streamlit's own doing ("rerun"), or there only to let a component report.
_IDLE = re.compile(r"'\w*'|lambda: None|_nothing")


def _interrupted(*, whole: bool) -> None:
    """A page whose callback is overtaken by a message of the browser (runs as a script)."""
    import streamlit as st
    from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx

    from imaging.review.rights import Right
    from pages.ui.deeds import deed

    def press() -> None:
        context = get_script_run_ctx()
        assert context is not None and context.script_requests is not None
        context.script_requests.request_rerun(
            RerunData(query_string=context.query_string, page_script_hash=context.page_script_hash)
        )
        st.session_state["begun"] = True
        st.session_state["kept"] = True

    st.button("Press", on_click=deed(Right.OWN)(press) if whole else press)
    st.text("kept" if st.session_state.get("kept") else "lost")


@pytest.mark.parametrize(("whole", "outcome"), [(True, "kept"), (False, "lost")])
def test_a_deed_survives_the_message_that_overtakes_it(
    home: Path, whole: bool, outcome: str
) -> None:
    """The second case shows that Streamlit still does cut what is no deed."""
    page = AppTest.from_function(_interrupted, kwargs={"whole": whole}).run()
    page.button[0].click().run()
    assert page.text[0].value == outcome


def test_the_request_that_had_to_wait_is_answered(home: Path) -> None:
    """The script is drawn for the press and for the message, not for the press alone."""

    def count() -> None:
        import streamlit as st
        from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx

        from imaging.review.rights import Right
        from pages.ui.deeds import deed

        @deed(Right.OWN)
        def press() -> None:
            context = get_script_run_ctx()
            assert context is not None and context.script_requests is not None
            context.script_requests.request_rerun(RerunData(query_string="late=1"))
            st.session_state["pressed"] = True

        st.button("Press", on_click=press)
        st.text(st.query_params.get("late", ""))

    page = AppTest.from_function(count).run()
    page.button[0].click().run()
    assert page.text[0].value == "1"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_callback_is_a_deed(source: Path) -> None:
    assert [name for name in _callbacks(source) if name not in _deeds()] == []


def test_callbacks_are_found() -> None:
    found = {name for source in SOURCES for name in _callbacks(source)}
    wanted = {
        "statements._decide",
        "second_look.sign",
        "brush._take_stroke",
        "render._note_missing",
    }
    assert wanted <= found and "filters.sort_by_header" in found


def _callbacks(source: Path) -> Iterator[str]:
    """What a module hands to widgets to be called, as module.function."""
    for node in ast.walk(_tree(source)):
        if not isinstance(node, ast.keyword) or not re.match(r"on_\w+", node.arg or ""):
            continue
        if not re.search(r"click|change|submit|select", node.arg or ""):
            continue
        value = node.value
        if ast.unparse(value) == node.arg:  # handed on; it is looked at where it came from
            continue
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "partial":
            value = value.args[0]
        if not _IDLE.fullmatch(ast.unparse(value)):
            module, _, name = ast.unparse(value).rpartition(".")
            yield f"{module or source.stem}.{name}"


@cache
def _deeds() -> frozenset[str]:
    """All functions that are marked, as module.function."""
    return frozenset(
        f"{source.stem}.{node.name}"
        for source in SOURCES
        for node in ast.walk(_tree(source))
        if isinstance(node, ast.FunctionDef)
        and _DEEDS.intersection(ast.unparse(d).partition("(")[0] for d in node.decorator_list)
    )


@cache
def _tree(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"))
