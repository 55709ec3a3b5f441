"""All installed models, and which of them a picture is for.

Each model checks the header against its scope and the pixels against its gate. Of those that
refuse neither, the one with the fewest warnings and then the surest gate answers; when there is
none, the picture gets the reasons and no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imaging.apart import Reading
from imaging.entities import Assessment, Instance
from imaging.settings import Settings
from models.checkpoint import find_checkpoint, installed_checkpoints
from models.classifier import Classifier
from models.scope import ScopeVerdict, check_scope
from models.verdicts import BLANK, LOST, NONE_FITS, answered, none_fits, refused
from models.view import WHOLE, Box

__all__ = ["BLANK", "LOST", "NONE_FITS", "Choice", "Examined", "Panel"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that may answer (None when all refuse), and what its checks said.

    ``view`` is the part of the picture the model will look at.
    """

    classifier: Classifier | None
    verdict: ScopeVerdict
    view: Box = WHOLE


class Panel:
    """Models in their order of preference; read-only, safe to share between threads."""

    def __init__(self, classifiers: Sequence[Classifier]) -> None:
        if not classifiers:
            raise ValueError("a panel needs a model")
        self.classifiers = tuple(classifiers)

    @classmethod
    def load(cls, settings: Settings) -> Panel:
        """Load the installed models, or the one that `LIGHTBOX_MODEL` names.

        Raises
        ------
        CheckpointError
            If one of them cannot be loaded, or none is installed.
        """
        first = find_checkpoint(settings.weights, settings.model_name)
        folders = (first,) if settings.model_name else installed_checkpoints(settings.weights)
        return cls([Classifier.load(f, error_rate=settings.error_rate) for f in folders])

    @property
    def first(self) -> Classifier:
        """The model that speaks when no picture has chosen another."""
        return self.classifiers[0]

    def named(self, name: str) -> Classifier:
        """The installed model of that name, or the first."""
        return next((c for c in self.classifiers if c.card.name == name), self.first)

    def choose(self, instance: Instance, luminance: NDArray[np.float32]) -> Choice:
        """Find the model for one picture.

        Parameters
        ----------
        luminance : numpy.ndarray
            (rows, columns), larger is brighter.
        """
        examined = [_examine(c, instance, luminance) for c in self.classifiers]
        fitting = [e for e in examined if not e.verdict.refusals]
        if fitting:
            best = min(fitting, key=lambda e: (len(e.verdict.warnings), e.score))
            return Choice(best.classifier, best.verdict, best.view)
        return Choice(None, none_fits([e.verdict for e in examined]))

    def assess(self, readings: Sequence[Reading]) -> list[Assessment]:
        """What is said about decoded films, by torch, one by one; see `models.inference`."""
        return [self._assess(reading) for reading in readings]

    def _assess(self, reading: Reading) -> Assessment:
        instance, luminance = reading.instance, reading.luminance
        choice = self.choose(instance, luminance)
        classifier = choice.classifier
        if classifier is None or reading.refusals:
            verdict = ScopeVerdict(reading.refusals + choice.verdict.refusals)
            return refused(instance, (classifier or self.first).card.identity, verdict)
        prediction = classifier.predict(luminance, view=choice.view)
        warnings = reading.remarks + choice.verdict.warnings
        return answered(instance, prediction, classifier.answers_of, warnings)


@dataclass(frozen=True, slots=True)
class Examined:
    """What one model's checks said; the lower the gate's score, the better the picture fits.

    A model without a gate stands at the threshold of one, zero.
    """

    classifier: Classifier
    verdict: ScopeVerdict
    score: float = 0.0
    view: Box = WHOLE

    def refused(self, reason: str) -> Examined:
        """The same with a reason to refuse; the warnings stay."""
        return replace(self, verdict=ScopeVerdict((reason,), self.verdict.warnings))


def _examine(
    classifier: Classifier, instance: Instance, luminance: NDArray[np.float32]
) -> Examined:
    """Header first; the pixels are looked at only when it allows the picture."""
    found = Examined(classifier, check_scope(instance, classifier.card.scope))
    if found.verdict.refusals:
        return found
    if float(np.ptp(luminance)) == 0:
        return found.refused(BLANK)
    if classifier.gate is not None:
        seen = classifier.gate.examine(luminance)
        found = replace(found, score=seen.score)
        if not seen.suitable:
            return found.refused(seen.reason)
    view = classifier.framing.find(luminance)
    return replace(found, view=view) if view else found.refused(LOST)
