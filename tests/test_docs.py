"""Pages that state figures say what the stored evaluation says; the map names real files."""

from __future__ import annotations

import re

from imaging.settings import ROOT
from models.model_card.card_page import problems
from models.model_card.report import pages, read_installed


def test_figures_are_written_by_the_command() -> None:
    stale = [path.name for path, text in pages() if path.read_text() != text]
    assert not stale, "run python -m models.model_card.report"


def test_stored_figures_are_of_the_shipped_weights() -> None:
    assert [line for facts in read_installed() for line in problems(facts)] == []


def test_the_map_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "where-to-change.md").read_text()
    names = re.findall(r"`((?:imaging|models|pages|tests|docs|bench)/[\w/.-]*)`", text)
    assert len(names) > 20
    assert [n for n in names if not (ROOT / n).exists()] == []


def test_the_readme_opens_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^make \w+", text, flags=re.MULTILINE)
    assert commands[:2] == ["make run", "make test"]
    assert [i for i in re.findall(r"\((docs/[\w/.-]+)\)", text) if not (ROOT / i).exists()] == []
