"""The reference cases of a model: its training films as numbers, with what they were proven to be.

Where every film lies in the networks' embedding, its true label, the network's own answer and the
film's measures. No picture is kept, nor anything a picture could be made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.explain.base.lung_measures import CONCEPTS, Link, LungMeasures, Measures
from models.explain.cases.neighbours import Index, make_index
from models.inference.classifier import Classifier

FAR = 99.0  # percentile of the validation films' nearest distances beyond which nothing is alike

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """From the members' pooled features to the space in which films are compared.

    Every member's features are scaled to length one, put side by side, centred and multiplied by
    `matrix`; the distance there is Euclidean.

    Attributes
    ----------
    mean : numpy.ndarray
        (members * channels,), float32.
    matrix : numpy.ndarray
        (members * channels, dimensions), float32.
    """

    mean: Floats
    matrix: Floats

    def __call__(self, features: Floats) -> Floats:
        """Project features (films, members, channels) to (films, dimensions)."""
        return ((join_members(features) - self.mean) @ self.matrix).astype(np.float32)


def join_members(features: Floats) -> Floats:
    """Members' features (films, members, channels), each of length one, side by side."""
    length = np.maximum(np.linalg.norm(features, axis=2, keepdims=True), 1e-12)
    return (features / length).reshape(len(features), -1).astype(np.float32)


def features_of(classifier: Classifier, x: Tensor) -> Floats:
    """Pooled features of one input (1, 1, size, size): (members, channels), float32."""
    return classifier.embed(x)[:, 0].float().numpy()


@dataclass(frozen=True, slots=True)
class ReferenceCase:
    """The reference card of one training film: all that is known of it here, and no picture.

    Attributes
    ----------
    name : str
        File name in the open data set it comes from.
    label : str
        Its true class.
    patient : int
        Number of the patient within the data set; the same for all films of one.
    probabilities : mapping of str to float
        The network's own calibrated answer to it, by class. It learned from this film.
    measures : mapping or None
        See `models.explain.base.lung_measures`; None where the lungs are not surely seen.
    """

    name: str
    label: str
    patient: int
    probabilities: Mapping[str, float]
    measures: Measures | None


@dataclass(frozen=True, eq=False)
class Reference:
    """All reference cases of one model.

    Attributes
    ----------
    weights_sha256, localiser_sha256 : str
        The networks they were computed with.
    classes : tuple of str
        Order of `labels` and of the columns of `probabilities`.
    names : tuple of str
    labels, patients : numpy.ndarray
        (films,), int64.
    probabilities, measures, vectors : numpy.ndarray
        (films, classes), (films, concepts) with NaN rows where nothing was measured, and
        (films, dimensions); float32.
    projection : Projection
    nearest : numpy.ndarray
        (validation films,), float32, rising: how far the nearest training film is from each.
    links : mapping of str to Link
        By concept.
    facts : mapping
        What else the build found out: counts, and how the projection was chosen.
    """

    weights_sha256: str
    localiser_sha256: str
    classes: tuple[str, ...]
    names: tuple[str, ...]
    labels: NDArray[np.int64]
    patients: NDArray[np.int64]
    probabilities: Floats
    measures: Floats
    vectors: Floats
    projection: Projection
    nearest: Floats
    links: Mapping[str, Link]
    facts: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def index(self) -> Index:
        """Finds the nearest of `vectors`."""
        return make_index(self.vectors)

    def case(self, position: int) -> ReferenceCase:
        """The reference card of a film."""
        measures = self.measures[position]
        is_measured = bool(np.isfinite(measures).all())
        probabilities = map(float, self.probabilities[position])
        return ReferenceCase(
            name=self.names[position],
            label=self.classes[self.labels[position]],
            patient=int(self.patients[position]),
            probabilities=dict(zip(self.classes, probabilities, strict=True)),
            measures=dict(zip(CONCEPTS, map(float, measures), strict=True))
            if is_measured
            else None,
        )

    def place(self, classifier: Classifier, x: Tensor) -> Floats:
        """Place of an input (1, 1, size, size) among `vectors`: (dimensions,), float32."""
        return self.projection(features_of(classifier, x)[None])[0]

    def rarity(self, distance: float) -> float:
        """Per cent of the validation films whose nearest training film is nearer than that."""
        return float(100 * np.searchsorted(self.nearest, distance) / len(self.nearest))

    def readings(self, measures: Measures) -> tuple[LungMeasures, ...]:
        """The measures of a film beside those of the training films, in the order of `CONCEPTS`."""
        return tuple(
            LungMeasures(
                name=name,
                value=measures[name],
                percentile=percentile(self.measures[:, column], measures[name]),
                link=self.links.get(name),
            )
            for column, name in enumerate(CONCEPTS)
        )


def percentile(values: Floats, value: float) -> float:
    """Per cent of the finite known values below a value, ties counting one half."""
    finite = values[np.isfinite(values)]
    below, equal = (finite < np.float32(value)).mean(), (finite == np.float32(value)).mean()
    return float(100 * (below + equal / 2))
