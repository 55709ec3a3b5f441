"""What the eraser says of an answer before and after: never that it stays when it changed."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from imaging.entities import Answer, Finding, ModelIdentity
from models.explain.probes.erase import Fill, NamedStep, Outcome, Step
from models.inference.answers import Prediction
from pages.ui.explain import eraser
from pages.ui.explain.eraser import verdict


def said(probability: float, answer: Answer) -> Prediction:
    """A prediction of one finding, with its operating point at a half."""
    none = np.zeros(2)
    finding = Finding("pneumonia", "Pneumonia", probability, 0.5)
    return Prediction(none, none, none, (finding,), (), answer, 0.0)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (said(0.9, Answer.PRESENT), said(0.1, Answer.ABSENT), "depended on"),
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


@pytest.mark.parametrize("informative", [True, False])
def test_an_answer_that_says_nothing_is_no_number(
    informative: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = NamedStep("Without right lower", Step(np.ones((8, 8), np.float32), Fill.BLUR))
    after = said(0.37, Answer.ABSENT)
    outcome = Outcome(after, np.zeros((8, 8), np.uint8), informative)
    shown: list[str] = []
    monkeypatch.setattr(eraser.session, "eraser_steps", lambda _uid: [step])
    monkeypatch.setattr(eraser, "_render_undo", lambda *_: None)
    for draw in ("markdown", "caption"):
        monkeypatch.setattr(eraser.st, draw, shown.append)
    model = ModelIdentity("m", "1", "a" * 64)
    eraser._render_answers(cast(Any, None), "1.2", model, said(0.9, Answer.PRESENT), outcome)
    text = "\n".join(shown)
    assert ("37" in text) == informative
    assert ("not informative" in text and "looks like disease" in text) == (not informative)
    assert "Without right lower" in text and "90" in text
