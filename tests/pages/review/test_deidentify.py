"""Review's de-identified originals: shown as a table first, handed out after a yes."""

from __future__ import annotations

import ast
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from streamlit.testing.v1 import AppTest

from imaging.dicom.deidentify.burned_in_text import search_file
from imaging.review.records import Annotation, AuditEvent, Review, Shape, Stage
from imaging.settings import ROOT
from imaging.store import Repository
from pages.ui.review import deidentify
from tests.pages.conftest import OpenPage, keep_film, words
from tests.served import TakeIn


def opened(open_page: OpenPage, study: str) -> AppTest:
    page = open_page("pages/review.py", study=study)
    page.session_state[deidentify.KEY] = True
    return page.run()


def shown(page: AppTest) -> AppTest:
    button = next(one for one in page.button if one.label == "Show what changes")
    return button.click().run()


def exports(store: Repository) -> list[str]:
    return [line.detail for line in store.audit.entries() if line.deed == AuditEvent.EXPORT]


@pytest.mark.slow
def test_what_changes_is_shown_and_confirmed_before_anything_leaves(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, PatientName="Doe^Jane", PatientID="MRN-4711")
    page = shown(opened(open_page, study))
    table = page.dataframe[0].value
    before = dict(zip(table["Attribute"], table["Before"], strict=True))
    after = dict(zip(table["Attribute"], table["After"], strict=True))
    assert before["PatientName"] == "Doe^Jane" and after["PatientName"].startswith("P")
    kept = page.dataframe[1].value
    assert "Modality" in set(kept["Attribute"]) and "Doe" not in str(kept)
    assert exports(store) == []
    yes = next(one for one in page.checkbox if one.label == "This is right")
    page = yes.check().run()
    assert not page.exception and exports(store) == ["1 de-identified originals"]
    assert exports(store) == ["1 de-identified originals"] and not page.run().exception
    assert len(exports(store)) == 1


def test_page_and_terminal_go_one_way() -> None:
    """No other part of the product writes a copy: what one of them checks, the other does."""
    sources = [path for room in ("imaging", "pages") for path in (ROOT / room).rglob("*.py")]
    calls = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "release"
    }
    # the decoder process does it, and only what that asks for
    assert calls == {"imaging/decoding/worker.py", "imaging/delivery/deidentified.py"}


def test_burned_in_text_has_to_be_spoken_about(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, BurnedInAnnotation="YES")
    page = opened(open_page, study)
    assert "Text may be burned in" in words(page)
    assert next(one for one in page.button if one.label == "Show what changes").disabled
    looked = next(one for one in page.checkbox if one.label.startswith("I looked"))
    page = looked.check().run()
    assert not next(one for one in page.button if one.label == "Show what changes").disabled


def test_drawn_rectangles_are_the_parts_to_blacken(store: Repository, take_in: TakeIn) -> None:
    record = store.studies.get(keep_film(store, take_in))
    uid = record.instances[0].identity.sop_instance_uid
    mark = Annotation("a", uid, Shape.RECTANGLE, ((3.2, 2.0), (10.9, 7.5)))
    review = Review(
        record.study_instance_uid, 1, Stage.DRAFT, "x", "x", record.received_at,
        annotations=(mark,),
    )  # fmt: skip
    assert deidentify.rectangles(replace(record, reviews=(review,))) == ((2, 3, 8, 11),)
    assert deidentify.rectangles(record) == ()


def burned(*lines: tuple[str, int, int]) -> NDArray[np.uint8]:
    """A grey film with lines of text at columns and rows."""
    picture = Image.fromarray(np.full((256, 400), 60, np.uint8))
    for text, left, top in lines:
        ImageDraw.Draw(picture).text((left, top), text, 230, ImageFont.load_default(24))
    return np.asarray(picture)


def looked(page: AppTest) -> AppTest:
    return next(one for one in page.button if one.label.startswith("Look for")).click().run()


@pytest.mark.slow
def test_burned_in_text_is_found_shown_blackened_and_looked_for_again(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    film = burned(("DOE^JANE", 20, 15), ("12.03.1987", 240, 210))
    study = keep_film(store, take_in, pixels=film, BurnedInAnnotation="YES")
    page = looked(opened(open_page, study))
    assert not page.exception and "2 areas were found" in words(page)
    assert any("data:image/png" in one.proto.body for one in page.get("html"))
    assert len(page.dataframe[0].value) == 2 and "Text may be burned in" not in words(page)
    page = shown(page)
    assert "no text is found in them" in words(page)
    (made,) = page.session_state[deidentify._slot(study)][1]
    assert search_file(made.content).boxes == ()
    sha256 = store.studies.get(study).instances[0].identity.sha256
    assert len(search_file(store.originals.content(sha256)).boxes) == 2


@pytest.mark.slow
def test_a_find_that_is_not_ticked_keeps_the_copy_in_the_house(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    film = burned(("DOE^JANE", 20, 15), ("12.03.1987", 240, 210))
    study = keep_film(store, take_in, pixels=film)
    page = looked(opened(open_page, study))
    ticks = next(one for one in page.button_group if one.label == "Blacken")
    page = shown(ticks.set_value([1]).run())
    assert any("still found" in one.value for one in page.warning)
    assert not any(one.label == "This is right" for one in page.checkbox)


def test_nothing_found_is_no_leave_to_go(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, pixels=burned(), BurnedInAnnotation="YES")
    page = looked(opened(open_page, study))
    assert "No text was found" in words(page) and "Text may be burned in" in words(page)
    assert next(one for one in page.button if one.label == "Show what changes").disabled
