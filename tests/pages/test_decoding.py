"""Pages never decode: whatever is pressed on Review, the content of a film is read elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

import imaging.dicom.pixels.decoding
import imaging.dicom.reader
from imaging.store import Repository
from tests.pages.conftest import OpenPage, keep_film, words
from tests.served import TakeIn


def test_nothing_of_a_film_is_read_in_the_server(
    open_page: OpenPage, store: Repository, take_in: TakeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = keep_film(store, take_in)

    def refuse(*_what: Any, **_how: Any) -> Any:
        raise AssertionError("a file is read in the server")

    monkeypatch.setattr(imaging.dicom.reader, "parse", refuse)
    monkeypatch.setattr(imaging.dicom.reader, "film_dataset", refuse)
    monkeypatch.setattr(imaging.dicom.pixels.decoding, "decode", refuse)
    page = open_page("pages/review.py", study=study)
    assert not page.exception and not page.error
    for expander in ("this-file", "deidentified-originals"):
        page.session_state[expander] = True
    page = page.run()
    assert "From stored values to the screen" in words(page)
    page = page.button(key=f"show-release-{study}").click().run()
    assert any(check.label == "This is right" for check in page.checkbox)
    page = page.button(key=f"prepare-{study}").click().run()
    assert not page.exception and not page.error
