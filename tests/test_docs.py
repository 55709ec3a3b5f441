"""Figures on pages say what was stored; the files and commands that documents name are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from imaging.settings import ROOT
from models.model_card.card_page import problems
from models.model_card.report import pages, read_installed

# Tables that lead to files: every file name in them, a bare one too, is looked up.
MAPS = [ROOT / "docs" / "where-to-change.md", ROOT / "docs" / "glossary.md"]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile")),
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
SUFFIXES = (".py", ".ts", ".md", ".toml", ".txt", ".json", ".po")
YOUR_OWN = "my-task"  # files that a reader of docs/train-your-own.md will make


def named_files(row: str) -> Iterator[str]:
    """Names of files and folders in a row of a table, as they stand there."""
    for quoted, plain in re.findall(r"`([^`\s]+)[^`]*`|\b(docs/[\w./-]+\w)", row):
        name = quoted or plain
        if "/" in name or name.endswith(SUFFIXES):
            yield name


def missing(row: str) -> list[str]:
    """Of these, what is neither there from the root nor beside what the row named before it."""
    absent, beside = [], ROOT
    for name in named_files(row):
        pattern = name.partition("<")[0].rstrip("/")  # a name to be filled in ends what is checked
        found = next((path for base in (ROOT, beside) for path in base.glob(pattern)), None)
        if found is None:
            absent.append(name)
        else:
            beside = found if found.is_dir() else found.parent
    return absent


def test_figures_are_written_by_the_command() -> None:
    stale = [path.name for path, text in pages() if path.read_text() != text]
    assert not stale, "run python -m models.model_card.report"


def test_stored_figures_are_of_the_shipped_weights() -> None:
    assert [line for facts in read_installed() for line in problems(facts)] == []


@pytest.mark.parametrize("page", MAPS, ids=lambda page: page.stem)
def test_the_map_names_files_that_exist(page: Path) -> None:
    rows = page.read_text().splitlines()
    assert sum(1 for row in rows for _ in named_files(row)) > 40
    assert [(name, row[:60]) for row in rows for name in missing(row)] == []


def test_a_wrong_name_in_the_map_would_be_found() -> None:
    row = "| do | `imaging/jobs.py`, `coordinator.py`, `study.py`; `imaging/{}.py` (docs/no.md) |"
    assert missing(row.format("entities")) == ["coordinator.py", "docs/no.md"]
    assert missing(row.format("apart")) == ["coordinator.py", "imaging/apart.py", "docs/no.md"]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_documents_name_files_and_commands_that_exist(page: Path) -> None:
    text = page.read_text()
    rooms = "imaging|models|pages|tests|bench|supply"
    modules = set(re.findall(rf"python -m ((?:{rooms})[\w.]*\w)", text))
    assert [m for m in modules if not (ROOT / f"{m.replace('.', '/')}.py").is_file()] == []
    paths = set(re.findall(rf"(?<![\w/.-])((?:{rooms}|docs)/[\w/.-]*\w)(?![\w*<])", text))
    assert [p for p in paths if YOUR_OWN not in p and not (ROOT / p).exists()] == []


def test_the_readme_opens_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^make \w+", text, flags=re.MULTILINE)
    assert commands[:2] == ["make run", "make test"]
    assert [i for i in re.findall(r"\((docs/[\w/.-]+)\)", text) if not (ROOT / i).exists()] == []
