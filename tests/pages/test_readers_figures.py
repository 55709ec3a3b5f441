"""Readers: local figures stay empty below 30 cases, and are natural frequencies from then on."""

from __future__ import annotations

from datetime import UTC, datetime

from imaging.entities import ModelIdentity
from imaging.review.agreement import Share
from imaging.review.records import Truth
from imaging.review.signed import Called
from imaging.store import Repository
from pages.ui.review.local_figures import describe
from tests.pages.conftest import OpenPage, words
from tests.pages.test_review import by_somebody_else


def called(count: int, total: int) -> Called:
    return Called(ModelIdentity("net", "1", "ab"), "pneumonia", 0.46, Share(count, total), 0, 0)


def test_below_30_cases_only_their_number_is_told() -> None:
    assert "shown after 30 cases (29 so far)" in describe(called(29, 29))
    assert "(0 so far)" in describe(None)
    assert "Of 100 flagged here in the last 90 days, 80 were signed positive (40 of 50" in describe(
        called(40, 50)
    )


def test_the_page_counts_what_is_signed_here(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    store.reviews.add(by_somebody_else(study))
    store.reviews.set_truth(Truth(study, "pneumonia", False, "CT"))
    page = open_page("pages/readers.py")
    assert "(1 so far)" in words(page) and "Not counted: 0 further studies" in words(page)
    (table,) = [t for t in page.table if "Map not opened" in str(t.value.to_dict())]
    assert "shown after 30 cases" in str(table.value.to_dict())
    assert store.outcomes.answered_since(datetime(2020, 1, 1, tzinfo=UTC))[0].answers
    assert "(1 so far)" in words(open_page("pages/review.py", study=study))
