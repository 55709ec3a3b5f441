"""The films a model was made from, opened with its checkpoint: for whatever measures a model."""

from __future__ import annotations

from pathlib import Path

from imaging.errors import SettingsError
from imaging.settings import Settings
from models.checkpoint.card import ModelCard
from models.data.dataset import Film, ManifestColumns
from models.inference.classifier import Classifier
from models.network.checkpoint import find_checkpoint
from models.training.config import films_of


def films_of_model(card: ModelCard, settings: Settings) -> tuple[Film, ...]:
    """All films of the data a model was made from.

    Raises
    ------
    SettingsError
        If `LIGHTBOX_DATA` is unset or its manifest is not usable.
    """
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the research data.")
    columns = ManifestColumns.from_dict(card.training["columns"])
    return films_of(card.training["data"], columns, settings.data)


def open_model(model: str) -> tuple[Path, Classifier, tuple[Film, ...]]:
    """The named checkpoint's folder, the classifier in it (torch), and all films of its card.

    Raises
    ------
    SettingsError
        If `LIGHTBOX_DATA` is unset.
    """
    settings = Settings.from_environment()
    folder = find_checkpoint(settings.weights, model)
    classifier = Classifier.load(folder)
    return folder, classifier, films_of_model(classifier.card, settings)
