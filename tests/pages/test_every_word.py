"""No page shows a word that did not go through the catalogue: every page in the pseudo-locale.

There every letter of a message has an accent (`supply.pseudo`), so whatever is left without one is
a value, or was forgotten. The widgets' messages are walked as they are sent to the browser, tables
and the viewer's words among them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from imaging.store import Repository
from supply.pseudo import accent, write_pseudo
from tests.catalogues import catalogues
from tests.pages.conftest import READER, OpenPage, keep_film
from tests.served import TakeIn

PLAIN = re.compile(r"[A-Za-z]{2,}")
# Fields of Streamlit's messages that nobody reads.
UNREAD = {
    "id", "key", "element_id", "form_id", "component_name", "js_content", "css_content", "icon",
    "url", "url_pathname", "page_script_hash", "main_script_hash", "script_hash", "theme", "color",
    "fragment_id", "group_id", "anchor", "language", "html_content", "icon_position", "page_name",
    "query_string", "delta_path", "spec", "arrow_data", "user_key", "widget_id", "shortcut", "unit",
    "badge_color", "active_script_hash", "block_id", "kind", "type", "format", "query_param_key",
    "js_source_path", "css_source_path",
}  # fmt: skip
MARKUP = re.compile(
    r"<style.*?</style>|<[^<>]*>|&\w+;|data:\S+|:material/\w+:|:[a-z]+(?:-[a-z]+)*\[|`[^`]*`"
    r"|https?://\S+|\]\([^)]*\)|\{[^{}]*\}|LIGHTBOX_[A-Z_]+|\b[0-9a-f]{8,}\b|\w+\.js|CC BY"
    r"|Kermany [^⟦]*",
    re.DOTALL,
)
# Names, units and codes that are the same in every language.
SAME = """
Lightbox DICOM SHA UID AI CT CR DX DR RG OT CHEST THORAX LUNG PNG JPEG CSV XLSX PDF HTML FHIR JSON
ZIP CD mm px cm HU kVp MB GB min PA AP UTC English make run
Alt Ctrl Enter Escape Backspace Home End ArrowDown ArrowLeft ArrowRight ArrowUp
"""
# What the film, the network and this computer are called here.
VALUES = "Roe Mary P7 paediatric cxr single reader onnxruntime fp torch"
PAGES = (
    "upload", "triage", "review", "readers", "release", "audit", "administration", "model",
    "account",
)  # fmt: skip


class Words:
    """What a page says, part by part."""

    def __init__(self, page: AppTest) -> None:
        self.said: list[str] = []
        for element in [*page.main, *page.sidebar]:
            self._take(element)

    def _take(self, element: Any) -> None:
        for below in getattr(element, "children", {}).values():
            self._take(below)
        if (proto := getattr(element, "proto", None)) is not None:
            self._walk(proto)
        if element.type == "arrow_data_frame":
            frame = element.value
            self.said += [str(column) for column in frame.columns]

    def _walk(self, message: Any) -> None:
        for field, value in message.ListFields():
            if field.name in UNREAD:
                continue
            several = value if not isinstance(value, str | bytes) and _repeats(field) else [value]
            for one in several:
                if isinstance(one, str):
                    self._note(field.name, one)

                elif hasattr(one, "ListFields"):
                    self._walk(one)

    def _note(self, name: str, text: str) -> None:
        if name in ("json", "columns") and text[:1] in "{[":
            self.said += _words_of(json.loads(text))
        else:
            self.said.append(text)

    def plain(self, known: str) -> list[str]:
        """The words that no catalogue gave, without what is known, each with where it stands."""
        found = {}
        for text in self.said:
            for word in set(PLAIN.findall(MARKUP.sub(" ", text))) - set(known.split()):
                found[word] = f"{word}: {text[:160]}"
        return sorted(found.values())


def _repeats(field: Any) -> bool:
    repeated: bool = field.is_repeated if hasattr(field, "is_repeated") else field.label == 3
    return repeated


def _words_of(data: Any) -> Iterator[str]:
    """Of a component's data its words, of a table's columns their labels."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name in ("words", "labels", "label", "help", "title"):
                yield from _leaves(value)
            else:
                yield from _words_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from _words_of(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)


@pytest.fixture
def pseudo(tmp_path: Path, store: Repository) -> Iterator[None]:
    """The reader speaks the pseudo-locale."""
    write_pseudo(tmp_path / "words")
    store.accounts.set_language(store.accounts.alone(READER).name, "en_XA")
    with catalogues(tmp_path / "words"):
        yield


def test_what_was_forgotten_would_be_found(pseudo: None) -> None:
    def page() -> None:
        import streamlit as st

        from imaging.language import _, speaking

        with speaking("en_XA"):
            st.button("Sign out" if "forgotten" else "", help=_("Sign out"))
            st.markdown(f"**{_('Sign out')}** 12 mm")

    words = Words(AppTest.from_function(page).run())
    assert words.plain(SAME) == ["Sign: Sign out", "out: Sign out"]
    assert accent("Sign in at {provider}").startswith("⟦Šîĝñ îñ åţ {provider} ~")


@pytest.mark.usefixtures("pseudo")
def test_every_page_says_only_what_the_catalogue_says(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, PatientName="Roe^Mary", PatientID="P7")
    known = f"{SAME} {READER} {VALUES}"
    forgotten = []
    for name in PAGES:
        page = open_page(f"pages/{name}.py", **({"study": study} if name == "review" else {}))
        forgotten += [f"{name}: {text}" for text in Words(page).plain(known)]
    assert not forgotten, "\n".join(["", *forgotten])
