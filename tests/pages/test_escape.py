"""Text from files on the pages: Markdown, directives, addresses and markup stay words."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from imaging.store import Repository
from imaging.text import clean
from pages.ui.escape import plain
from pages.ui.labels import patient_name
from tests.pages.conftest import PATIENCE, OpenPage, keep_film, words
from tests.served import TakeIn

NASTY = st.text(
    st.sampled_from(list("\\`*_[]()<>$~#|&:@!-+=. 1aw/\u2060")) | st.characters(codec="utf-8"),
    max_size=40,
).map(clean)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "**bold** _it_ `code`",
    ":red[x] :red-background[x]",
    ":material/delete: :smile:",
    "$\\frac{1}{2}$",
    "[a](http://evil.example)",
    "www.evil.example",
    "x@evil.example",
    "# heading",
    "- list",
    "1. list",
]
DIRECTIVE = re.compile(r":[\w+/-]+(:|\[)|https?:/|www\.|@\w")  # what Streamlit acts on in text


@given(NASTY)
def test_markdown_shows_the_text_as_it_stands(found: str) -> None:
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(plain(found))
    kinds = {token.type for token in parsed}
    inner = [child for token in parsed for child in token.children or ()]
    assert kinds <= {"paragraph_open", "inline", "paragraph_close"}
    assert {child.type for child in inner} <= {"text", "text_special"}
    shown = "".join(child.content for child in inner)
    assert shown.replace("\u2060", "") == found.replace("\u2060", "")


@pytest.mark.parametrize("found", HOSTILE)
def test_streamlits_own_signs_find_nothing(found: str) -> None:
    shown = plain(found).replace("\\", "")  # they are looked for when the backslashes are gone
    assert not DIRECTIVE.search(shown)


def test_sentences_of_ours_are_left_alone() -> None:
    ours = "The view is LL; the AI reads AP or PA only. (A figure: 5 %, 1.5 - 2!)"
    assert plain(ours) == ours


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    ("quoted", "reason"),
    [(("BodyPartExamined", "ViewPosition"), "The view is "), (("Modality",), "This is a ")],
)
def test_a_hostile_header_reaches_no_markdown(
    open_page: OpenPage,
    store: Repository,
    take_in: TakeIn,
    hostile: str,
    quoted: tuple[str, ...],
    reason: str,
) -> None:
    attributes = dict.fromkeys(quoted, hostile[:16])
    study = keep_film(store, take_in, StudyDescription=hostile, PatientName=hostile, **attributes)
    page = open_page("pages/review.py", study=study)
    end = time.monotonic() + PATIENCE
    while reason not in words(page):  # the refusal quotes what the header says
        assert time.monotonic() < end, "the reason was never found"
        page.run()
    assert not page.exception
    spoken = [one.value for kind in ("markdown", "caption", "error") for one in getattr(page, kind)]
    for said in spoken:
        assert not acting(said), said
    assert f"<{hostile[1:10]}" not in words(page).replace("\\<", "")


def acting(said: str) -> set[str]:
    """What Markdown makes of a text, beyond lists and bold words of our own."""
    inner = [
        child for token in MarkdownIt("commonmark").parse(said) for child in token.children or ()
    ]
    return {child.type for child in inner} - {"text", "text_special", "strong_open", "strong_close"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田, 太郎)"),
        ("=洪^吉洞", "洪, 吉洞"),
        ("Doe^Jane", "Doe, Jane"),
        ("", ""),
    ],
)
def test_a_name_is_shown_in_its_own_letters(name: str, shown: str) -> None:
    assert patient_name(name) == shown
