"""What the eraser says of an answer before and after: never that it stays when it changed."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.entities import Answer, Finding
from models.inference.answers import Prediction
from pages.ui.explain.eraser import verdict


def said(probability: float, answer: Answer) -> Prediction:
    """A prediction of one finding, with its operating point at a half."""
    none = np.zeros(2)
    finding = Finding("pneumonia", "Pneumonia", probability, 0.5)
    return Prediction(none, none, none, (finding,), (), answer)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (said(0.9, Answer.PRESENT), said(0.1, Answer.ABSENT), "hung on"),
        (said(0.1, Answer.ABSENT), said(0.9, Answer.PRESENT), "spoken against"),
        (said(0.56, Answer.UNSURE), said(0.87, Answer.PRESENT), "changes"),
        (said(0.45, Answer.UNSURE), said(0.1, Answer.ABSENT), "changes"),
        (said(0.9, Answer.PRESENT), said(0.8, Answer.PRESENT), "stays"),
    ],
)
def test_the_eraser_says_what_became_of_the_answer(
    before: Prediction, after: Prediction, words: str
) -> None:
    assert words in verdict(before, after)
