"""Measure whether maps lie on the side that readers named, and within other hospitals' lungs.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_sides --model adult-tb

Validation and test films with the leading finding whose reading (the ``reading`` column of the task
file) names one side in words, "left" or "right", and not "bilateral". The default method's map is
measured: on how many films most of it lies on the named side, and whether its share on the left
tells films with the left named from those with the right (AUC), which no habit of the maps can do.
Beside them stands what chance gives these very maps, when the readings are dealt out among the
films, and what the mean of the other films' maps reaches. The mirrored film is the control: a map
that follows the disease changes sides with it, one that follows the picture does not. It says
nothing of networks that look at film and mirror image at once (``both_sides``) and is left out.

Where an ``[[elsewhere]]`` table of the task names masks (``regions``), the share of the evidence
inside them is measured, beside the share of the view that they fill. Writes
``evaluation/sides.json``; nothing is chosen here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.settings import Settings
from models import metrics
from models.checkpoint.installed import measured
from models.data.dataset import Film, read_luminance
from models.evaluation.evaluate_elsewhere import named_hospitals
from models.evaluation.evaluate_explanations import human_mask, where
from models.evaluation.films import open_model
from models.explain.base.subject import Subject
from models.explain.methods.explainer import Explainer
from models.rules.findings import FindingSpec

FACTS = "sides.json"
LEFT, RIGHT = "left", "right"
_OTHER = {LEFT: RIGHT, RIGHT: LEFT}
_BOTH = {"bilateral", "both"}

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sided:
    """A film with a named side; shares of the positive evidence on that side, in [0, 1].

    ``side`` is the patient's. ``mirrored`` is of the mirrored film, where the disease is on the
    other side of the picture; NaN where that says nothing. ``mean_map`` is of the mean of the other
    films' maps.
    """

    side: str
    called: bool
    share: float
    mirrored: float
    mean_map: float


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
) -> None:
    """Measure on which side, and how far within the lungs, a model's maps lie."""
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the films.")
    folder, classifier, films = open_model(model)
    explainer, card = Explainer(classifier), classifier.card
    lead = card.findings[0]
    chosen = [f for f in films if f.split in ("val", "test") and lead.shown_by(f.label)]
    named = [(f, side) for f in chosen if (side := named_side(f.reading))]
    masked = {
        one.name: [f for f in one.films(settings.data, card.classes) if f.region]
        for one in named_hospitals(card)
        if one.regions
    }
    facts = {
        "weights_sha256": card.weights_sha256,
        "finding": lead.code,
        "method": explainer.default,
        "sides": side_facts(measure_sides(explainer, lead, named)) if named else None,
        "lungs": [
            {"hospital": name, **lung_facts(explainer, lead, of)} for name, of in masked.items()
        ],
    }
    target = measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    typer.echo(json.dumps(facts["sides"]))


def named_side(reading: str) -> str:
    """The one side that an English reading names, "left" or "right" of the patient, else ""."""
    words = set(re.findall(r"[a-z]+", reading.lower()))
    sides = words & {LEFT, RIGHT}
    return sides.pop() if len(sides) == 1 and not words & _BOTH else ""


def measure_sides(
    explainer: Explainer, lead: FindingSpec, films: Sequence[tuple[Film, str]]
) -> list[Sided]:
    """Measure films whose side is known."""
    shares, maps = [], []
    for film, side in tqdm(films, desc="sides"):
        luminance = np.asarray(read_luminance(film.path), np.float32)
        subject = explainer.look(luminance)
        map_ = explainer.attribute(subject, lead.code)
        answer = next(f for f in explainer.predict(subject.x)[0].findings if f.code == lead.code)
        own = share_on(map_.values, side, middle=_middle(subject))
        shares.append((answer.positive, own, _mirrored_share(explainer, lead, luminance, side)))
        maps.append(map_.inner)
    total = np.sum(maps, axis=0, dtype=np.float64)
    # over the view, which is cut around the lungs: its middle is theirs
    usual = [
        share_on(total - m, side, middle=0.5) for m, (_, side) in zip(maps, films, strict=True)
    ]
    return [
        Sided(side, *values, mean)
        for (_film, side), values, mean in zip(films, shares, usual, strict=True)
    ]


