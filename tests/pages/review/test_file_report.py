"""Review's "This file": folded until asked, then the chain and its cautions in words."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from imaging.store import Repository
from pages.ui.review import file_report
from tests.pages.conftest import OpenPage, keep_film, words
from tests.served import TakeIn


def unfolded(open_page: OpenPage, study: str) -> AppTest:
    page = open_page("pages/review.py", study=study)
    assert "From stored values" not in words(page)
    page.session_state[file_report._KEY] = True
    return page.run()


def test_the_report_opens_on_demand(open_page: OpenPage, study: str) -> None:
    said = words(unfolded(open_page, study))
    assert "not compressed (Explicit VR Little Endian)" in said
    assert "MONOCHROME2: the lowest value is shown black." in said


def test_an_adult_on_a_paediatric_network_is_told_with_the_age(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, PatientAge="043Y")
    assert "The header gives an age of 43 years" in words(unfolded(open_page, study))


def test_words_of_the_header_stay_words(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, PresentationLUTShape="<img src=x>")
    assert "<img" not in words(unfolded(open_page, study))
