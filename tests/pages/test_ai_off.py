"""The switches of AI on the pages: answers go at once and come back by hand, reading goes on."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from imaging.review.records import Call
from imaging.store import Repository
from tests.pages.conftest import OpenPage, tables, words
from tests.pages.test_review import newest, press, state_present

ANSWERS = ("suspected", "Unsure", "threshold ", "Exploratory", "With explanation", "No pneum")


def told(page: AppTest) -> list[str]:
    """What of an answer a page tells: its tables, if it has any, or all it says and would print."""
    said = json.dumps([table["rows"] for table in tables(page)]) if tables(page) else words(page)
    said += " ".join(html.body for html in page.html)
    return [word for word in ANSWERS if word in said]


def test_off_for_a_study_and_on_again(open_page: OpenPage, store: Repository, study: str) -> None:
    page = open_page("pages/review.py", study=study)
    assert told(page)
    press(page, "Switch AI off for this study")
    assert not told(page) and "AI is off for this study" in words(page)
    state_present(page)
    assert [f.call for f in newest(store, study).findings] == [Call.UNAIDED]
    assert newest(store, study).ai_off
    assert not told(open_page("pages/triage.py"))
    press(page, "Switch AI on for this study")
    assert told(page) and "AI is off" not in words(page)
    said = words(page)
    moments = [
        "AI answer first on screen, beside the image",
        "AI switched off",
        "Pneumonia present",
    ]
    places = [said.index(moment, said.index("Order of events")) for moment in moments]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("where", "key", "sentence"),
    [
        ("pages/account.py", "ai-account", "AI is off for you"),
        ("pages/administration.py", "ai-site", "AI is off for this site"),
    ],
)
def test_off_for_a_reader_or_the_site(
    open_page: OpenPage, study: str, where: str, key: str, sentence: str
) -> None:
    assert told(open_page("pages/triage.py")) and told(open_page("pages/review.py", study=study))
    settings = open_page(where)
    settings.toggle(key=key).set_value(False).run()
    for page in (open_page("pages/triage.py"), open_page("pages/review.py", study=study)):
        assert not told(page) and sentence in words(page)
    settings.toggle(key=key).set_value(True).run()
    assert told(open_page("pages/review.py", study=study))
