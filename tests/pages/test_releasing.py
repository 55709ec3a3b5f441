"""Review's de-identified originals: shown as a table first, handed out after a yes."""

from __future__ import annotations

from dataclasses import replace

from streamlit.testing.v1 import AppTest

from imaging.review import Annotation, Deed, Review, Shape, Stage
from imaging.store import Repository
from models.panel import Panel
from pages.ui import releasing
from tests.pages.conftest import OpenPage, keep_film, words


def opened(open_page: OpenPage, study: str) -> AppTest:
    page = open_page("pages/review.py", study=study)
    page.session_state[releasing.KEY] = True
    return page.run()


def shown(page: AppTest) -> AppTest:
    button = next(one for one in page.button if one.label == "Show what changes")
    return button.click().run()


def exports(store: Repository) -> list[str]:
    return [line.detail for line in store.audit() if line.deed == Deed.EXPORT]


def test_what_changes_is_shown_and_confirmed_before_anything_leaves(
    open_page: OpenPage, store: Repository, tiny_panel: Panel
) -> None:
    study = keep_film(store, tiny_panel, PatientName="Doe^Jane", PatientID="MRN-4711")
    page = shown(opened(open_page, study))
    table = page.dataframe[0].value
    before = dict(zip(table["Attribute"], table["Before"], strict=True))
    after = dict(zip(table["Attribute"], table["After"], strict=True))
    assert before["PatientName"] == "Doe^Jane" and after["PatientName"].startswith("P")
    assert exports(store) == []
    yes = next(one for one in page.checkbox if one.label == "This is right")
    page = yes.check().run()
    assert not page.exception and exports(store) == ["1 de-identified originals"]
    assert exports(store) == ["1 de-identified originals"] and not page.run().exception
    assert len(exports(store)) == 1


def test_burned_in_text_has_to_be_spoken_about(
    open_page: OpenPage, store: Repository, tiny_panel: Panel
) -> None:
    study = keep_film(store, tiny_panel, BurnedInAnnotation="YES")
    page = opened(open_page, study)
    assert "Text may be burned in" in words(page)
    assert next(one for one in page.button if one.label == "Show what changes").disabled
    looked = next(one for one in page.checkbox if one.label.startswith("I looked"))
    page = looked.check().run()
    assert not next(one for one in page.button if one.label == "Show what changes").disabled


def test_drawn_rectangles_are_the_parts_to_blacken(store: Repository, tiny_panel: Panel) -> None:
    record = store.study(keep_film(store, tiny_panel))
    uid = record.instances[0].identity.sop_instance_uid
    mark = Annotation("a", uid, Shape.RECTANGLE, ((3.2, 2.0), (10.9, 7.5)))
    review = Review(
        record.study_instance_uid, 1, Stage.DRAFT, "x", "x", record.received_at,
        annotations=(mark,),
    )  # fmt: skip
    assert releasing.rectangles(replace(record, reviews=(review,))) == ((2, 3, 8, 11),)
    assert releasing.rectangles(record) == ()
