"""Streamlit's own words are listed as the installed version writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit
from babel.messages.catalog import Catalog

from imaging.language import speaking
from pages.ui.language import streamlit_words
from tests.catalogues import catalogues, write_catalogue

BUNDLE = Path(streamlit.__file__).parent / "static" / "static" / "js"
# Put together of parts in the bundle.
HINT = re.compile(r"Press (?:Enter|(?:Ctrl|⌘)\+Enter) to (?:apply|submit form)")


@pytest.fixture
def all_differ(tmp_path: Path) -> Iterator[None]:
    other = Catalog(locale="zh_CN")
    source = Path(streamlit_words.__file__).read_text(encoding="utf-8")
    for english in re.findall(r'_\(\s*"([^"]+)"', source):
        other.add(english, f"[{english}]")
    write_catalogue(tmp_path, other)
    with catalogues(tmp_path), speaking("zh"):
        yield


@pytest.mark.usefixtures("all_differ")
def test_every_word_is_one_of_the_installed_streamlit() -> None:
    bundle = "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(BUNDLE.glob("*.js"))
        if path.stat().st_size < 3_000_000 and not path.name.startswith("StreamlitSyntax")
    )
    listed = streamlit_words.words()
    pieces = {piece for theirs, _ in streamlit_words.patterns() for piece in theirs.split("{0}")}
    wanted = {word for word in listed if not HINT.fullmatch(word)} | pieces
    missing = {word for word in wanted if word not in bundle}
    assert not missing
    assert len(listed) > 90


def test_in_english_only_what_would_mislead_is_replaced() -> None:
    said = streamlit_words.words()
    assert "Streamlit server is not responding. Are you connected to the internet?" in said
    assert not [ours for ours in said.values() if "Streamlit" in ours or "internet" in ours]
    assert "Close" not in said and "Stop" not in said
