"""The measured operating point: what the network does with films, from its stored evaluation.

Nothing about the network is typed in: sensitivity, specificity and how often it is unsure come from
the files beside its weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from imaging.entities import ModelIdentity
from imaging.errors import CheckpointError, SettingsError
from imaging.settings import Settings
from imaging.worklist.simulation import Scenario
from models.checkpoint.card import ModelCard
from models.model_card.facts import read_facts
from models.model_card.figure import Figure
from models.model_card.figures import FilmAnswer, ModelFacts
from models.network.checkpoint import find_checkpoint
from models.rules.conformal import ABSENT, ConformalRule

NOT_MEASURED = (
    "How good this model is was not measured, so nothing can be worked out. Ask "
    "whoever runs Lightbox for a measured model."
)
MIXED_WEIGHTS = (
    "The stored figures are not known to belong to the installed weights; run make evaluate."
)

_NORMAL = 1.96


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Operating point of a network, measured on held-out films.

    Attributes
    ----------
    model : ModelIdentity
    threshold : float
        Calibrated probability from which a film is raised.
    error_rate : float
        The rate that says when it is unsure.
    films : int
        How many it was measured on, refused ones not among them; ``split`` names them.
    sensitivity, specificity : Figure
        With 95 % intervals.
    unsure_present, unsure_absent : Figure
        Share of the films with and without the finding that it is unsure about and does not
        raise; Wilson intervals.
    prevalence : float
        Share of the films that show the finding.
    """

    model: ModelIdentity
    threshold: float
    error_rate: float
    films: int
    split: str
    sensitivity: Figure
    specificity: Figure
    unsure_present: Figure
    unsure_absent: Figure
    prevalence: float

    def shows(self, raised_share: float) -> float:
        """Prevalence behind a share of raised studies, in [0.01, 0.99].

        Notes
        -----
        Rogan & Gladen, Am J Epidemiol 1978: a share that is raised holds false alarms, and lacks
        what was missed.
        """
        false_alarms = 1 - self.specificity.value
        distinguished = self.sensitivity.value - false_alarms
        if distinguished <= 0:
            return self.prevalence
        return min(max((raised_share - false_alarms) / distinguished, 0.01), 0.99)

    def apply(self, scenario: Scenario) -> Scenario:
        """The ward with this network in it."""
        sensitivity, specificity = self.sensitivity.value, self.specificity.value
        return replace(
            scenario,
            sensitivity=sensitivity,
            specificity=specificity,
            # rounding must not make shares of more than all films
            unsure_present=min(self.unsure_present.value, 1 - sensitivity),
            unsure_absent=min(self.unsure_absent.value, specificity),
        )


def operating_point(facts: ModelFacts, error_rate: float) -> OperatingPoint:
    """The measured operating point of a checkpoint.

    Parameters
    ----------
    facts : ModelFacts
    error_rate : float
        Which rule of the card says "unsure" (`Settings.error_rate`).

    Raises
    ------
    CheckpointError
        If nothing was measured, or on other weights than the installed ones.
    SettingsError
        If the card has no rule for `error_rate`.
    """
    lead, split, spec = facts.lead, facts.split, facts.card.findings[0]
    if lead is None or split is None or not facts.films:
        raise CheckpointError(NOT_MEASURED)
    if any(name.startswith("test.") for name in (*facts.foreign, *facts.unstamped)):
        raise CheckpointError(MIXED_WEIGHTS)
    rule = _find_rule(facts.card, error_rate)
    present = [f for f in facts.films if spec.shown_by(f.label)]
    absent = [f for f in facts.films if not spec.shown_by(f.label)]
    if not present or not absent:
        raise CheckpointError(NOT_MEASURED)
    return OperatingPoint(
        model=facts.card.identity,
        threshold=spec.operating_point,
        error_rate=error_rate,
        films=split.measured,
        split=split.split,
        sensitivity=lead.figures["sensitivity"],
        specificity=lead.figures["specificity"],
        unsure_present=_unsure_share(present, spec.operating_point, rule),
        unsure_absent=_unsure_share(absent, spec.operating_point, rule),
        prevalence=len(present) / len(facts.films),
    )


def read_operating_point(settings: Settings, model: str = "") -> OperatingPoint:
    """The operating point of an installed model; the serving one when no name is given.

    Raises
    ------
    CheckpointError, SettingsError
        As `operating_point`; also when no such model is installed.
    """
    folder = find_checkpoint(settings.weights, model or settings.model_name)
    return operating_point(read_facts(folder), settings.error_rate)


def _find_rule(card: ModelCard, error_rate: float) -> ConformalRule:
    for rule in card.conformal:
        if math.isclose(rule.error_rate, error_rate):
            return rule
    raise SettingsError("LIGHTBOX_ERROR_RATE is none of the rates the model's card lists.")


def _unsure_share(films: Sequence[FilmAnswer], threshold: float, rule: ConformalRule) -> Figure:
    """Share of films that stay below the operating point, yet "absent" is not the only answer."""
    count = sum(
        f.probability < threshold and rule.prediction_set(f.probability) != (ABSENT,) for f in films
    )
    n = len(films)
    # Wilson (1927): sound for a handful of films, and for none
    share, square = count / n, _NORMAL**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _NORMAL / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Figure(share, max(middle - half, 0.0), min(middle + half, 1.0))
