"""The receipt on the page: made beside it, said in words, kept, and never for another map."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from imaging.store import Repository
from models.explain.checks.verdict import RECEIPTS, VERDICTS, VerdictRule
from models.inference.classifier_registry import ClassifierRegistry
from pages.ui.explain.overlay import SPREAD
from pages.ui.explain.receipt import rule_words
from pages.ui.explain.verdict_line import verdict_label
from tests.pages.conftest import PATIENCE, words


def part(uid: str, methods: list[str]) -> None:
    """A page with receipts on it, and what is known of each map before and after."""
    import streamlit as st

    from pages.ui import resources, session
    from pages.ui.explain import receipt, receipt_tasks
    from pages.ui.explain.overlay import Choice
    from pages.ui.review import film_wall

    session.set_account(resources.repository().accounts.alone("Dr Test"))
    image = film_wall.load(resources.repository().studies.get(uid).instances[0])
    choices = [Choice("", method, "pneumonia") for method in methods]
    receipt.render_receipt(image, choices[0])
    for choice in choices:
        known = receipt_tasks.known_verdict(image, choice)
        st.text(f"{choice.method}: {known.name if known else 'unknown'}")


def drawn(uid: str, *methods: str) -> AppTest:
    """The page once the work in the background is done."""
    page = AppTest.from_function(part, default_timeout=PATIENCE, args=(uid, list(methods))).run()
    end = time.monotonic() + PATIENCE
    while not page.table and not page.error:
        assert not page.exception and time.monotonic() < end, "the work stands still"
        time.sleep(0.1)
        page.run()
    assert not page.exception
    return page


def test_a_receipt_says_what_to_believe_and_why(study: str, tiny_panel: ClassifierRegistry) -> None:
    page = drawn(study, "fused")
    said = words(page)
    assert any(verdict_label(name) in said for name in VERDICTS)
    assert tiny_panel.card().identity.short_hash in said
    table = page.table[0].value
    assert list(table.columns) == ["Test", "This map", "By chance", "What it means"]
    assert {"Marked area removed", "Stability"} <= set(table["Test"])
    assert "careful guesses" in said


def test_the_verdict_is_known_for_its_own_map_alone(study: str) -> None:
    page = drawn(study, "grad_cam", "fused")
    said = [t.value for t in page.text]
    assert said[1] == "fused: unknown"
    assert said[0].removeprefix("grad_cam: ") in VERDICTS


def test_a_slow_map_that_is_not_there_yet_is_waited_for(study: str) -> None:
    page = AppTest.from_function(part, default_timeout=PATIENCE, args=(study, ["occlusion"])).run()
    assert "once the map is there" in words(page) and not page.table and not page.exception


def test_where_networks_differ_is_no_reason_to_be_tested(study: str) -> None:
    page = AppTest.from_function(part, default_timeout=PATIENCE, args=(study, [SPREAD])).run()
    assert "where the models differ" in words(page) and not page.table and not page.exception


def test_the_rule_of_the_model_is_used_and_a_damaged_one_is_said(
    store: Repository,
    study: str,
    tiny_panel: ClassifierRegistry,
    checkpoint_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = tiny_panel.card()
    folder = tmp_path / "weights" / card.name
    shutil.copytree(checkpoint_folder, folder)
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(folder.parent))
    rule = VerdictRule(least_gain=2.0, calibrated=True)
    facts = {"weights_sha256": card.weights_sha256, "rule": rule.as_dict()}
    (folder / RECEIPTS).write_text(json.dumps(facts))
    said = words(drawn(study, "fused"))
    assert verdict_label("not reliable") in said and "known to be wrong" in said
    (folder / RECEIPTS).write_text("{")
    page = AppTest.from_function(part, default_timeout=PATIENCE, args=(study, ["fused"])).run()
    assert "damaged" in page.error[0].value and not page.exception


@pytest.mark.parametrize("calibrated", [True, False])
def test_the_rule_is_shown_with_its_limits(calibrated: bool) -> None:
    said = rule_words(VerdictRule(least_gain=0.123, most_marked=0.17, calibrated=calibrated))
    assert "0.12" in said and "17%" in said and ("careful guesses" in said) != calibrated
