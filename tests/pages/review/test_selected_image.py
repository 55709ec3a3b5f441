"""Review says which image was classified and why not the others."""

from __future__ import annotations

from pydicom.uid import generate_uid

from imaging.store import Repository
from tests.pages.conftest import OpenPage, keep_film, words
from tests.served import TakeIn

PAGE = "pages/review.py"


def test_a_lateral_view_is_told_beside_the_classified_one(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    for number in range(2):
        uid = generate_uid(entropy_srcs=["lateral", str(number)])
        keep_film(store, take_in, SOPInstanceUID=uid, ViewPosition="LL")
    said = words(open_page(PAGE, study=study))
    assert "Image accepted: CR, CHEST, AP, single frame." in said
    assert "Its answer leads: the most urgent of this study." in said
    assert "2 images: No AI answer. This is a lateral film" in said


def test_a_slice_says_how_it_has_to_be_read(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, Modality="CT")
    assert "Read a CT as a whole series" in words(open_page(PAGE, study=study))


def test_words_of_the_header_stay_words(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, BodyPartExamined="<b>CHEST")
    said = words(open_page(PAGE, study=study))
    assert "&lt;B&gt;CHEST" in said
    assert "<B>CHEST" not in said
