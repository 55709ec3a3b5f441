"""Chinese is printed on any computer, in a font that comes along and is embedded."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from reportlab.platypus import SimpleDocTemplate

from imaging.export import fonts
from imaging.export.fonts import font_for
from imaging.export.pdf_sheet import Sheet
from imaging.settings import ROOT
from tests.imaging.peers import peer


@pytest.fixture
def bare_computer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One without fonts for other scripts."""
    monkeypatch.setattr(fonts, "_FOLDERS", ())
    font_for.cache_clear()
    yield
    font_for.cache_clear()


@pytest.mark.usefixtures("bare_computer")
def test_a_computer_without_fonts_prints_all_of_gb_2312() -> None:
    rows = (bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    characters = "".join(pair.decode("gb2312", "ignore") for pair in rows)
    assert len(characters) == 6763
    assert not [c for c in characters + "，。、；：？！（）《》“”" if not font_for(c)]


@pytest.mark.usefixtures("bare_computer")
def test_what_is_printed_is_embedded_and_read_back(tmp_path: Path) -> None:
    words = "右肺下野肺炎，较 2026-09-10 加重（患儿 3岁2个月）。张伟、欧阳莉"
    sheet, file = Sheet(), tmp_path / "chinese.pdf"
    SimpleDocTemplate(str(file), initialFontName=sheet.setter.base).build([sheet.text(words * 5)])
    assert not sheet.setter.notes
    command = [peer("pdftotext", "poppler-utils"), str(file), "-"]
    text = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert "".join(text.split()) == "".join((words * 5).split())
    listed = subprocess.run(
        [peer("pdffonts", "poppler-utils"), str(file)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    head, rows = listed[0], listed[2:]
    at = head.index("emb")
    assert rows and all(row[at : at + 3] == "yes" for row in rows), listed
    assert any("DroidSansFallback" in row for row in rows)


def test_the_font_comes_with_its_licence() -> None:
    notice = (ROOT / "NOTICE").read_text()
    for font in (ROOT / "locale/fonts").glob("*.tt*"):
        assert f"locale/fonts/{font.name}" in notice
