"""A site that asks two doctors to sign: what Review offers to the first and to the second."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from imaging.review.records import Stage
from imaging.review.signatures import TWO_DOCTORS
from imaging.store import Repository
from tests.pages.conftest import OpenPage
from tests.pages.test_review import newest, press, state_present

PAGE = "pages/review.py"


@pytest.fixture
def asking(store: Repository, study: str) -> str:
    """A study at such a site."""
    store.site.set_two_doctors(True, account="boss")
    return study


def button(page: AppTest, label: str) -> Any:
    """The button with that label."""
    (found,) = (one for one in page.button if one.label == label)
    return found


def test_the_first_doctor_signs_preliminary_alone_and_is_told_why(
    open_page: OpenPage, store: Repository, asking: str
) -> None:
    page = state_present(open_page(PAGE, study=asking), "present")
    for _ in range(2):  # before the own preliminary signature, and after it
        assert button(page, "Sign final").disabled
        assert button(page, "Sign final").help == TWO_DOCTORS
        if not button(page, "Sign preliminary").disabled:
            press(page, "Sign preliminary")
    assert newest(store, asking).stage is Stage.PRELIMINARY


def test_the_second_doctor_signs_off_what_another_wrote(
    open_page: OpenPage, store: Repository, asking: str
) -> None:
    press(state_present(open_page(PAGE, study=asking), "present"), "Sign preliminary")
    other = replace(newest(store, asking), stage=Stage.DRAFT, account="other", reader="Dr Other")
    store.reviews.add(other)
    store.reviews.add(replace(newest(store, asking), stage=Stage.PRELIMINARY))
    page = press(open_page(PAGE, study=asking), "Sign final")
    final = newest(store, asking)
    assert final.stage is Stage.FINAL and final.account != "other"
    page = press(page, "Amend")
    assert button(page, "Sign amendment").disabled
    press(page, "Sign preliminary")
    assert newest(store, asking).stage is Stage.PRELIMINARY


def test_the_switch_is_the_administrators_and_holds_at_once(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page("pages/administration.py")
    (switch,) = (one for one in page.toggle if one.label == "Two doctors sign every report")
    switch.set_value(True).run()
    assert store.site.two_doctors()
    page = state_present(open_page(PAGE, study=study), "present")
    assert button(page, "Sign final").disabled
