"""All installed models, and which of them a picture is for.

Each model checks the header against its scope and the pixels against its gate. Of those that
refuse neither, the one with the fewest warnings and then the surest gate answers; when there is
none, the picture gets the reasons and no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.entities import Instance
from imaging.settings import Settings
from models.checkpoint import find_checkpoint, installed_checkpoints
from models.classifier import Classifier
from models.scope import ScopeVerdict, check_scope

BLANK = "The picture is blank: every pixel has the same value."
NONE_FITS = "None of the installed models was built for this picture."


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that may answer (None when all refuse), and what its checks said."""

    classifier: Classifier | None
    verdict: ScopeVerdict


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
        verdicts = [(c, *_examine(c, instance, luminance)) for c in self.classifiers]
        fitting = [row for row in verdicts if not row[1].refusals]
        if fitting:
            best, verdict, _ = min(fitting, key=lambda row: (len(row[1].warnings), row[2]))
            return Choice(best, verdict)
        if len(verdicts) == 1:
            return Choice(None, verdicts[0][1])
        reasons = dict.fromkeys(reason for _, v, _score in verdicts for reason in v.refusals)
        return Choice(None, ScopeVerdict(refusals=(NONE_FITS, *reasons)))


def _examine(
    classifier: Classifier, instance: Instance, luminance: NDArray[np.float32]
) -> tuple[ScopeVerdict, float]:
    """What the checks say, and the gate's score: the lower, the better the picture fits.

    The pixels are looked at only when the header allows the picture. A model without a gate
    stands at the threshold of one, zero.
    """
    verdict = check_scope(instance, classifier.card.scope)
    if verdict.refusals:
        return verdict, 0.0
    if float(np.ptp(luminance)) == 0:
        return ScopeVerdict((BLANK,), verdict.warnings), 0.0
    if classifier.gate is None:
        return verdict, 0.0
    seen = classifier.gate.examine(luminance)
    return verdict if seen.suitable else ScopeVerdict((seen.reason,), verdict.warnings), seen.score
