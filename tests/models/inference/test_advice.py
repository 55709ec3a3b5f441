"""What an answer does not say, and what to do next, goes along with it: card, record, report."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from imaging.entities import Answer
from imaging.export import report_words
from imaging.export.report import Answered, Report
from imaging.settings import ROOT
from imaging.store.schema.json_codec import assessment_from_json, assessment_to_json
from models.checkpoint.card import ModelCard
from models.inference.answers import Answers
from models.inference.assessments import make_answer
from pages.ui import network_answer
from tests.models.inference.test_exploratory import FILM

CARD = ModelCard.read(ROOT / "models" / "weights" / "adult-tb" / "card.json")
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("logits", "answer"),
    [([-9.0, 9.0], Answer.PRESENT), ([9.0, -9.0], Answer.ABSENT), ([0.5, 0.5], Answer.UNSURE)],
)
def test_no_answer_about_tuberculosis_stands_without_the_next_step(
    logits: list[float], answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = np.tile(np.array(logits)[None, None], (CARD.answers, 1, 1))
    answers = Answers(CARD)
    made = make_answer(FILM, answers.to(members)[0], answers, ())
    stored = assessment_from_json(assessment_to_json(made), NOW)
    assert stored.answer is answer and stored.findings == made.findings
    (finding,) = stored.findings
    assert "neither proves nor rules out" in finding.advice and "sputum" in finding.advice
    answered = Answered(
        number=1,
        instance=FILM,
        status=stored.status,
        answer=answer,
        findings=stored.findings,
        grade=None,
        calibrated=True,
        messages=(),
        model=stored.model,
        engine="",
        disagreement=None,
        maps=(),
    )
    report = cast(Report, SimpleNamespace(images=(FILM,)))
    assert finding.advice in report_words._answer_lines(answered, report, lambda text: text)
    monkeypatch.setattr(network_answer.resources, "measured", lambda _name: None)
    monkeypatch.setattr(network_answer, "_describe_network", lambda *_: [])
    assert finding.advice in network_answer._compose_answer(FILM, stored, finding)
