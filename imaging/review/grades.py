"""Grades: which of several in order an AI says an image shows, and what it says of those beside it.

A grade alone hides how near the next one was: readers of the same knee often differ by one grade.
So the likeliest grade never stands without its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

from imaging.entities import Assessment


@dataclass(frozen=True, slots=True)
class GradeAnswer:
    """The likeliest grade of a scale.

    Attributes
    ----------
    scale : str
        Name of the scale: "Kellgren-Lawrence grade".
    grade, lowest, highest : str
        The likeliest, and the ends of the scale.
    probability : float
        Calibrated, of that grade, in [0, 1].
    neighbours : tuple of (str, float)
        The grades next to it with their probabilities, the likelier first.
    """

    scale: str
    grade: str
    lowest: str
    highest: str
    probability: float
    neighbours: tuple[tuple[str, float], ...]


def grade_answer(assessment: Assessment) -> GradeAnswer | None:
    """The grade an AI gave; None where it gives none, or where nothing is promised of the image.

    Probabilities are in the order of the grades (`Assessment.grades`).
    """
    grades = [(_short(name), p) for name, p in assessment.probabilities]
    if not assessment.grades or len(grades) < 2 or assessment.answer is None:
        return None
    at = max(range(len(grades)), key=lambda i: grades[i][1])
    beside = [grades[i] for i in (at - 1, at + 1) if 0 <= i < len(grades)]
    return GradeAnswer(
        scale=assessment.grades,
        grade=grades[at][0],
        lowest=grades[0][0],
        highest=grades[-1][0],
        probability=grades[at][1],
        neighbours=tuple(sorted(beside, key=lambda one: one[1], reverse=True)),
    )


def _short(name: str) -> str:
    """The number at the end of a grade's name: "kl3" -> "3"; a name without one as it is."""
    number = name[len(name.rstrip("0123456789")) :]
    return number or name
