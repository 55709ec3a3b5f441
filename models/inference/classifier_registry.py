"""All installed models as torch networks: for the pages and for the explanations.

Which of them answers for a picture is decided in `models.inference.assessor`.
"""

from __future__ import annotations

from collections.abc import Sequence

from imaging.settings import Settings
from models.inference.classifier import Classifier
from models.network.checkpoint import find_checkpoint, installed_checkpoints


class ClassifierRegistry:
    """Models in their order of preference; read-only, safe to share between threads."""

    def __init__(self, classifiers: Sequence[Classifier]) -> None:
        if not classifiers:
            raise ValueError("a panel needs a model")
        self.classifiers = tuple(classifiers)

    @classmethod
    def load(cls, settings: Settings) -> ClassifierRegistry:
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
