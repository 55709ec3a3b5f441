"""Measure every training film of a model, for the pages "similar proven cases" and "measures".

    export LIGHTBOX_DATA=...
    python -m models.evaluation.build_reference --model paediatric-cxr

Writes ``reference.safetensors`` and ``reference.json`` beside the weights: numbers only, no
picture. The films run through the networks that explain (by torch, without the scope gate), as the
film in question will when it is compared with them.
What was measured so far lies in the folder ``--work``; a run that was stopped goes on from there,
so empty it after changing how anything is measured. Choices see training and validation films only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.errors import SettingsError
from models import metrics
from models.data.dataset import Film, read_luminance, select
from models.evaluation.films import open_model
from models.explain.base.lung_measures import CONCEPTS, Link, measure
from models.explain.base.subject import look
from models.explain.base.targets import Targets, log_odds
from models.explain.cases.neighbours import ExactIndex
from models.explain.cases.reference import Floats, Projection, Reference, features_of, join_members
from models.explain.cases.reference_file import save_reference
from models.explain.cases.similar import COUNTED, first_of_each
from models.explain.checks.ranks import rank_correlation
from models.inference.classifier import Classifier

DIMENSIONS = (32, 64, 128, 256)
_ENOUGH = 0.001  # nats of log loss that more dimensions must be worth
_FLAT = 1e-6  # of the largest variance: a direction with less is not stretched further
_RESAMPLES = 400
_SOURCE = ("title", "licence", "citation")
_CHUNK = 50  # films between two writes


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Features, scores and lung measures of some films.

    Attributes
    ----------
    names, labels, patients : numpy.ndarray
        (films,), str.
    features : numpy.ndarray
        (films, members, channels), float32.
    probabilities : numpy.ndarray
        (films, classes), float32, calibrated.
    scores : numpy.ndarray
        (films,), float32: log-odds of the leading finding, mean over members.
    measures : numpy.ndarray
        (films, concepts), float32; NaN where the lungs are not surely seen.
    """

    names: NDArray[np.str_]
    labels: NDArray[np.str_]
    patients: NDArray[np.str_]
    features: Floats
    probabilities: Floats
    scores: Floats
    measures: Floats

    @classmethod
    def joined(cls, parts: Sequence[Measured]) -> Measured:
        """All films of several parts, in order."""
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in cls.__slots__))


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    work: Annotated[Path | None, typer.Option(help="Default: a temporary folder by hash.")] = None,
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Measure the training films of a model."""
    folder, classifier, films = open_model(model)
    if classifier.card.multi_label:
        raise SettingsError(
            "Reference cases have one class each, so a multi-label model has none yet; "
            "leave this step out."
        )
    digest = classifier.card.weights_sha256[:12]
    work_folder = work or Path(tempfile.gettempdir()) / f"lightbox-reference-{digest}"
    training, validation = (
        measure_films(classifier, select(films, s), work_folder / s) for s in ("train", "val")
    )
    reference = build(classifier, training, validation)
    save_reference(out or folder, reference)
    typer.echo(f"{len(reference)} films, {reference.vectors.shape[1]} dimensions.")


def measure_films(classifier: Classifier, films: Sequence[Film], folder: Path) -> Measured:
    """Measure films, going on from what the folder holds already."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in tqdm(range(0, len(films), _CHUNK)):
        path = folder / f"{start:06d}.npz"
        if not path.exists():
            part = Measured.joined([film_facts(classifier, f) for f in films[start:][:_CHUNK]])
            np.savez(folder / "part.npz", **{n: getattr(part, n) for n in Measured.__slots__})
            (folder / "part.npz").rename(path)
        with np.load(path) as arrays:
            parts.append(Measured(**{name: arrays[name] for name in Measured.__slots__}))
    return Measured.joined(parts)


def film_facts(classifier: Classifier, film: Film) -> Measured:
    """Measure one film."""
    luminance = read_luminance(film.path)
    subject = look(classifier, luminance)
    measures = measure(subject, classifier.regions(luminance))
    sides = Targets(classifier.card).sides(classifier.card.findings[0].code)
    score = log_odds(classifier.logits(subject.x), sides).mean()
    values = [measures[name] for name in CONCEPTS] if measures else [np.nan] * len(CONCEPTS)
    return Measured(
        names=np.array([film.path.name]),
        labels=np.array([film.label]),
        patients=np.array([film.patient]),
        features=features_of(classifier, subject.x)[None],
        probabilities=classifier.predict_inputs(subject.x)[0].probabilities[None].astype("f4"),
        scores=np.array([score], np.float32),
        measures=np.array([values], np.float32),
    )


