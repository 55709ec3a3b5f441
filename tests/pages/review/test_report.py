"""The report on Review: sides, comparison, template, preview, and what the browser prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from imaging.delivery.study import deliver
from imaging.review import drafting
from imaging.review.records import Course, Review, Side, Site, Stage
from imaging.store import Repository
from models.explain.checks.verdict import Verdict
from models.explain.methods.registry import METHODS
from pages.ui.explain import receipt_tasks
from pages.ui.review import film_wall
from tests.pages.conftest import OpenPage, keep_film, words
from tests.served import TakeIn

PAGE = "pages/review.py"
PRIOR = {
    "StudyInstanceUID": "1.2.3.1",
    "SeriesInstanceUID": "1.2.4.1",
    "SOPInstanceUID": "1.2.5.1",
    "StudyDate": "20260110",
}


@pytest.fixture
def study(store: Repository, take_in: TakeIn) -> str:
    return keep_film(
        store, take_in, StudyDate="20260304", ReasonForTheRequestedProcedure="Cough for 3 days"
    )


def press(page: AppTest, label: str) -> AppTest:
    return next(b for b in page.button if b.label == label).click().run()


def says(page: AppTest) -> Any:
    """The control of the AI's finding; its key changes with what is stated (`session.settled`)."""
    return next(c for c in page.segmented_control if "-says-pneumonia" in str(c.key))


def newest(store: Repository, study: str) -> Review:
    review = store.studies.get(study).review
    assert review is not None
    return review


def printed(page: AppTest) -> str:
    """The report as the browser prints it: the last of the page's reports."""
    return [html.body for html in page.html if 'class="lb-report"' in html.body][-1]


def test_a_side_and_a_zone_are_kept_and_printed(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    says(page).set_value("present").run()
    page.segmented_control(key=f"field-{study}-side-pneumonia").set_value(Side.RIGHT).run()
    sites = f"field-{study}-sites-pneumonia"
    page.button_group(key=sites).set_value([Site.LOWER_ZONE]).run()
    assert not page.exception
    (found,) = newest(store, study).findings
    assert (found.side, found.sites) == (Side.RIGHT, (Site.LOWER_ZONE,))
    assert "Pneumonia, right lower zone." in printed(page)


def test_a_normal_study_is_one_press(open_page: OpenPage, store: Repository, study: str) -> None:
    page = press(open_page(PAGE, study=study), "Normal study")
    review = newest(store, study)
    assert not any(f.present for f in review.findings) and review.version == 1
    assert "Normal chest film." in printed(page)
    says(page).set_value("present").run()
    assert next(b for b in page.button if b.label == "Normal study").disabled
    assert "Normal chest film." not in printed(page)


def test_a_key_states_a_normal_study(
    open_page: OpenPage, store: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed = ["normal"]

    def viewer(*_args: Any, on_act: Callable[[str], None], **_options: Any) -> None:
        while pressed:
            on_act(pressed.pop())

    monkeypatch.setattr(film_wall, "render_viewer", viewer)
    open_page(PAGE, study=study)
    assert drafting.is_normal(newest(store, study))


def test_the_indication_is_the_request_s_until_it_is_put_right(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    field = page.text_input(key=f"field-{study}-indication")
    assert field.value == "Cough for 3 days" and "Cough for 3 days" in printed(page)
    field.set_value("Cough, fever").run()
    assert newest(store, study).indication == "Cough, fever" and "Cough, fever" in printed(page)


def test_an_impression_replaces_the_sum(open_page: OpenPage, store: Repository, study: str) -> None:
    page = open_page(PAGE, study=study)
    page.text_area(key=f"field-{study}-impression").set_value("Follow up in 6 weeks.").run()
    assert newest(store, study).impression == "Follow up in 6 weeks."
    assert "Follow up in 6 weeks." in printed(page)


def test_only_a_prior_that_hangs_is_compared_with(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    keep_film(store, take_in, **PRIOR)
    page = open_page(PAGE, study=study)
    page.segmented_control(key=f"hanging-{study}").set_value("one").run()
    assert "Compare with 2026-01-10" not in [b.label for b in page.button]
    assert "Hang the prior" in words(page)
    page.segmented_control(key=f"hanging-{study}").set_value("prior").run()
    page = press(page, "Compare with 2026-01-10")
    says(page).set_value("present").run()
    page.segmented_control(key=f"field-{study}-course-pneumonia").set_value(Course.WORSE).run()
    assert newest(store, study).findings[0].course is Course.WORSE
    assert "Worse than on 2026-01-10." in printed(page)


def test_nothing_is_signed_against_somebody_else_s_study(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    keep_film(store, take_in, **PRIOR)
    page = press(open_page(PAGE, study=study), "Compare with 2026-01-10")
    says(page).set_value("absent").run()
    store.studies.delete("1.2.3.1", account="a", reason="another child's")
    page = press(page, "Sign final")
    assert not newest(store, study).signed
    assert "take the comparison out" in words(page)
    page = press(press(page, "\u2715"), "Sign final")
    assert newest(store, study).signed


def test_what_is_drafted_says_so_until_it_is_accepted(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    said = store.studies.get(study).assessments[0]
    assert said is not None
    page = open_page(PAGE, study=study)
    drafted = "Draft by AI, not accepted by a doctor" in printed(page)
    assert drafted == (said.status == "ok" and said.answer in ("present", "absent"))
    says(page).set_value("absent").run()
    assert "Draft by AI" not in printed(page) and "No pneumonia." in printed(page)


def test_the_print_and_the_export_of_a_study_say_the_same(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    """The page's own report, and the HTML file that is exported: word for word."""
    page = press(open_page(PAGE, study=study), "Normal study")
    page = press(page, "Sign final")
    (file,) = deliver(store, study, ("html",), account="a")
    article = file.content.decode().partition('<article class="lb-report">')[2]
    on_screen = re.sub(r"<p>Map of the evidence[^<]*</p>", "", printed(page))  # none is exported
    assert article.partition("</article>")[0] in on_screen


def test_a_map_that_was_tested_is_told_with_its_verdict(
    open_page: OpenPage, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = Verdict("weak", ("Other methods mark other places.",))
    receipt = SimpleNamespace(method="fused", target="pneumonia", verdict=verdict, where=None)
    monkeypatch.setattr(receipt_tasks, "known_receipt", lambda _image, _choice: receipt)
    said = printed(open_page(PAGE, study=study))
    assert (
        f"Map of the evidence, {METHODS['fused'].label}: weak. Other methods mark other places."
        in said
    )


def test_who_hides_identities_prints_none(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    assert "T-1" in printed(page)
    next(t for t in page.toggle if t.label == "Hide identity").set_value(True).run()
    assert "T-1" not in printed(page) and "SYNTHETIC" not in printed(page).partition("Note")[0]


def test_a_review_of_before_has_no_side_and_reads_on(store: Repository, study: str) -> None:
    from imaging.store.schema.json_codec import review_from_json, review_to_json

    made = replace(Review(study, 1, Stage.FINAL, "a", "Dr A", store.studies.get(study).received_at))
    values = review_to_json(made)
    for name in ("indication", "impression", "compared"):
        del values[name]
    assert review_from_json(values, made.created_at) == made
