"""The threat model names a test for each attack, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from imaging.settings import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text()
FINDINGS = 13
OPEN = "open"
_ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows(title: str) -> list[list[str]]:
    """Cells of a section's table, without its head."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return [row.split(" | ") for row in _ROW.findall(section)][1:]


@cache
def names_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


FOUND, HELD = rows("What was found"), rows("What held, and still does")


def test_each_finding_has_a_row() -> None:
    numbers = {int(number[1]) for row in FOUND if (number := re.match(r"(\d+)", row[0]))}
    assert numbers == set(range(1, FINDINGS + 1)) and len(HELD) >= 19


@pytest.mark.parametrize("row", FOUND, ids=lambda row: f"{row[0]} {row[1][:30]}")
def test_an_attack_is_open_or_has_a_test(row: list[str]) -> None:
    assert len(row) == 5, "a cell holds a bar"
    assert bool(_TEST.findall(row[4])) != row[3].startswith(OPEN)


@pytest.mark.parametrize("row", HELD, ids=lambda row: row[0][:30])
def test_what_held_has_a_test(row: list[str]) -> None:
    assert len(row) == 3 and _TEST.search(row[2])


@pytest.mark.parametrize(("path", "name"), sorted(set(_TEST.findall(PAGE))))
def test_a_test_that_is_named_is_there(path: str, name: str) -> None:
    assert name.startswith("test_") and name in names_of(path)


def test_no_name_of_a_test_is_written_otherwise() -> None:
    """What the other tests here cannot read, they do not check."""
    assert len(re.findall(r"\w+\.py::", PAGE)) == len(_TEST.findall(PAGE))
