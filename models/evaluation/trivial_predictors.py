"""Numbers that hold no disease and may still go with the label: what a shortcut would live on."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imaging.settings import Settings
from models.checkpoint.card import ModelCard
from models.data.dataset import Film, as_bytes
from models.evaluation import shortcuts
from models.inference.classifier import Classifier
from models.network.preprocess import squash
from models.rules.crop_box import CropBox

TRIVIAL = {
    "area": "Area of the original picture file",
    "aspect": "Width by height of the original picture file",
    "framing": "Where in the film the lungs begin and end",
    "thumbnail": "Linear model on 16 x 16 thumbnails",
    "framed_thumbnail": "Linear model on 16 x 16 thumbnails of the framed films",
    "border_tone": "Mean and contrast of the outer 10 % alone",
}


def trivial_features(
    classifier: Classifier, films: Sequence[Film], cache: NDArray[np.uint8]
) -> dict[str, NDArray[np.float64]]:
    """Numbers per predictor of `TRIVIAL`: (films, features), NaN where unknown.

    Parameters
    ----------
    films : sequence of Film
    cache : numpy.ndarray
        (films, rows, columns), uint8: the films, squashed.

    Returns
    -------
    dict
        Without those that this task's films or model cannot give.
    """
    features = {
        "thumbnail": shortcuts.thumbnails(cache),
        "border_tone": shortcuts.border_tone(cache),
    }
    if classifier.framing.localiser:
        boxes = [classifier.framing.view(film.astype(np.float32)) for film in cache]
        edges = np.array([box.edges for box in boxes])
        features["framing"] = edges
        features["framed_thumbnail"] = shortcuts.thumbnails(_cut_to_boxes(cache, boxes))
    sizes = original_sizes(classifier.card, films)
    if sizes is not None:
        width, height = np.log(sizes).T
        features |= {"area": (width + height)[:, None], "aspect": (width - height)[:, None]}
    return {name: features[name] for name in TRIVIAL if name in features}


def _cut_to_boxes(cache: NDArray[np.uint8], boxes: Sequence[CropBox]) -> NDArray[np.uint8]:
    side = cache.shape[1]
    return np.stack(
        [
            as_bytes(squash(film[box.pixels((side, side))].astype(np.float32), side))
            for film, box in zip(cache, boxes, strict=True)
        ]
    )


def original_sizes(card: ModelCard, films: Sequence[Film]) -> NDArray[np.float64] | None:
    """The two acquisition columns of the manifest (films, 2), NaN where blank; None if not two."""
    training = card.training
    names = training["columns"].get("acquisition", ())
    base = Settings.from_environment().data
    if len(names) != 2 or base is None:
        return None
    key = training["columns"].get("file", "file")
    with (base / training["data"]["manifest"]).open(newline="") as stream:
        sizes = {r[key]: [float(r[n] or "nan") for n in names] for r in csv.DictReader(stream)}
    images = base / training["data"]["images"]
    return np.array([sizes[str(f.path.relative_to(images))] for f in films])
