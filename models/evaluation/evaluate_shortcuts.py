"""Ask whether the network cheats: hidden parts, matched sizes, predictors that cannot see disease.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_shortcuts --model paediatric-cxr
    python -m models.evaluation.evaluate_shortcuts --limit 16 --out DIR        # a quick look

Writes ``shortcuts.json`` into ``<checkpoint>/evaluation``: rows for the test split, where the
network's own lung map stands in for a mask, and for the validation split with the human masks.
The networks themselves are asked, by torch and without the scope gate, which would refuse most of
these pictures: what a doctor gets is measured by `models.evaluation.evaluate`.
Accuracies are at the card's operating point (trivial predictors: at one half); nothing is chosen
here. Validation films did choose epochs and operating point: read those rows for differences only.
Rows that cannot be measured (no masks, no sizes, one class only) are left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from models import metrics
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import measured
from models.data.dataset import (
    Film,
    acquisition_strata,
    load_luminance,
    load_regions,
    read_luminance,
    read_region,
    select,
)
from models.data.stress import stratified_auc
from models.evaluation import shortcuts
from models.evaluation.evaluate_robustness import leading_truth, subset
from models.evaluation.films import open_model
from models.evaluation.shortcuts import HIDDEN, MARGIN, Hole, Luminance, views
from models.evaluation.trivial_predictors import TRIVIAL, trivial_features
from models.inference.classifier import Classifier

USUAL = 0.1  # share of training films with lung at a pixel that makes it part of the usual lungs
WITH_REGION = ("lungs_removed", "lungs_removed_lines", "lungs_only")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; ``baseline`` marks a trivial predictor in the network's place."""

    name: str
    description: str
    split: str
    films: int
    auc: metrics.Estimate
    accuracy: metrics.Estimate
    baseline: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Scores of one predictor on films of one split: all (films,); `called` is its decision."""

    truth: NDArray[np.bool_]
    score: NDArray[np.float64]
    called: NDArray[np.bool_]

    def where(self, chosen: NDArray) -> Answers:
        """Those of the films that `chosen` (mask or indices) picks."""
        return Answers(self.truth[chosen], self.score[chosen], self.called[chosen])

    def row(self, name: str, description: str, split: str, *, baseline: bool = False) -> list[Row]:
        """One row, or none where a class is missing."""
        if self.truth.all() or not self.truth.any():
            return []
        auc = metrics.bootstrap(metrics.roc_auc, self.truth, self.score)
        accuracy = metrics.bootstrap(metrics.accuracy, self.truth, self.called)
        return [Row(name, description, split, len(self.truth), auc, accuracy, baseline)]


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """Cache and labels of the training films, their mean film and usual lungs."""

    films: tuple[Film, ...]
    cache: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    typical: Luminance
    usual: NDArray[np.floating] | None


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    limit: Annotated[int, typer.Option(help="Films per split; 0 means all.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Look for shortcuts in a model."""
    folder, classifier, films = open_model(model)
    card = classifier.card
    training = read_training(card, _limit_films(select(films, "train"), limit))
    rows: list[Row] = []
    for split in ("test", "val"):
        chosen = _limit_films(select(films, split), limit)
        rows += split_rows(classifier, chosen, split, training)
    target = out or measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    agreement = lung_map_agreement(classifier, _limit_films(select(films, "val"), limit))
    facts = {
        "weights_sha256": card.weights_sha256,
        "finding": card.findings[0].code,
        "lung_map_dice": agreement and {"split": "val", **asdict(agreement)},
        "rows": [asdict(row) for row in rows],
    }
    (target / "shortcuts.json").write_text(json.dumps(facts, indent=2) + "\n")
    typer.echo(f"{len(rows)} rows written to {target}")


def _limit_films(films: Sequence[Film], limit: int) -> tuple[Film, ...]:
    return subset(films, count=limit) if limit else tuple(films)


def read_training(card: ModelCard, films: tuple[Film, ...]) -> Training:
    """Read the training films once, at the network's size."""
    with tqdm(total=len(films), desc="train") as bar:
        cache = load_luminance(films, size=card.size, on_progress=lambda *_: bar.update())
    masked = [f for f in films if f.region]
    masks = load_regions(masked, size=card.size) if masked else None
    return Training(
        films,
        cache,
        leading_truth(card, films),
        shortcuts.typical_film(cache, size=card.size),
        # scaled so that one half, where region maps are cut, is the share asked for
        None if masks is None else masks.mean(0, dtype=np.float64) * (0.5 / USUAL),
    )


def split_rows(
    classifier: Classifier, films: tuple[Film, ...], split: str, training: Training
) -> list[Row]:
    """All rows of one split."""
    card = classifier.card
    truth = leading_truth(card, films)
    human = any(f.region for f in films)
    masks = "human masks" if human else "the network's own lung map stands in for a mask"
    answers = network_answers(classifier, films, truth, training, human=human)
    rows: list[Row] = []
    for name, view_answers in answers.items():
        rows += view_answers.row(name, describe_row(name, masks, training), split)
    rows += list(matched_rows(answers["plain"], films, split, "plain"))
    rows += Answers(truth, np.zeros(len(truth)), np.full(len(truth), truth.mean() >= 0.5)).row(
        "majority", "Always the commoner answer.", split, baseline=True
    )
    for name, indices, trivial in trivial_answers(classifier, films, truth, training):
        subset_films = [films[i] for i in indices]
        rows += trivial.row(name, f"{TRIVIAL[name]}.", split, baseline=True)
        rows += list(matched_rows(trivial, subset_films, split, name, baseline=True))
        fooled = answers["plain"].where(indices).where(trivial.called != trivial.truth)
        text = f"The network on the films that this gets wrong: {TRIVIAL[name].lower()}."
        rows += fooled.row(f"where_{name}_misleads", text, split)
    return rows


