"""Measure a model on a held-out split and store the figures beside its weights.

    export LIGHTBOX_DATA=...
    python -m models.evaluate --model paediatric-cxr               # the test split of its card
    python -m models.evaluate --model ... --split val
    python -m models.evaluate --model ... --explanations           # see evaluate_explanations

Every film goes the way a doctor's does - file, reader, `preprocess`, networks, calibration - so
that the figures are those of `cli.py classify`. Writes, into ``<checkpoint>/evaluation/``:
``<split>.csv`` (one row per film), ``<split>.json`` (figures with 95 % bootstrap intervals),
``<split>_roc.csv``, ``<split>_reliability.csv`` and ``<split>_selective.csv``.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.entities import Answer
from imaging.errors import SettingsError
from imaging.settings import Settings
from models import metrics
from models.answers import Prediction
from models.card import ModelCard
from models.checkpoint import EVALUATION, find_checkpoint
from models.classifier import Classifier
from models.config import films_of
from models.conformal import ABSENT, PRESENT
from models.dataset import Film, ManifestColumns, read_luminance, select
from models.findings import FindingSpec, finding_probabilities, finding_truth

Figures = dict[str, Any]


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    split: Annotated[str, typer.Option(help="Split to measure.")] = "test",
    explanations: Annotated[
        bool, typer.Option("--explanations", help="Measure the explanations instead (an hour).")
    ] = False,
) -> None:
    """Evaluate a model on one split."""
    if explanations:
        from models import evaluate_explanations

        evaluate_explanations.main(model)
        return
    settings = Settings.from_environment()
    folder = find_checkpoint(settings.weights, model)
    classifier = Classifier.load(folder, error_rate=settings.error_rate)
    films = select(films_of_model(classifier.card, settings), split)
    results = Results(
        classifier, films, [classifier.predict(read_luminance(f.path)) for f in tqdm(films)]
    )
    target = folder / EVALUATION
    target.mkdir(parents=True, exist_ok=True)
    figures = {"split": split, **results.figures()}
    (target / f"{split}.json").write_text(json.dumps(figures, indent=2) + "\n")
    write_table(target / f"{split}.csv", *results.film_table())
    for name, table in results.curves().items():
        write_table(target / f"{split}_{name}.csv", *table)
    lead = figures["findings"][0]["figures"]
    typer.echo(json.dumps({name: round(e["value"], 4) for name, e in lead.items()}))


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


class Results:
    """Predictions for films of known class, and every figure that follows from them."""

    def __init__(
        self, classifier: Classifier, films: Sequence[Film], predictions: Sequence[Prediction]
    ) -> None:
        self.card, self.rule, self.films = classifier.card, classifier.rule, films
        self.predictions = predictions
        self.probabilities = np.stack([p.probabilities for p in predictions])
        self.truth = np.array([self.card.classes.index(f.label) for f in films])
        lead = self.card.findings[0]
        self.present = finding_truth(self.truth, self.card.classes, lead)
        self.score = finding_probabilities(self.probabilities, self.card.classes, lead)
        self.called = self.score >= lead.operating_point

    def figures(self) -> Figures:
        """Everything measured, as plain values."""
        answers = Counter(p.answer.value for p in self.predictions)
        return {
            "films": len(self.films),
            "weights_sha256": self.card.weights_sha256,
            "findings": [self._finding(spec) for spec in self.card.findings],
            "subsets": self._subsets(),
            "members": self._members(),
            "conformal": self._conformal(),
            "answers": {a.value: answers[a.value] for a in Answer if a is not Answer.UNSUITABLE},
        }

    def _finding(self, spec: FindingSpec) -> Figures:
        """Figures of a finding; an exploratory one is told apart within the leading one only."""
        row: Figures = {"code": spec.code, "exploratory": spec.exploratory}
        if not spec.exploratory:
            is_true = finding_truth(self.truth, self.card.classes, spec)
            score = finding_probabilities(self.probabilities, self.card.classes, spec)
            return {**row, "figures": all_figures(is_true, score, spec.operating_point)}
        inside = self.present
        # from the conditional probability: what is it, given that it is anything
        score = finding_probabilities(self.probabilities, self.card.classes, spec) / self.score
        members = finding_truth(self.truth, self.card.classes, spec)
        auc = metrics.bootstrap(metrics.roc_auc, members[inside], score[inside])
        return {**row, "among": self.card.findings[0].code, "figures": {"auc": asdict(auc)}}

    def _subsets(self) -> list[Figures]:
        """The leading finding's figures for every value of the manifest's subset column."""
        column = self.card.training["columns"].get("subset", "")
        values = np.array([f.subset for f in self.films])
        rows = []
        for value in sorted(set(values), reverse=True) if column else ():
            inside = values == value
            rows.append(
                {
                    "name": f"{column} = {value}" if value else f"{column} empty",
                    "films": int(inside.sum()),
                    "figures": self._called_figures(inside),
                }
            )
        return rows

    def _called_figures(self, inside: NDArray[np.bool_]) -> Figures:
        """AUC and the figures at the operating point; those that need an absent class stay out."""
        present, score = self.present[inside], self.score[inside]
        estimates = _at_operating_point(present, self.called[inside])
        if present.any() and not present.all():
            estimates = {"auc": metrics.bootstrap(metrics.roc_auc, present, score), **estimates}
        return {name: asdict(e) for name, e in estimates.items() if np.isfinite(e.value)}

    def _members(self) -> list[Figures]:
        """AUC of each network alone."""
        scores = np.stack([p.members for p in self.predictions])
        seeds = [m["train"]["seed"] for m in self.card.training["members"]]
        return [
            {
                "seed": seed,
                "figures": {
                    "auc": asdict(metrics.bootstrap(metrics.roc_auc, self.present, scores[:, i]))
                },
            }
            for i, seed in enumerate(seeds)
        ]

    def _conformal(self) -> Figures:
        """How often the set holds the truth, how often the answer is "unsure", and the rest."""
        truth = np.where(self.present, PRESENT, ABSENT)
        held = np.array(
            [t in p.conformal_set for t, p in zip(truth, self.predictions, strict=True)]
        )
        unsure = np.array([p.answer is Answer.UNSURE for p in self.predictions])
        right = (self.present == self.called)[~unsure]
        return {
            "error_rate": self.rule.error_rate,
            "coverage": {
                "all": _share(held),
                PRESENT: _share(held[self.present]),
                ABSENT: _share(held[~self.present]),
            },
            "unsure_share": _share(unsure),
            "accuracy_answered": _share(right),
        }

    def film_table(self) -> tuple[tuple[str, ...], list[list[str]]]:
        """Header and rows: everything needed to recompute the figures."""
        card = self.card
        header = (
            *("file", "patient", "label", "subset"),
            *(f"p_{name}" for name in self._scored()),
            *("answer", "conformal_set", "disagreement"),
            *(f"p_member_{i}" for i in range(card.members)),
        )
        rows = []
        for film, p in zip(self.films, self.predictions, strict=True):
            scores = [*p.probabilities] + [f.probability for f in p.findings]
            named = dict(zip(self._scored(every=True), scores, strict=True))
            rows.append(
                [
                    *(film.path.name, film.patient, film.label, film.subset),
                    *(f"{named[name]:.6f}" for name in self._scored()),
                    *(p.answer.value, " ".join(p.conformal_set), f"{p.disagreement:.6f}"),
                    *(f"{v:.6f}" for v in p.members),
                ]
            )
        return header, rows

    def _scored(self, *, every: bool = False) -> list[str]:
        """Names of classes and findings; each once unless `every` is asked for."""
        names = [*self.card.classes, *(f.code for f in self.card.findings)]
        return names if every else list(dict.fromkeys(names))

    def curves(self) -> dict[str, tuple[tuple[str, ...], list[list[str]]]]:
        """ROC, reliability and selective-accuracy points of the leading finding."""
        roc = metrics.roc_curve(self.present, self.score)
        bins = metrics.reliability(self.present, self.score)
        selective = metrics.selective_accuracy(self.present, self.score, self.called)
        return {
            "roc": (("threshold", "fpr", "tpr"), _plain(roc)),
            "reliability": (
                ("bin_upper", "mean_probability", "frequency", "share"),
                _plain(bins),
            ),
            "selective": (("coverage", "threshold", "accuracy"), _plain(selective)),
        }


def all_figures(
    present: NDArray[np.bool_], score: NDArray[np.float64], operating_point: float
) -> Figures:
    """Discrimination at and beyond the operating point, and calibration, with intervals."""
    called = score >= operating_point
    scored: dict[str, Callable[..., float]] = {
        "ece": metrics.expected_calibration_error,
        "brier": metrics.brier,
        "nll": metrics.negative_log_likelihood,
    }
    estimates = {
        "auc": metrics.bootstrap(metrics.roc_auc, present, score),
        **_at_operating_point(present, called),
        **{name: metrics.bootstrap(f, present, score) for name, f in scored.items()},
    }
    floor = {"ece_noise_floor": {"value": metrics.ece_noise_floor(score)}}
    return {**{name: asdict(e) for name, e in estimates.items()}, **floor}


def _at_operating_point(
    present: NDArray[np.bool_], called: NDArray[np.bool_]
) -> dict[str, metrics.Estimate]:
    figures: dict[str, Callable[..., float]] = {
        "accuracy": metrics.accuracy,
        "sensitivity": metrics.sensitivity,
        "specificity": metrics.specificity,
    }
    return {name: metrics.bootstrap(f, present, called) for name, f in figures.items()}


def _share(values: NDArray[np.bool_]) -> Figures:
    return asdict(metrics.bootstrap(np.mean, values.astype(float))) if len(values) else {}


def _plain(rows: Sequence[Sequence[float]]) -> list[list[str]]:
    return [[f"{v:.6f}" for v in row] for row in rows]


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a CSV file with a header row."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    typer.run(main)
