"""All installed models as torch networks: for the pages and for the explanations.

Which of them answers for a picture is decided in `models.inference.assessor`. A model's networks
are loaded when they are first asked for: its card says most of what a page needs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from imaging.errors import CheckpointError
from imaging.settings import Settings
from models.checkpoint.card import ModelCard
from models.checkpoint.sealing import read_card
from models.inference.classifier import Classifier
from models.network.checkpoint import find_checkpoint, installed_checkpoints

GONE = (
    "The model that answered this image is not installed any more. Run the AI on the study again."
)


class ClassifierRegistry:
    """Models in their order of preference; read-only, safe to share between threads.

    Parameters
    ----------
    classifiers : sequence of Classifier
        Loaded ones.
    """

    def __init__(self, classifiers: Sequence[Classifier]) -> None:
        self._begin({one.card.name: (one.card, partial(_give, one)) for one in classifiers})

    @classmethod
    def load(cls, settings: Settings) -> ClassifierRegistry:
        """The installed models, or the one that `LIGHTBOX_MODEL` names; the first is loaded.

        Raises
        ------
        CheckpointError
            If one of them cannot be used, or none is installed.
        """
        first = find_checkpoint(settings.weights, settings.model_name)
        folders = (first,) if settings.model_name else installed_checkpoints(settings.weights)
        registry = cls.__new__(cls)
        found: dict[str, tuple[ModelCard, Callable[[], Classifier]]] = {}
        for folder in folders:
            card = read_card(folder)
            found[card.name] = (
                card,
                partial(Classifier.load, folder, error_rate=settings.error_rate),
            )
        registry._begin(found)
        registry.named(registry.cards[0].name)
        return registry

    def _begin(self, found: Mapping[str, tuple[ModelCard, Callable[[], Classifier]]]) -> None:
        if not found:
            raise ValueError("a panel needs a model")
        self.cards = tuple(card for card, _load in found.values())
        self._load = {name: load for name, (_card, load) in found.items()}
        self._loaded: dict[str, Classifier] = {}
        self._lock = threading.Lock()

    def card(self, name: str = "") -> ModelCard:
        """The card of the installed model of that name; of the first without one.

        Raises
        ------
        CheckpointError
            If there is none of that name: another's card says nothing about its answers.
        """
        for card in self.cards:
            if name in ("", card.name):
                return card
        raise CheckpointError(GONE)

    def named(self, name: str) -> Classifier:
        """The installed model of that name, loaded; the first without one.

        Raises
        ------
        CheckpointError
            If there is none of that name, or it cannot be loaded.
        """
        wanted = self.card(name).name
        with self._lock:
            if wanted not in self._loaded:
                self._loaded[wanted] = self._load[wanted]()
            return self._loaded[wanted]


def _give(classifier: Classifier) -> Classifier:
    return classifier
