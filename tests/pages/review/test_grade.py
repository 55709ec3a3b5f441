"""The answer panel tells the grade with its neighbours, and none where nothing is promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imaging.entities import Assessment, Finding
from models.inference.assessments import without_promises
from pages.ui import network_answer
from tests.imaging.review.test_grades import graded
from tests.imaging.store.test_repository import instance

OSTEOARTHRITIS = Finding("osteoarthritis", "Osteoarthritis", 0.96, 0.4)
GRADE = "Kellgren-Lawrence grade 3 (of 0 to 4): 61%; grade 2: 30%; grade 4: 5%"


def shown(assessment: Assessment, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the panel draws."""
    drawn: list[str] = []
    monkeypatch.setattr(network_answer.st, "html", drawn.append)
    network_answer.render_answer(instance(), assessment)
    return drawn[0]


def test_the_panel_tells_the_grade_with_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    said = replace(graded(0.01, 0.03, 0.3, 0.61, 0.05), findings=(OSTEOARTHRITIS,))
    assert GRADE in shown(said, monkeypatch)
    without = shown(without_promises(said), monkeypatch)
    assert "Kellgren" not in without and "score 0.96" in without
    assert "grade" not in shown(replace(said, grades=""), monkeypatch)
