"""Measure what every corruption of a film does to the answer; write it beside the weights.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_robustness --model paediatric-cxr
    python -m models.evaluation.evaluate_robustness --films 16 --out DIR       # a quick look

A fixed, class-stratified subset of one split goes through every level of `CORRUPTIONS`, and each
changed picture through all that serves: scope gate, framing, graphs, calibration
(`models.evaluation.served_films`). Writes ``robustness.csv`` and ``robustness.json`` into
``<checkpoint>/evaluation``. Nothing is chosen here: network, calibration and operating point are
those of the card.

A picture that the gate refuses has no answer. Every level says how many (``refused``), beside the
figures of the others, which are of films that are answered clean and changed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.dicom import read_image
from imaging.settings import Settings
from models import metrics
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import measured
from models.data.corruptions import CORRUPTIONS
from models.data.dataset import Film, class_truth, select
from models.evaluation.films import films_of_model
from models.evaluation.served_films import Serving
from models.inference.assessor import PreparedFilm
from models.inference.model_input import ModelInput
from models.network.checkpoint import find_checkpoint
from models.rules.findings import finding_truth

SEED = 7
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Row:
    """One level of one corruption: AUC (95 % interval), and how far the answer moved.

    ``films`` are those the figures are of; ``refused`` are the others, which are answered when
    clean, and not when changed. ``flip_rate`` is the share of films whose call at the operating
    point is not that of the clean film; ``mean_change`` the mean absolute change of the leading
    finding's probability.
    """

    corruption: str
    level: float
    unit: str
    films: int
    refused: int
    auc: float
    auc_low: float
    auc_high: float
    flip_rate: float
    mean_change: float


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Size of the subset.", min=2)] = 208,
    split: Annotated[str, typer.Option(help="Split to measure.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Measure a model's robustness."""
    settings = Settings.from_environment()
    folder = find_checkpoint(settings.weights, model)
    serving = Serving.load(folder, settings)
    card = serving.card
    chosen = subset(select(films_of_model(card, settings), split), count=films)
    scores = np.stack(
        [film_scores(serving, film.path, index=i) for i, film in enumerate(tqdm(chosen))]
    )
    facts = record(card, leading_truth(card, chosen), scores)
    target = out or measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / "robustness.json").write_text(json.dumps({"split": split, **facts}, indent=2) + "\n")
    write_rows(target / "robustness.csv", facts["rows"])
    worst = max(facts["rows"], key=lambda r: r["flip_rate"])
    typer.echo(
        f"{len(chosen)} films: clean AUC {facts['clean_auc']:.3f}; most calls flip "
        f"({worst['flip_rate']:.1%}) at {worst['corruption']} {worst['level']:g}"
    )


def leading_truth(card: ModelCard, films: Sequence[Film]) -> NDArray[np.bool_]:
    """Truth of the leading finding for each film: (films,), bool."""
    labels = class_truth([f.label for f in films], card.classes, multi_label=card.multi_label)
    return finding_truth(labels, card.classes, card.findings[0])


def subset(films: Sequence[Film], *, count: int) -> tuple[Film, ...]:
    """At most `count` films, every class in its own share, drawn with a fixed seed.

    Returns
    -------
    tuple of Film
        In manifest order; at least one of every class.
    """
    rng = np.random.default_rng(SEED)
    labels = np.array([f.label for f in films])
    chosen: list[int] = []
    for label in sorted(set(labels.tolist())):
        members = np.flatnonzero(labels == label)
        share = min(len(members), max(1, round(count * len(members) / len(films))))
        chosen += rng.choice(members, share, replace=False).tolist()
    return tuple(films[i] for i in sorted(chosen))


def variants() -> Iterator[tuple[str, float]]:
    """Every (corruption, level), in the order of the columns of `film_scores` after the first."""
    for name, corruption in CORRUPTIONS.items():
        for level in corruption.levels:
            yield name, float(level)


def film_scores(serving: Serving, path: Path, *, index: int) -> NDArray[np.float64]:
    """Leading probability of the clean film, then of every corruption and level, as served.

    Parameters
    ----------
    serving : Serving
    path : Path
        The film's file. Its header is that of every changed copy.
    index : int
        Number of the film; seeds its noise.

    Returns
    -------
    numpy.ndarray
        (1 + variants,), in [0, 1]; NaN where the picture is refused.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    image = read_image(path)
    luminance = image.luminance_values(0)
    pictures = [luminance]
    for number, (name, level) in enumerate(variants()):
        rng = np.random.default_rng([SEED, index, number])
        pictures.append(CORRUPTIONS[name].apply(luminance, level=level, rng=rng))
    films = [
        PreparedFilm(
            image.instance, image.remarks, image.refusals, ModelInput.of(p, size=serving.size)
        )
        for p in pictures
    ]
    answers = [
        answer
        for start in range(0, len(films), _BATCH)
        for answer in serving.answer_pictures(films[start : start + _BATCH])
    ]
    return np.array(
        [a.prediction.findings[0].probability if a.prediction else np.nan for a in answers]
    )


def record(
    card: ModelCard, truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> dict[str, Any]:
    """Contents of ``robustness.json``; arguments as for `summarise`."""
    lead = card.findings[0]
    answered = np.isfinite(scores[:, 0])
    clean = metrics.bootstrap(metrics.roc_auc, truth[answered], scores[answered, 0])
    rows = summarise(truth, scores, operating_point=lead.operating_point)
    return {
        "weights_sha256": card.weights_sha256,
        "films": len(truth),
        "refused": int((~answered).sum()),
        "finding": lead.code,
        "operating_point": lead.operating_point,
        "clean_auc": clean.value,
        "clean_auc_low": clean.low,
        "clean_auc_high": clean.high,
        "rows": [{"label": CORRUPTIONS[r.corruption].label, **asdict(r)} for r in rows],
    }


def summarise(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], *, operating_point: float
) -> tuple[Row, ...]:
    """Figures of every level against the clean films.

    Parameters
    ----------
    truth : numpy.ndarray
        (films,), bool: has the leading finding.
    scores : numpy.ndarray
        (films, 1 + variants), as `film_scores` gives them; NaN where refused.
    """
    clean_answered = np.isfinite(scores[:, 0])
    rows = []
    for (name, level), changed in zip(variants(), scores.T[1:], strict=True):
        answered = clean_answered & np.isfinite(changed)
        refused = int((clean_answered & ~answered).sum())
        counts = (name, level, CORRUPTIONS[name].unit, int(answered.sum()), refused)
        rows.append(
            Row(
                *counts,
                *_compare_answers(
                    truth[answered], scores[answered, 0], changed[answered], operating_point
                ),
            )
        )
    return tuple(rows)


def _compare_answers(
    truth: NDArray[np.bool_],
    clean: NDArray[np.float64],
    changed: NDArray[np.float64],
    operating_point: float,
) -> tuple[float, float, float, float, float]:
    """AUC and its interval, share of changed calls, mean change; NaN where there is no film."""
    if not len(truth):
        return (float("nan"),) * 5
    auc = metrics.bootstrap(metrics.roc_auc, truth, changed)
    flips = (changed >= operating_point) != (clean >= operating_point)
    return auc.value, auc.low, auc.high, float(flips.mean()), float(np.abs(changed - clean).mean())


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The rows as CSV, six digits after the point."""
    names = [field.name for field in fields(Row)]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            figures = {name: f"{row[name]:.6f}" for name in names[-5:]}
            writer.writerow({**row, "level": f"{row['level']:g}", **figures})


if __name__ == "__main__":
    typer.run(main)
