"""The themes: every text reads on every ground it stands on, by the colours of the config."""

from __future__ import annotations

import re
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from imaging.settings import ROOT
from pages.ui import theme
from pages.ui.frame import ASSETS
from tests.pages.conftest import OpenPage

CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
GROUNDS = ("backgroundColor", "secondaryBackgroundColor")
TEXTS = ("textColor", "grayTextColor", "linkColor", "orangeTextColor")
HUES = ("blue", "orange", "yellow", "green", "red")
PAIRS = (
    *product(TEXTS, GROUNDS),
    *((f"{hue}TextColor", f"{hue}BackgroundColor") for hue in HUES),
    ("codeTextColor", "codeBackgroundColor"),
    ("textColor", "dataframeHeaderBackgroundColor"),
    ("backgroundColor", "primaryColor"),  # what primary buttons say
    ("orangeColor", "backgroundColor"),  # what a chart says about its operating point
)
LINES = ("primaryColor", "blueColor", "orangeColor", "grayTextColor", "grayColor")


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_wcags() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", [theme.DARK, theme.LIGHT])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_reads_on_its_ground(name: str, text: str, ground: str) -> None:
    assert contrast(CONFIG[name][text], CONFIG[name][ground]) >= 4.5  # WCAG 2.2, 1.4.3 (AA)


@pytest.mark.parametrize("name", [theme.DARK, theme.LIGHT])
@pytest.mark.parametrize(("line", "ground"), [*product(LINES, GROUNDS)])
def test_lines_and_bars_stand_out(name: str, line: str, ground: str) -> None:
    assert contrast(CONFIG[name][line], CONFIG[name][ground]) >= 3  # WCAG 2.2, 1.4.11 (AA)


def test_both_themes_set_the_same_colours() -> None:
    assert CONFIG["dark"].keys() == CONFIG["light"].keys()
    assert luminance(CONFIG["dark"]["backgroundColor"]) < 0.05
    assert luminance(CONFIG["light"]["backgroundColor"]) > 0.8


def test_no_page_has_a_colour_of_its_own() -> None:
    own = re.compile(r"#[0-9a-fA-F]{6}\b|#(?!000)[0-9a-fA-F]{3}\b|rgba?\(")
    pages = ROOT / "pages"
    sources = [*pages.glob("*.py"), *pages.glob("ui/**/*.py"), *pages.glob("ui/assets/*.css")]
    found = {path.name for path in sources if own.search(path.read_text())}
    # labels on the black of their films, and a code that a camera reads, are alike in both themes
    assert found == {"thumbnails.py", "door_page.py", "factor_forms.py"}


def test_the_style_sheet_knows_both_themes(home: Path) -> None:
    sheet = theme.style_sheet()
    both = f"light-dark({CONFIG['light']['textColor']}, {CONFIG['dark']['textColor']})"
    assert f"--lb-text: {both};" in sheet
    assert f"--st-background-color: {CONFIG['dark']['backgroundColor']};" in sheet
    used = set(re.findall(r"var\((--lb-[a-z-]+)\)", (ASSETS / "reading_room.css").read_text()))
    assert used and used <= set(re.findall(r"(--lb-[a-z-]+):", sheet))


def test_dark_is_the_default_and_the_account_page_changes_it(open_page: OpenPage) -> None:
    page = open_page("pages/account.py")
    control: Any = next(c for c in page.button_group if c.key == "colours")
    assert control.value in (theme.DARK, [theme.DARK])
    control.set_value(theme.LIGHT).run()
    assert page.session_state["theme-chosen"] == theme.LIGHT
