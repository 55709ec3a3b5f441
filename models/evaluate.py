"""Measure a checkpoint on a held-out split and write the figures into its card.

    export LIGHTBOX_DATA=...
    python -m models.evaluate --model paediatric-cxr               # the test split of its card
    python -m models.evaluate --model ... --manifest m.csv --images DIR --split test

Every film goes the way a doctor's does - file, reader, `preprocess`, network, calibration - so
that the figures are those of `cli.py classify`. Writes, below ``docs/evaluation/<model>/``:
``<split>.csv`` (one row per film), ``<split>.json`` (figures with 95 % bootstrap intervals),
``<split>_roc.csv`` and ``<split>_reliability.csv``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.settings import ROOT, Settings
from models import metrics
from models.card import ModelCard
from models.checkpoint import CARD, find_checkpoint
from models.classifier import Classifier
from models.dataset import Film, read_luminance, read_manifest, select
from models.findings import FindingSpec, finding_probabilities, finding_truth

Figures = dict[str, Any]


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    manifest: Annotated[Path | None, typer.Option(help="Default: the card's.")] = None,
    images: Annotated[Path | None, typer.Option(help="Default: the card's.")] = None,
    split: Annotated[str, typer.Option(help="Split to measure.")] = "test",
    out: Annotated[Path, typer.Option(help="Folder of the figures.")] = ROOT / "docs/evaluation",
    card: Annotated[bool, typer.Option(help="Write the figures into the card.")] = True,
) -> None:
    """Evaluate a model on one split."""
    settings = Settings.from_environment()
    folder = find_checkpoint(settings.weights, model)
    classifier = Classifier.load(folder)
    data = classifier.card.training["data"]
    if settings.data is None and (manifest is None or images is None):
        raise SettingsError("Set LIGHTBOX_DATA, or give --manifest and --images.")
    base = settings.data or Path()
    films = read_manifest(manifest or base / data["manifest"], images or base / data["images"])
    chosen = select(films, split)
    truth = np.array([classifier.card.classes.index(f.label) for f in chosen])
    probabilities = np.stack(
        [classifier.predict(read_luminance(f.path)).probabilities for f in tqdm(chosen)]
    )
    figures = measure(classifier.card, truth, probabilities)
    target = out / classifier.card.name
    target.mkdir(parents=True, exist_ok=True)
    write_films(target / f"{split}.csv", chosen, classifier.card, probabilities)
    write_curves(target, split, classifier.card, truth, probabilities)
    (target / f"{split}.json").write_text(json.dumps(figures, indent=2) + "\n")
    if card:
        recorded = {**classifier.card.metrics, split: figures}
        replace(classifier.card, metrics=recorded).write(folder / CARD)
    typer.echo(json.dumps({k: v["value"] for k, v in figures["findings"][0]["figures"].items()}))


def measure(
    card: ModelCard, truth: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> Figures:
    """Figures of every finding, and of exploratory ones within the leading finding.

    Parameters
    ----------
    truth : numpy.ndarray
        (films,), class indices.
    probabilities : numpy.ndarray
        (films, classes), calibrated.
    """
    lead = card.findings[0]
    inside = finding_truth(truth, card.classes, lead)
    findings = []
    for spec in card.findings:
        row: Figures = {"code": spec.code, "exploratory": spec.exploratory}
        if spec.exploratory:
            # Told apart only where the leading finding is true, from the conditional probability.
            given = finding_probabilities(probabilities, card.classes, lead)
            score = finding_probabilities(probabilities, card.classes, spec) / given
            members = finding_truth(truth, card.classes, spec)
            row["among"] = lead.code
            row["figures"] = {
                "auc": asdict(metrics.bootstrap(metrics.roc_auc, members[inside], score[inside]))
            }
        else:
            row["figures"] = _figures(card, spec, truth, probabilities)
        findings.append(row)
    return {"films": len(truth), "weights_sha256": card.weights_sha256, "findings": findings}


def _figures(
    card: ModelCard,
    spec: FindingSpec,
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> Figures:
    """Discrimination at and beyond the operating point, and calibration, with intervals."""
    is_true = finding_truth(truth, card.classes, spec)
    score = finding_probabilities(probabilities, card.classes, spec)
    called = score >= spec.operating_point
    estimates = {
        "auc": metrics.bootstrap(metrics.roc_auc, is_true, score),
        "accuracy": metrics.bootstrap(metrics.accuracy, is_true, called),
        "sensitivity": metrics.bootstrap(metrics.sensitivity, is_true, called),
        "specificity": metrics.bootstrap(metrics.specificity, is_true, called),
        "ece": metrics.bootstrap(metrics.expected_calibration_error, is_true, score),
        "brier": metrics.bootstrap(metrics.brier, is_true, score),
    }
    return {name: asdict(estimate) for name, estimate in estimates.items()}


def write_films(
    path: Path, films: tuple[Film, ...], card: ModelCard, probabilities: NDArray[np.float64]
) -> None:
    """One row per film: file, patient, true class, probability of every finding."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "patient", "label", *(f"p_{f.code}" for f in card.findings)])
        for film, row in zip(films, probabilities, strict=True):
            values = [finding_probabilities(row, card.classes, f) for f in card.findings]
            writer.writerow(
                [film.path.name, film.patient, film.label, *(f"{v:.6f}" for v in values)]
            )


def write_curves(
    target: Path,
    split: str,
    card: ModelCard,
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> None:
    """ROC and reliability points of the leading finding."""
    is_true = finding_truth(truth, card.classes, card.findings[0])
    score = finding_probabilities(probabilities, card.classes, card.findings[0])
    curves: dict[str, tuple[tuple[str, ...], Sequence[Sequence[float]]]] = {
        "roc": (("threshold", "fpr", "tpr"), metrics.roc_curve(is_true, score)),
        "reliability": (
            ("bin_upper", "mean_probability", "frequency", "share"),
            metrics.reliability(is_true, score),
        ),
    }
    for name, (header, rows) in curves.items():
        with (target / f"{split}_{name}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(header)
            writer.writerows([[f"{v:.6f}" for v in row] for row in rows])


if __name__ == "__main__":
    typer.run(main)
