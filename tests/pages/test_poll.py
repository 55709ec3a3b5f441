"""What a page asks for by itself gives way to what the reader asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from imaging.settings import ROOT

SOURCES = sorted((ROOT / "pages").rglob("*.py"))


def _overtaken(*, gives_way: bool) -> None:
    """A page that draws itself anew just when the reader asked for another (runs as a script)."""
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx
    from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

    from pages.ui import poll

    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    if st.session_state["runs"] > 1:
        st.text(st.query_params.get("asked", "the page that was left"))
        st.stop()
    context = get_script_run_ctx()
    assert context is not None and context.script_requests is not None
    context.script_requests.request_rerun(RerunData(query_string="asked=the other page"))
    poll.redraw() if gives_way else st.rerun()


@pytest.mark.parametrize(
    ("gives_way", "drawn"), [(True, "the other page"), (False, "the page that was left")]
)
def test_a_page_that_draws_itself_anew_takes_no_press(
    home: Path, gives_way: bool, drawn: str
) -> None:
    """The second case shows that Streamlit's own way still does."""
    page = AppTest.from_function(_overtaken, kwargs={"gives_way": gives_way}).run()
    assert [text.value for text in page.text] == [drawn]


def test_no_page_asks_for_itself_in_another_way() -> None:
    own = {"poll.py": 1, "frame.py": 1}  # the router's has no press before it
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        found = len(re.findall(r"\bst\.rerun\(\)", text))
        assert found == own.get(source.name, 0), source
        assert not re.search(r"run_every=", text), source
