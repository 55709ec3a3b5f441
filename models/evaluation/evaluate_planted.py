"""Disease planted into normal films: whether maps go there, and whether the answer moves.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_planted --model paediatric-cxr
    python -m models.evaluation.evaluate_planted --films 4 --out DIR  # a quick look

An opacity from a film with the finding is blended into each of the six zones of the lungs of normal
films that the network does not call. Where it lies is known without anybody's label, so every
quick method is asked for it. A method that fails is named in the receipts' rule and can never be
well supported. Validation films alone; a network may have learned from opacities planted into
training films, never from these. Writes ``planted.json`` below ``<checkpoint>/evaluation/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from models import metrics
from models.checkpoint.installed import measured
from models.data.dataset import Film, read_luminance, select
from models.data.planted import PlantedSettings, opacity_at, plant, widen
from models.evaluation.films import open_model
from models.explain.base.lung_measures import find_lungs
from models.explain.base.lung_zones import zone_masks
from models.explain.base.subject import Subject, in_view
from models.explain.checks.pointing import point
from models.explain.methods.explainer import Explainer
from models.network.preprocess import preprocess
from models.rules.findings import FindingSpec

FACTS = "planted.json"
SEED = 20_261_129
RADIUS = 0.1  # of the opacity, of the view's side
SETTINGS = PlantedSettings(faintest=0.5, densest=0.85)  # plain to see
LEAST_HIT, LEAST_SIDE, LEAST_MOVED = 0.5, 0.85, 0.8  # shares a method, or the answer, must reach


@dataclass(frozen=True, slots=True)
class Row:
    """One opacity and one method's map of the film with it.

    ``moved`` is the rise of the target's log-odds, ``called`` whether the film is called now.
    """

    zone: str
    method: str
    hit: bool
    right_side: bool | None
    moved: float
    called: bool


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Normal films.", min=1)] = 30,
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Plant disease and see whether it is found."""
    folder, classifier, all_films = open_model(model)
    explainer, lead = Explainer(classifier), classifier.card.findings[0]
    rows: list[Row] = []
    if classifier.framing.localiser is not None:  # without, nobody knows where to plant
        rows = measure_planted(explainer, lead, select(all_films, "val"), films)
    facts = {"weights_sha256": classifier.card.weights_sha256, **summarise(explainer, rows)}
    target = out or measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    typer.echo(json.dumps({m["method"]: m["passes"] for m in facts["methods"]}))


def measure_planted(
    explainer: Explainer, lead: FindingSpec, films: Sequence[Film], count: int
) -> list[Row]:
    """Plant one opacity after the other into `count` normal films, and ask every quick method."""
    lot = np.random.default_rng(SEED)
    order = [films[int(i)] for i in lot.permutation(len(films))]
    normal = _subjects(explainer, (f for f in order if not lead.shown_by(f.label)), called=False)
    sick = list(_take(_subjects(explainer, (f for f in order if lead.shown_by(f.label))), 12))
    generator = torch.Generator().manual_seed(SEED)
    quick = [name for name, method in explainer.methods.items() if not method.slow]
    rows: list[Row] = []
    for number, subject in enumerate(tqdm(_take(normal, count), total=count, desc="planted")):
        before = _log_odds(explainer, subject, lead)
        for zone, changed, marked in planted_films(subject, sick[number % len(sick)], generator):
            after = _log_odds(explainer, changed, lead)
            called = _is_called(explainer, changed)
            for name in quick:
                found = point(explainer.attribute(changed, lead.code, name).inner, marked)
                rows.append(Row(zone, name, found.hit, found.right_side, after - before, called))
    return rows


def planted_films(
    subject: Subject, donor: Subject, generator: torch.Generator
) -> Iterator[tuple[str, Subject, NDArray[np.bool_]]]:
    """A normal film with an opacity in one zone after the other.

    Yields
    ------
    tuple of str, Subject and numpy.ndarray
        Zone (the patient's side); the film with the opacity; where it is, (size, size), bool.
    """
    lungs = find_lungs(subject.region, subject)
    if lungs is None or subject.region is None:
        return
    size = subject.x.shape[-1]
    soft = torch.from_numpy(in_view(subject.region, subject.view, size))[None]
    film, texture = _scaled(subject), _scaled(donor)
    for zone, area in zone_masks(lungs).items():
        rows, columns = np.nonzero(area > 0.5)
        centre = torch.tensor([[float(rows.mean()), float(columns.mean())]])
        mask = opacity_at(centre, torch.tensor([RADIUS * size]), size, generator) * widen(soft)
        changed, density = plant(film, mask, soft, texture, SETTINGS, generator)
        squashed = changed[0].numpy()
        marked = (density[0] > 0.5 * density.max()).numpy()
        yield zone, replace(subject, squashed=squashed, x=preprocess(squashed, size=size)), marked


def summarise(explainer: Explainer, rows: Sequence[Row]) -> dict[str, Any]:
    """What the answer did, then each method and whether it passes; without rows, no methods."""
    if not rows:
        return {"films_with_opacity": 0, "methods": []}
    first = [row for row in rows if row.method == explainer.default]
    moved = [float(row.moved > 0) for row in first]
    return {
        "films_with_opacity": len(first),
        "limits": {"hit": LEAST_HIT, "side": LEAST_SIDE, "moved": LEAST_MOVED},
        "rise": _mean([row.moved for row in first]),
        "moved": _mean(moved),
        "called": _mean([float(row.called) for row in first]),
        "methods": [
            _method_facts(name, [row for row in rows if row.method == name])
            | {"answer_moves": float(np.mean(moved)) >= LEAST_MOVED}
            for name in dict.fromkeys(row.method for row in rows)
        ],
    }


def _method_facts(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    hit = [float(row.hit) for row in rows]
    # the patient's right is on the picture's left
    sides = {
        side: [float(bool(row.right_side)) for row in rows if row.zone.startswith(patient)]
        for side, patient in (("left", "right"), ("right", "left"))
    }
    return {
        "method": name,
        "hit": _mean(hit),
        **{side: _mean(values) for side, values in sides.items()},
        "passes": bool(
            np.mean(hit) >= LEAST_HIT
            and all(np.mean(values) >= LEAST_SIDE for values in sides.values())
        ),
    }


def _subjects(
    explainer: Explainer, films: Iterator[Film], *, called: bool = True
) -> Iterator[Subject]:
    """Films with both lungs surely seen that the network calls, or does not call."""
    for film in films:
        subject = explainer.look(np.asarray(read_luminance(film.path), np.float32))
        seen = find_lungs(subject.region, subject) is not None
        if seen and _is_called(explainer, subject) == called:
            yield subject


def _take(subjects: Iterator[Subject], count: int) -> Iterator[Subject]:
    for _number, subject in zip(range(count), subjects, strict=False):
        yield subject


def _scaled(subject: Subject) -> torch.Tensor:
    """The viewed part in [0, 1]: (1, size, size), float32."""
    values = torch.from_numpy(np.array(subject.squashed, np.float32))[None]
    low, high = values.min(), values.max()
    return (values - low) / (high - low).clamp_min(1e-6)


def _log_odds(explainer: Explainer, subject: Subject, lead: FindingSpec) -> float:
    return float(explainer.log_odds(subject.x, lead.code).mean())


def _is_called(explainer: Explainer, subject: Subject) -> bool:
    return explainer.predict(subject.x)[0].findings[0].positive


def _mean(values: Sequence[float]) -> dict[str, float]:
    return asdict(metrics.bootstrap(lambda v: float(v.mean()), np.array(values, float)))


if __name__ == "__main__":
    typer.run(main)