def build(classifier: Classifier, training: Measured, validation: Measured) -> Reference:
    """The reference of training films, with what validation films say about it."""
    card = classifier.card
    patients = np.unique(training.patients, return_inverse=True)[1].astype(np.int64)
    tried = {
        name: (projection, score_projection(projection, training, patients, validation))
        for name, projection in projections(training.features).items()
    }
    least = min(figures["log_loss"] for _p, figures in tried.values())
    enough = (name for name, (_p, f) in tried.items() if f["log_loss"] <= least + _ENOUGH)
    chosen = next(enough)  # they come with the fewest dimensions first
    projection = tried[chosen][0]
    vectors = projection(training.features).astype(np.float16).astype(np.float32)
    index = ExactIndex(vectors)
    nearest = [index.nearest(place, 1)[1][0] for place in projection(validation.features)]
    truth = np.isin(validation.labels, card.findings[0].members)
    return Reference(
        weights_sha256=card.weights_sha256,
        localiser_sha256=card.localiser_sha256,
        classes=card.classes,
        names=tuple(map(str, training.names)),
        labels=np.array([card.classes.index(label) for label in training.labels], np.int64),
        patients=patients,
        probabilities=training.probabilities,
        measures=training.measures,
        vectors=vectors,
        projection=projection,
        nearest=np.sort(np.array(nearest, np.float32)),
        links=link_measures(validation, truth),
        facts={
            "films": len(training.names),
            "patients": len(set(patients.tolist())),
            "validation_films": len(validation.names),
            "without_lungs": int(np.isnan(training.measures).any(1).sum()),
            "finding": card.findings[0].code,
            "projection": chosen,
            "neighbours": COUNTED,
            "projections": {name: figures for name, (_p, figures) in tried.items()},
            "data": {
                k: card.training.get("data", {}).get(k, "")
                for k in ("title", "licence", "citation")
            },
        },
    )


def projections(features: Floats) -> dict[str, Projection]:
    """Principal components of the training films' features, plain and whitened, by name.

    The matrices are rounded to what is stored.
    """
    rows = join_members(features)
    mean = rows.mean(0)
    variances, axes = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
    variances = np.maximum(variances, _FLAT * variances[-1])[::-1]
    by_name = {}
    for count in dict.fromkeys(min(d, rows.shape[1]) for d in DIMENSIONS):
        main_axes = axes[:, ::-1][:, :count]
        stretched = main_axes / np.sqrt(variances[:count])
        for name, matrix in (("plain", main_axes), ("whitened", stretched)):
            rounded = matrix.astype(np.float16).astype(np.float32)
            by_name[f"{name} {count}"] = Projection(mean.astype(np.float32), rounded)
    return by_name


def score_projection(
    projection: Projection, training: Measured, patients: NDArray[np.int64], validation: Measured
) -> dict[str, float]:
    """Score how well the labels of the nearest training films predict those of validation."""
    index, classes = ExactIndex(projection(training.features)), np.unique(training.labels)
    shares = np.empty((len(validation.labels), len(classes)))
    for row, place in zip(shares, projection(validation.features), strict=True):
        rows = index.nearest(place, 8 * COUNTED)[0]
        near = training.labels[rows[first_of_each(patients[rows])[:COUNTED]]]
        row[:] = [(near == c).sum() + 1 for c in classes]
    shares /= shares.sum(1, keepdims=True)
    right = np.searchsorted(classes, validation.labels)
    return {
        "log_loss": float(-np.log(shares[np.arange(len(right)), right]).mean()),
        "accuracy": float((shares.argmax(1) == right).mean()),
    }


def over_patients(
    groups: Sequence[NDArray[np.int64]], statistic: Callable[[NDArray[np.int64]], float]
) -> metrics.Estimate:
    """A statistic of films, with its interval over patients, who may have several films each."""

    def of_groups(chosen: NDArray[np.int64]) -> float:
        return statistic(np.concatenate([groups[g] for g in chosen]))

    return metrics.bootstrap(of_groups, np.arange(len(groups)), resamples=_RESAMPLES)


def rank_within(values: NDArray, scores: NDArray, truth: NDArray[np.bool_]) -> float:
    """Mean of the rank correlations among films with the finding and among those without."""
    parts = [truth == label for label in (False, True)]
    each = [rank_correlation(values[part], scores[part]) for part in parts if part.any()]
    sizes = [part.sum() for part in parts if part.any()]
    return float(np.average(each, weights=sizes))


def link_measures(films: Measured, truth: NDArray[np.bool_]) -> dict[str, Link]:
    """Correlate every measure with score and truth; empty where no film was measured."""
    complete = np.isfinite(films.measures).all(1)
    if not complete.any():
        return {}
    values, scores, truth = films.measures[complete], films.scores[complete], truth[complete]
    patients = films.patients[complete]
    groups = [np.flatnonzero(patients == p) for p in np.unique(patients)]

    def link(column: NDArray) -> Link:
        return Link(
            score=over_patients(groups, lambda i: rank_correlation(column[i], scores[i])),
            truth=over_patients(groups, lambda i: rank_correlation(column[i], truth[i])),
            within=over_patients(groups, lambda i: rank_within(column[i], scores[i], truth[i])),
        )

    return {name: link(values[:, c]) for c, name in enumerate(CONCEPTS)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
