"""From the members' logits to probabilities, findings and one answer. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imaging.entities import Answer, Finding
from imaging.errors import SettingsError
from models.checkpoint.card import ModelCard
from models.rules.calibration import apply_calibration, log_softmax
from models.rules.conformal import ABSENT, PRESENT, ConformalRule
from models.rules.findings import FindingSpec, finding_probabilities

DEFAULT_ERROR_RATE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The network's prediction for one picture.

    Attributes
    ----------
    logits : numpy.ndarray
        (classes,), float64, members fused, before calibration.
    probabilities : numpy.ndarray
        (classes,), float64, calibrated; they sum to one unless the task is multi-label.
    members : numpy.ndarray
        (members,), float64: each member's calibrated probability of the leading finding.
    disagreement : float
        Largest difference between two members' leading probabilities, in [0, 1]; where each
        finding has an answer of its own, the largest of any that is not exploratory.
    findings : tuple of Finding
        In the card's order, each with its operating point.
    conformal_set : tuple of str
        "present", "absent", both or none, for the leading finding.
    answer : Answer
        The one thing to say: present, absent or unsure.
    """

    logits: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    members: NDArray[np.float64]
    findings: tuple[Finding, ...]
    conformal_set: tuple[str, ...]
    answer: Answer
    disagreement: float


class Answers:
    """A card's way from logits to answers, at one error rate.

    Parameters
    ----------
    card : ModelCard
    error_rate : float
        Share of wrong answers allowed per class; one of those the card has thresholds for.

    Raises
    ------
    SettingsError
        If the card has none for it.
    """

    def __init__(self, card: ModelCard, *, error_rate: float = DEFAULT_ERROR_RATE) -> None:
        self.card = card
        self.rule = _find_rule(card.conformal, error_rate)

    def to(self, logits: NDArray[np.floating]) -> tuple[Prediction, ...]:
        """Answers to every member's logits: (members, batch, classes).

        Members are fused by their mean log-probability (`models.network.ensemble.fuse`).
        """
        members = np.asarray(logits, np.float64) if self.card.multi_label else log_softmax(logits)
        fused = members.mean(0)
        return tuple(self._predict(fused[i], members[:, i]) for i in range(fused.shape[0]))

    def _predict(self, logits: NDArray[np.float64], members: NDArray[np.float64]) -> Prediction:
        """From fused logits (classes,) and those of each member (members, classes)."""
        card, lead = self.card, self.card.findings[0]
        probabilities, by_member = (
            apply_calibration(each, card.temperature, card.bias, multi_label=card.multi_label)
            for each in (logits, members)
        )
        findings = self._findings(probabilities)
        firm = [spec for spec in card.findings if card.multi_label and not spec.exploratory]
        by_finding = [finding_probabilities(by_member, card.classes, s) for s in firm or [lead]]
        labels = self.rule.prediction_set(findings[0].probability)
        return Prediction(
            logits=logits,
            probabilities=probabilities,
            members=finding_probabilities(by_member, card.classes, lead),
            disagreement=max(float(np.ptp(members)) for members in by_finding),
            findings=findings,
            conformal_set=labels,
            answer=answer_of(labels, findings[0].positive),
        )

    def _findings(self, probabilities: NDArray[np.float64]) -> tuple[Finding, ...]:
        return tuple(self._finding(spec, probabilities) for spec in self.card.findings)

    def _finding(self, spec: FindingSpec, probabilities: NDArray[np.float64]) -> Finding:
        """One finding; of a multi-label card with an answer of its own."""
        finding = Finding(
            code=spec.code,
            label=spec.label,
            probability=float(finding_probabilities(probabilities, self.card.classes, spec)),
            operating_point=spec.operating_point,
            exploratory=self.card.explores(spec),
            advice=spec.advice,
        )
        if not spec.conformal:
            return finding
        labels = _find_rule(spec.conformal, self.rule.error_rate).prediction_set(
            finding.probability
        )
        return replace(finding, answer=answer_of(labels, finding.positive), conformal_set=labels)


def _find_rule(rules: Sequence[ConformalRule], error_rate: float) -> ConformalRule:
    for rule in rules:
        if abs(rule.error_rate - error_rate) < 1e-9:
            return rule
    rates = ", ".join(f"{rule.error_rate:g}" for rule in rules)
    raise SettingsError(f"LIGHTBOX_ERROR_RATE must be one of these: {rates}.")


def answer_of(labels: tuple[str, ...], positive: bool) -> Answer:
    """One label that agrees with the operating point is an answer; anything else is unsure."""
    if labels == (PRESENT,) and positive:
        return Answer.PRESENT
    if labels == (ABSENT,) and not positive:
        return Answer.ABSENT
    return Answer.UNSURE