def describe_row(name: str, masks: str, training: Training) -> str:
    """Describe a row of `HIDDEN`: what was hidden, and where the lungs were known from."""
    if name == "usual_lungs_removed" and training.usual is not None:
        hole = shortcuts.region_hole(training.usual, training.typical.shape, margin=MARGIN)
        return f"{HIDDEN[name]} It covers {hole.mean():.0%} of a film."
    return HIDDEN[name] + (f" Lungs: {masks}." if name in WITH_REGION else "")


def matched_rows(
    answers: Answers, films: Sequence[Film], split: str, name: str, *, baseline: bool = False
) -> Iterator[Row]:
    """All pairs within strata of equal original size; for the network, each stratum as well."""
    strata = acquisition_strata(films)
    has_size = strata >= 0
    if np.isnan(stratified_auc(answers.truth, answers.score, strata)):
        return
    sized = answers.where(has_size)
    yield Row(
        f"{name}_matched_size",
        f"{TRIVIAL.get(name, 'The network')}, comparing only films of about the same original "
        "size (five strata).",
        split,
        int(has_size.sum()),
        metrics.bootstrap(stratified_auc, sized.truth, sized.score, strata[has_size]),
        metrics.bootstrap(metrics.accuracy, sized.truth, sized.called),
        baseline,
    )
    for stratum in [] if baseline else np.unique(strata[has_size]):
        chosen = np.flatnonzero(strata == stratum)
        sizes = [films[int(i)].acquisition or 0.0 for i in chosen]
        text = f"Films of original size {min(sizes):,.0f} to {max(sizes):,.0f} pixels."
        yield from answers.where(chosen).row(f"{name}_size_{stratum + 1}", text, split)


def network_answers(
    classifier: Classifier,
    films: Sequence[Film],
    truth: NDArray[np.bool_],
    training: Training,
    *,
    human: bool,
) -> dict[str, Answers]:
    """The network's answers to every view of `HIDDEN` that can be made."""
    scores: dict[str, dict[int, float]] = defaultdict(dict)
    for i, film in enumerate(tqdm(films)):
        luminance = read_luminance(film.path)
        hidden_views = views(
            luminance,
            typical=training.typical,
            lungs=_as_hole(
                _read_human_mask(film) if human else classifier.regions(luminance), luminance
            ),
            usual=_as_hole(training.usual, luminance),
        )
        # framed as the film itself is: a hidden lung must not change what is looked at
        view = classifier.framing.view(luminance)
        predictions = classifier.predict_batch(
            list(hidden_views.values()), views=[view] * len(hidden_views)
        )
        for name, prediction in zip(hidden_views, predictions, strict=True):
            scores[name][i] = prediction.findings[0].probability
    threshold = classifier.card.findings[0].operating_point
    answers = {}
    for name in (name for name in HIDDEN if name in scores):
        of_film = scores[name]
        score = np.array(list(of_film.values()))
        answers[name] = Answers(truth[list(of_film)], score, score >= threshold)
    return answers


def _as_hole(region: NDArray[np.floating] | None, luminance: Luminance) -> Hole | None:
    """A region map as a hole in a film; None when there is none or it leaves nothing to fill."""
    if region is None:
        return None
    rows, columns = luminance.shape
    hole = shortcuts.region_hole(region, (rows, columns), margin=MARGIN)
    return hole if hole.any() and not hole.all() else None


def _read_human_mask(film: Film) -> NDArray[np.float32] | None:
    return None if film.region is None else read_region(film.region)


def trivial_answers(
    classifier: Classifier, films: tuple[Film, ...], truth: NDArray[np.bool_], training: Training
) -> Iterator[tuple[str, NDArray[np.int64], Answers]]:
    """Name, films (indices) with these numbers known, and answers of every trivial predictor."""
    cache = load_luminance(films, size=classifier.card.size)
    training_features = trivial_features(classifier, training.films, training.cache)
    for name, features in trivial_features(classifier, films, cache).items():
        trained, usable = (np.isfinite(f).all(1) for f in (training_features[name], features))
        if not usable.any() or len(set(training.truth[trained].tolist())) < 2:
            continue
        predictor = shortcuts.fit_linear(training_features[name][trained], training.truth[trained])
        score = predictor.probabilities(features[usable])
        yield name, np.flatnonzero(usable), Answers(truth[usable], score, score >= 0.5)


def lung_map_agreement(classifier: Classifier, films: Sequence[Film]) -> metrics.Estimate | None:
    """Dice overlap of the network's lung map with human masks, or None without either."""
    overlaps = []
    for film in films:
        mask = _read_human_mask(film)
        lung_map = None if mask is None else classifier.regions(read_luminance(film.path))
        if mask is not None and lung_map is not None:
            rows, columns = mask.shape
            hole = shortcuts.region_hole(lung_map, (rows, columns), margin=0.0)
            overlaps.append(shortcuts.dice(hole, mask > 0.5))
    return metrics.bootstrap(lambda d: float(d.mean()), np.array(overlaps)) if overlaps else None


if __name__ == "__main__":
    typer.run(main)
