"""The Account page says whether the trail is whole; an altered report is named there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from imaging.review.records import Review, Stage
from imaging.store import Repository
from tests.imaging.store.test_audit import tamper
from tests.pages.conftest import OpenPage, words

PAGE = "pages/account.py"


def sign(store: Repository, study: str) -> None:
    review = Review(study, 0, Stage.FINAL, "anna", "Dr A", datetime.now(UTC), note="clear")
    store.reviews.add(review)


def test_a_whole_trail_says_since_when(open_page: OpenPage, store: Repository, study: str) -> None:
    sign(store, study)
    said = words(open_page(PAGE))
    head = store.audit.head()
    assert head is not None
    assert "Unbroken since" in said and f"Last line, to note elsewhere: {head.short}" in said
    assert "altered" not in said and "collector" not in said


def test_an_altered_report_is_named(open_page: OpenPage, store: Repository, study: str) -> None:
    sign(store, study)
    tamper(store, "UPDATE reviews SET content = replace(content, 'clear', 'dense')")
    page = open_page(PAGE)
    assert "was altered" in page.error[0].value
    named = [text.value for text in page.text]
    assert any(f"Version 1 of the report of study {study} was altered" in text for text in named)
    assert "Unbroken" not in words(page)


def test_a_collector_that_is_away_is_told(
    open_page: OpenPage, store: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_SYSLOG", "127.0.0.1:9")
    sign(store, study)
    store.audit.note_trouble("127.0.0.1:9", "it cannot be reached")
    page = open_page(PAGE)
    assert "gets no lines since" in page.warning[0].value
    assert "lines wait here" in page.warning[0].value
