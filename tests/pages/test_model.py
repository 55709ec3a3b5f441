"""Model: everything drawn from stored evaluation, doubts said aloud, no film where none may be."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from models.checkpoint.card import ModelCard, Published
from models.model_card.card_page import LABELS, card_page
from models.model_card.elsewhere import WHY
from models.model_card.facts import read_facts
from models.network.checkpoint import CARD, EVALUATION
from models.rules.baseline_rule import OTHER
from pages.ui.model import tables
from tests.models.model_card.test_facts import write_evaluation
from tests.pages.conftest import OpenPage, words

PAGE = "pages/model.py"
MISSING = "This was not measured for this model."
FIGURE = re.compile(r"\b[01]\.\d{3}\b")
SECTIONS = 14  # that draw something measured


@pytest.fixture
def folder(
    home: Path, checkpoint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The only installed checkpoint, a copy that may be changed."""
    copy = Path(shutil.copytree(checkpoint_folder, tmp_path / "weights" / "tiny"))
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(copy.parent))
    monkeypatch.delenv("LIGHTBOX_DATA", raising=False)
    return copy


def said(page: AppTest) -> str:
    """Everything a page says, tables too."""
    assert not page.exception and not page.error
    return words(page) + "\n".join(table.value.to_csv() for table in page.table)


def charts(page: AppTest) -> list[str]:
    """Specifications of the page's charts."""
    return [chart.proto.spec for chart in page.get("vega_lite_chart")]


def test_without_evaluation_every_section_says_so(open_page: OpenPage, folder: Path) -> None:
    page = open_page(PAGE)
    assert said(page).count(MISSING) == SECTIONS and not charts(page) and not page.warning
    assert "Children aged 1 to 5" in said(page)


def test_the_page_says_what_the_card_page_says(open_page: OpenPage, folder: Path) -> None:
    write_evaluation(folder)
    figures_of = card_page(read_facts(folder)).partition("## Figures")[2]
    stored, shown = set(FIGURE.findall(figures_of)), said(open_page(PAGE))
    assert len(stored) > 60 and stored - set(FIGURE.findall(shown)) == set()


def test_whole_image_numbers_stand_beside_every_hospital(open_page: OpenPage, folder: Path) -> None:
    write_evaluation(folder)
    shown = said(open_page(PAGE))
    for figure in ("0.713", "0.531", "0.514", "0.896"):  # hospital, numbers, thumbnail, own
        assert figure in shown
    assert "Sealand (chose among models)" in shown and "44 of 46 answered" in shown
    assert "41" in shown and "Quadratic weighted kappa" in shown


def test_the_page_says_why_a_finding_is_exploratory(open_page: OpenPage, folder: Path) -> None:
    write_evaluation(folder)
    card = ModelCard.read(folder / CARD)
    because: dict[str, tuple[str, ...]] = {card.findings[0].code: (OTHER,)}
    replace(card, exploratory_because=because).write(folder / CARD)
    page = open_page(PAGE)
    warning = page.warning[0].value
    assert "sets no priority and leads no answer" in warning and WHY[OTHER] in warning
    assert f"{card.findings[0].label} (exploratory)" in warning


def test_published_figures_are_shown(open_page: OpenPage, folder: Path) -> None:
    write_evaluation(folder)
    other = Published("Somebody 2018", "viral", "other images", {"auc": 0.94})
    card = ModelCard.read(folder / CARD)
    replace(card, published=(other,)).write(folder / CARD)
    shown = said(open_page(PAGE))
    assert "Somebody 2018" in shown and "0.940" in shown and "This model" in shown


def test_the_charts_mark_the_operating_point_and_share(open_page: OpenPage, folder: Path) -> None:
    write_evaluation(folder)
    roc, reliability, selective, noise, cascade = charts(open_page(PAGE))
    specificity, sensitivity = 0.922, 0.915
    spec = json.loads(roc)
    marked = [layer["data"]["values"] for layer in spec["layer"] if "mark" in layer][-1][0]
    assert marked["fpr"] == pytest.approx(1 - specificity)
    assert marked["tpr"] == pytest.approx(sensitivity)
    assert "share of all images" in reliability and "surest" in selective and "changed" in noise
    assert "Similarity to the real one" in cascade


def test_figures_of_other_weights_are_announced(open_page: OpenPage, folder: Path) -> None:
    write_evaluation(folder, sha256="0" * 64)
    page = open_page(PAGE)
    assert "belong to other weights" in page.warning[0].value
    assert "test.json" in page.warning[0].value


def test_a_spoilt_file_is_one_sentence(open_page: OpenPage, folder: Path) -> None:
    write_evaluation(folder)
    (folder / EVALUATION / "shortcuts.json").write_text("{")
    page = open_page(PAGE)
    assert "shortcuts.json" in page.warning[0].value and said(page).count(MISSING) == 1


def test_the_worst_mistakes_are_a_table_without_the_data(open_page: OpenPage, folder: Path) -> None:
    write_evaluation(folder)
    text = said(open_page(PAGE))
    assert text.index("missed.png") < text.index("called.png")
    assert "only where the research data are installed" in text and "<img" not in text


def test_the_worst_mistakes_are_drawn_where_the_data_are(
    open_page: OpenPage, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_evaluation(folder)
    images = tmp_path / "data" / read_facts(folder).card.training["data"]["images"]
    images.mkdir(parents=True)
    grey = np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8)
    Image.fromarray(grey).save(images / "missed.png")
    monkeypatch.setenv("LIGHTBOX_DATA", str(tmp_path / "data"))
    text = said(open_page(PAGE))
    assert text.count("<img") == 1 and "not installed here" in text


def test_another_installed_model_can_be_chosen(open_page: OpenPage, folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "zweiter")
    write_evaluation(folder.parent / "zweiter")
    page = open_page(PAGE)
    assert said(page).count(MISSING) == SECTIONS
    page.selectbox[0].set_value(1).run()
    assert MISSING not in said(page)


def test_page_and_card_page_use_the_same_names() -> None:
    assert tables.labels() == LABELS
