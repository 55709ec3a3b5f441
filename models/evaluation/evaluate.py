"""Measure a model on a held-out split and store the figures beside its weights.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate --model paediatric-cxr  # the test split of its card
    python -m models.evaluation.evaluate --model ... --split val

Every film goes the way a doctor's does - file, the worker's reader, header, scope gate, framing,
serving graphs, calibration (`models.evaluation.served_films`) - so that the figures are those of
`cli.py classify`. Writes, into ``<checkpoint>/evaluation/``: ``<split>.csv`` (one row per film),
``<split>.json`` (figures with 95 % bootstrap intervals), ``<split>_roc.csv``,
``<split>_reliability.csv`` and ``<split>_selective.csv``.

A film that header or gate refuses has no answer: it counts in ``films`` and ``refused``, keeps its
row without numbers, and is in no other figure. All these are of the answered films, and
``answered`` says how large a share of all films, of those with the leading finding and of those
without, that is.
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
from imaging.errors import CheckpointError
from imaging.settings import Settings
from models import metrics
from models.checkpoint.installed import measured
from models.data.dataset import Film, class_truth, select
from models.evaluation.films import films_of_model
from models.evaluation.served_films import ServedFilm, Serving
from models.network.checkpoint import find_checkpoint
from models.rules.conformal import ABSENT, PRESENT
from models.rules.findings import FindingSpec, Labels, finding_probabilities, finding_truth

Figures = dict[str, Any]


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    split: Annotated[str, typer.Option(help="Split to measure.")] = "test",
) -> None:
    """Evaluate a model on one split."""
    settings = Settings.from_environment()
    folder = find_checkpoint(settings.weights, model)
    serving = Serving.load(folder, settings)
    films = select(films_of_model(serving.card, settings), split)
    answers = serving.answer_files([film.path for film in films])
    results = Results(serving, films, list(tqdm(answers, total=len(films))))
    target = measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    figures = {"split": split, "engine": serving.engine, **results.figures()}
    (target / f"{split}.json").write_text(json.dumps(figures, indent=2) + "\n")
    write_table(target / f"{split}.csv", *results.film_table())
    for name, table in results.curves().items():
        write_table(target / f"{split}_{name}.csv", *table)
    lead = figures["findings"][0]["figures"]
    typer.echo(f"{figures['films']} films, {figures['refused']} of them refused")
    typer.echo(json.dumps({name: round(e["value"], 4) for name, e in lead.items()}))


class Results:
    """Answers to films of known class, and every figure that follows from them.

    Parameters
    ----------
    serving : Serving
        The model that answered.
    films : sequence of Film
    answers : sequence of ServedFilm
        Same order; the arrays hold those that were not refused.

    Raises
    ------
    CheckpointError
        If no film was answered.
    """

    def __init__(
        self, serving: Serving, films: Sequence[Film], answers: Sequence[ServedFilm]
    ) -> None:
        self.card, self.rule = serving.card, serving.answers.rule
        self.all_films, self.answers = films, answers
        lead = self.card.findings[0]
        self.all_present = self._truth_of(films)[1]
        pairs = [(f, a.prediction) for f, a in zip(films, answers, strict=True) if a.prediction]
        if not pairs:
            raise CheckpointError("The model answered none of these films.")
        self.films = [film for film, _prediction in pairs]
        self.predictions = [prediction for _film, prediction in pairs]
        self.probabilities = np.stack([p.probabilities for p in self.predictions])
        self.truth, self.present = self._truth_of(self.films)
        self.score = finding_probabilities(self.probabilities, self.card.classes, lead)
        self.called = self.score >= lead.operating_point

    def _truth_of(self, films: Sequence[Film]) -> tuple[Labels, NDArray[np.bool_]]:
        """What every film shows, as numbers, and whether it has the leading finding."""
        labels = [film.label for film in films]
        truth = class_truth(labels, self.card.classes, multi_label=self.card.multi_label)
        return truth, finding_truth(truth, self.card.classes, self.card.findings[0])

    def figures(self) -> Figures:
        """Everything measured, as plain values."""
        answers = Counter(a.assessment.answer for a in self.answers)
        return {
            "films": len(self.all_films),
            "refused": len(self.all_films) - len(self.films),
            "answered": self._answered_shares(),
            "weights_sha256": self.card.weights_sha256,
            "findings": [self._finding_figures(spec) for spec in self.card.findings],
            "subsets": self._subsets(),
            "members": self._members(),
            "disagreement": self._disagreement(),
            "conformal": self._conformal(),
            **self._grades(),
            "answers": {a.value: answers[a] for a in Answer},
        }

    def _answered_shares(self) -> Figures:
        """Share of the films that got an answer: of all, and by truth of the leading finding."""
        answered = np.array([a.answered for a in self.answers])
        return {
            "all": _share(answered),
            PRESENT: _share(answered[self.all_present]),
            ABSENT: _share(answered[~self.all_present]),
        }

    def _finding_figures(self, spec: FindingSpec) -> Figures:
        """Figures of a finding; an exploratory one is separated within the leading one only.

        Not so in a multi-label task: there no finding is a kind of another, and each has sets of
        its own.
        """
        row: Figures = {"code": spec.code, "exploratory": spec.exploratory}
        if not spec.exploratory or self.card.multi_label:
            is_true = finding_truth(self.truth, self.card.classes, spec)
            score = finding_probabilities(self.probabilities, self.card.classes, spec)
            row["figures"] = all_figures(is_true, score, spec.operating_point)
            if self.card.multi_label:
                row["conformal"] = self._conformal_of(spec, is_true)
            return row
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
                    "figures": self._subset_figures(inside),
                }
            )
        return rows

    def _subset_figures(self, inside: NDArray[np.bool_]) -> Figures:
        """AUC and the figures at the operating point; those that need an absent class stay out."""
        present, score = self.present[inside], self.score[inside]
        estimates = at_operating_point(present, self.called[inside])
        if present.any() and not present.all():
            estimates = {"auc": metrics.bootstrap(metrics.roc_auc, present, score), **estimates}
        return {name: asdict(e) for name, e in estimates.items() if np.isfinite(e.value)}

    def _members(self) -> list[Figures]:
        """AUC of each network, or of each head of it, alone."""
        scores = np.stack([p.members for p in self.predictions])
        heads = self.card.answers // self.card.members
        seeds = [m["train"]["seed"] for m in self.card.training["members"] for _ in range(heads)]
        return [
            {
                "seed": seed,
                "figures": {
                    "auc": asdict(metrics.bootstrap(metrics.roc_auc, self.present, scores[:, i]))
                },
            }
            for i, seed in enumerate(seeds)
        ]

    def _disagreement(self) -> Figures | None:
        """How well disagreement tells wrong calls from right ones: AUC; None where none can."""
        spread = np.array([p.disagreement for p in self.predictions])
        wrong = self.present != self.called
        if self.card.answers < 2 or not wrong.any() or wrong.all():
            return None
        return {"auc_for_wrong_calls": asdict(metrics.bootstrap(metrics.roc_auc, wrong, spread))}

    def _grades(self) -> Figures:
        """Of a task whose classes are grades in order: the one with the highest probability.

        Nothing for other tasks.
        """
        members = self.card.training.get("members", ())
        if self.truth.ndim == 2 or not any(m.get("train", {}).get("ordinal") for m in members):
            return {}
        called = self.probabilities.argmax(1)
        size = len(self.card.classes)
        table = np.zeros((size, size), np.int64)
        np.add.at(table, (self.truth, called), 1)
        figures = {
            "accuracy": metrics.bootstrap(metrics.accuracy, self.truth, called),
            "within_one": metrics.bootstrap(
                np.mean, (np.abs(self.truth.astype(np.int64) - called) <= 1).astype(float)
            ),
            "weighted_kappa": metrics.bootstrap(metrics.weighted_kappa, self.truth, called),
        }
        return {
            "grades": {
                "classes": list(self.card.classes),
                "figures": {name: asdict(estimate) for name, estimate in figures.items()},
                "confusion": table.tolist(),  # rows are true grades
            }
        }

    def _conformal(self) -> Figures:
        """Shares of sets that hold the truth, of "unsure", and of right answers among the rest."""
        sets = [p.conformal_set for p in self.predictions]
        unsure = np.array([p.answer is Answer.UNSURE for p in self.predictions])
        figures = _conformal_figures(self.present, self.called, sets, unsure)
        return {"error_rate": self.rule.error_rate, **figures}

    def _conformal_of(self, spec: FindingSpec, present: NDArray[np.bool_]) -> Figures:
        """As `_conformal`, for one finding of a multi-label task."""
        number = self.card.findings.index(spec)
        found = [p.findings[number] for p in self.predictions]
        return _conformal_figures(
            present,
            np.array([f.positive for f in found]),
            [f.conformal_set for f in found],
            np.array([f.answer is Answer.UNSURE for f in found]),
        )

    def film_table(self) -> tuple[tuple[str, ...], list[list[str]]]:
        """Header and rows, refused films too: all that is needed to recompute the figures."""
        card = self.card
        header = (
            *("file", "patient", "label", "subset"),
            *(f"p_{name}" for name in self._score_names()),
            *("answer", "conformal_set", "disagreement"),
            *(f"p_member_{i}" for i in range(card.answers)),
        )
        rows = []
        for film, answer in zip(self.all_films, self.answers, strict=True):
            about = [film.path.name, film.patient, film.label, film.subset]
            p = answer.prediction
            if p is None:
                blank = dict.fromkeys(header[len(about) :], "")
                rows.append([*about, *(blank | {"answer": Answer.UNSUITABLE.value}).values()])
                continue
            scores = [*p.probabilities] + [f.probability for f in p.findings]
            named = dict(zip(self._score_names(every=True), scores, strict=True))
            rows.append(
                [
                    *about,
                    *(f"{named[name]:.6f}" for name in self._score_names()),
                    *(p.answer.value, " ".join(p.conformal_set), f"{p.disagreement:.6f}"),
                    *(f"{v:.6f}" for v in p.members),
                ]
            )
        return header, rows

    def _score_names(self, *, every: bool = False) -> list[str]:
        """Names of classes and findings; each once unless `every` is asked for."""
        names = [*self.card.classes, *(f.code for f in self.card.findings)]
        return names if every else list(dict.fromkeys(names))

    def curves(self) -> dict[str, tuple[tuple[str, ...], list[list[str]]]]:
        """ROC, reliability and selective-accuracy points of the leading finding."""
        roc = metrics.roc_curve(self.present, self.score)
        bins = metrics.reliability(self.present, self.score)
        selective = metrics.selective_accuracy(self.present, self.score, self.called)
        return {
            "roc": (("threshold", "fpr", "tpr"), _format_rows(roc)),
            "reliability": (
                ("bin_upper", "mean_probability", "frequency", "share"),
                _format_rows(bins),
            ),
            "selective": (("coverage", "threshold", "accuracy"), _format_rows(selective)),
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
        **at_operating_point(present, called),
        **{name: metrics.bootstrap(f, present, score) for name, f in scored.items()},
    }
    floor = {"ece_noise_floor": {"value": metrics.ece_noise_floor(score)}}
    return {**{name: asdict(e) for name, e in estimates.items()}, **floor}


def _conformal_figures(
    present: NDArray[np.bool_],
    called: NDArray[np.bool_],
    sets: Sequence[tuple[str, ...]],
    unsure: NDArray[np.bool_],
) -> Figures:
    """What `Results` says of the sets of one finding, from (films,) of each."""
    truth = np.where(present, PRESENT, ABSENT)
    covered = np.array([label in given for label, given in zip(truth, sets, strict=True)])
    return {
        "coverage": {
            "all": _share(covered),
            PRESENT: _share(covered[present]),
            ABSENT: _share(covered[~present]),
        },
        "unsure_share": _share(unsure),
        "accuracy_answered": _share((present == called)[~unsure]),
    }


def at_operating_point(
    present: NDArray[np.bool_], called: NDArray[np.bool_]
) -> dict[str, metrics.Estimate]:
    """Accuracy, sensitivity and specificity of calls (films,), with intervals."""
    figures: dict[str, Callable[..., float]] = {
        "accuracy": metrics.accuracy,
        "sensitivity": metrics.sensitivity,
        "specificity": metrics.specificity,
    }
    return {name: metrics.bootstrap(f, present, called) for name, f in figures.items()}


def _share(values: NDArray[np.bool_]) -> Figures:
    return asdict(metrics.bootstrap(np.mean, values.astype(float))) if len(values) else {}


def _format_rows(rows: Sequence[Sequence[float]]) -> list[list[str]]:
    return [[f"{v:.6f}" for v in row] for row in rows]


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a CSV file with a header row."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    typer.run(main)