def _mirrored_share(explainer: Explainer, lead: FindingSpec, luminance: Map, side: str) -> float:
    """Share on the side that has the disease in the mirrored film."""
    if explainer.card.network.both_sides:
        return math.nan
    mirrored = explainer.look(np.ascontiguousarray(luminance[:, ::-1]))
    map_ = explainer.attribute(mirrored, lead.code)
    return share_on(map_.values, _OTHER[side], middle=_middle(mirrored))


def _middle(subject: Subject) -> float:
    """The column between the lungs, as a share of the film's columns: the middle of the view."""
    return (subject.view.left + subject.view.right) / 2


def share_on(map_: NDArray[np.floating], side: str, *, middle: float) -> float:
    """Share of the positive evidence on a side of the patient, in [0, 1]; one half without any.

    A frontal film hangs as if the patient faced the reader: the patient's left is the picture's
    right.

    Parameters
    ----------
    map_ : numpy.ndarray
        (rows, columns), signed.
    middle : float
        Column between the sides, as a share of the columns.
    """
    positive = np.clip(map_, 0, None).astype(np.float64)
    column = round(middle * map_.shape[1])
    part = positive[:, column:] if side == LEFT else positive[:, :column]
    total = float(positive.sum())
    return float(part.sum()) / total if total > 0 else 0.5


def side_facts(rows: Sequence[Sided]) -> dict[str, Any]:
    """Shares of films whose evidence lies mostly on the named side, with 95 % intervals."""
    hit = np.array([row.share > 0.5 for row in rows], float)
    is_left = np.array([row.side == LEFT for row in rows])
    on_left = np.where(is_left, hit, 1 - hit)  # where the evidence lies, whatever is named
    chance = float(on_left.mean() * is_left.mean() + (1 - on_left.mean()) * (1 - is_left.mean()))
    called = np.array([row.called for row in rows])
    left_share = np.array([row.share if row.side == LEFT else 1 - row.share for row in rows])
    mirrored = np.array([row.mirrored for row in rows])
    both = is_left.any() and not is_left.all()
    return {
        "films": len(rows),
        "called": int(called.sum()),
        "named": _mean(hit),
        "called_named": _mean(hit[called]),
        "share": _mean(np.array([row.share for row in rows])),
        "left_films": int(is_left.sum()),
        "left": _mean(hit[is_left]),
        "right_films": int((~is_left).sum()),
        "right": _mean(hit[~is_left]),
        "tells": asdict(metrics.bootstrap(metrics.roc_auc, is_left, left_share)) if both else None,
        "mirrored": None if np.isnan(mirrored).any() else _mean((mirrored > 0.5).astype(float)),
        "chance": chance,
        "mean_map": _mean(np.array([row.mean_map > 0.5 for row in rows], float)),
    }


def lung_facts(explainer: Explainer, lead: FindingSpec, films: Sequence[Film]) -> dict[str, Any]:
    """Evidence within the masks of films that show the finding, beside the masks' own share."""
    found, called = [], 0
    shown = [film for film in films if lead.shown_by(film.label)]
    for film in tqdm(shown, desc="masks"):
        subject = explainer.look(np.asarray(read_luminance(film.path), np.float32))
        mask = human_mask(film, subject)
        if mask is None:
            raise ValueError("the film has no mask")
        found.append(where(explainer.attribute(subject, lead.code).inner, mask))
        answer = next(f for f in explainer.predict(subject.x)[0].findings if f.code == lead.code)
        called += answer.positive
    return {
        "films": len(shown),
        "called": called,
        **{
            name: _mean(np.array([one[name] for one in found]))
            for name in ("share", "uniform", "pointing")
        },
    }


def _mean(values: NDArray[np.float64]) -> dict[str, float] | None:
    if not len(values):
        return None
    return asdict(metrics.bootstrap(lambda v: float(v.mean()), values))


if __name__ == "__main__":
    typer.run(main)
