"""A network that is exploratory by rule raises nothing, leads nothing and drafts nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imaging.entities import Acquisition, Answer, Geometry, Identity, Instance, Patient
from imaging.review.drafting import list_undecided
from imaging.settings import ROOT
from imaging.worklist.order import ROUTINE, ReadingOrder, signals, urgency
from models.checkpoint.card import ModelCard
from models.inference.answers import Answers
from models.inference.assessments import make_answer
from models.rules.baseline_rule import OTHER

FILM = Instance(
    Identity("1.2", "1.3", "1.4", "1.5", "1.6", "0" * 64),
    Patient(),
    Acquisition(),
    Geometry(8, 8, 1, 1, "MONOCHROME2", 8),
)
CARD = ModelCard.read(ROOT / "models" / "weights" / "paediatric-cxr" / "card.json")


@pytest.mark.parametrize("logits", [[-9.0, 9.0, 0.0], [0.5, 0.4, 0.4], [9.0, -9.0, -9.0]])
def test_no_urgency_no_headline_no_draft(logits: list[float]) -> None:
    code = CARD.findings[0].code
    card = replace(CARD, exploratory_because={code: (OTHER,)})
    members = np.tile(np.array(logits)[None, None], (card.answers, 1, 1))
    answers = Answers(card)
    assessment = make_answer(FILM, answers.to(members)[0], answers, ())
    assert assessment.findings and all(f.exploratory for f in assessment.findings)
    assert assessment.primary is None and assessment.answer is None
    assert assessment.conformal_set == () and assessment.error_rate is None
    assert urgency(signals([assessment]), ReadingOrder()) == ROUTINE
    assert list_undecided(None, [assessment]) == ()


def test_the_same_network_raises_where_it_is_firm() -> None:
    """Without the rule the same figures would raise the study: the test above can fail."""
    answers = Answers(CARD)
    members = np.tile(np.array([-9.0, 9.0, 0.0])[None, None], (CARD.answers, 1, 1))
    assessment = make_answer(FILM, answers.to(members)[0], answers, ())
    assert assessment.answer is Answer.PRESENT
    assert urgency(signals([assessment]), ReadingOrder()) > ROUTINE
