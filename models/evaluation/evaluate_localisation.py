"""Does it point at the disease? Maps beside marks that radiologists made, and beside baselines.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_localisation --model paediatric-cxr
    python -m models.evaluation.evaluate_localisation --films 6 --out DIR  # a quick look

Every film with marked disease of the open halves of `models.data.marked_films` - adults, whom no
network here was trained on - is explained by every method, as it is and mirrored. Below
``<checkpoint>/evaluation/``: ``localisation.csv`` (one row per film and method; a run that was
stopped goes on from it) and ``localisation.json`` (figures with 95 % bootstrap intervals). These
halves may choose networks and settings, so the figures flatter; another half is kept back.

Three baselines know nothing of the film's disease: the mean of all other films' maps of the same
set (what is left of a method that always draws the same), the lungs as the localiser sees them,
and a blob at a place in the lungs drawn by lot.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch.nn import functional as F
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.settings import Settings
from models import metrics
from models.checkpoint.installed import measured
from models.data.dataset import read_luminance
from models.data.marked_films import BOXES, MASKS, MarkedFilm, read_marked_films
from models.evaluation.films import open_model
from models.explain.base.subject import Subject, lungs_in_view, on_film
from models.explain.checks.pointing import mirror_correlation, point
from models.explain.methods.explainer import Explainer
from models.rules.findings import FindingSpec

ROWS, FACTS = "localisation.csv", "localisation.json"
SEED = 20_261_129
CHEST = "CHEST"
BLOBS = 20  # places drawn by lot per film
MEAN_MAP, LUNGS, LOT = "mean_map", "lungs", "lot"
BASELINES = (MEAN_MAP, LUNGS, LOT)
_BLOB = 0.08  # standard deviation of a blob, of the view's side

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one map of one film; see `models.explain.checks.pointing.Pointing`.

    ``hit`` is a mean over `BLOBS` places for the lot. ``right_side``, and the figures of
    the mirrored film, are NaN where there is nothing to measure.
    """

    film: str
    source: str
    method: str
    called: int
    hit: float
    density: float
    side: str
    right_side: float
    mirror: float = math.nan
    change: float = math.nan


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A film as it is and mirrored, as the networks see it."""

    film: MarkedFilm
    subject: Subject
    mirrored: Subject
    called: bool
    change: float  # of the lead's probability under mirroring


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Films of each set; 0: all.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Measure where a model's maps point."""
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the research data.")
    folder, classifier, _films = open_model(model)
    if CHEST not in classifier.card.scope.body_parts:
        typer.echo("The films with marked disease are chest films; this model reads others.")
        return
    target = out or measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    marked = [film for film in read_marked_films(settings.data) if film.marked]
    chosen = [
        film
        for source in (BOXES, MASKS)
        for film in [f for f in marked if f.source == source][: films or None]
    ]
    explainer, lead = Explainer(classifier), classifier.card.findings[0]
    rows = measure_films(target / ROWS, explainer, lead, chosen)
    facts: dict[str, Any] = {
        "weights_sha256": classifier.card.weights_sha256,
        "finding": lead.code,
        "default": explainer.default,
        "sets": [
            set_facts(explainer, [row for row in rows if row.source == source])
            for source in (BOXES, MASKS)
        ],
    }
    (target / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    boxed = next(m for m in facts["sets"][0]["methods"] if m["method"] == explainer.default)
    typer.echo(json.dumps({name: boxed[name]["value"] for name in ("hit", "density")}))


def measure_films(
    path: Path, explainer: Explainer, lead: FindingSpec, films: Sequence[MarkedFilm]
) -> tuple[Row, ...]:
    """The rows of a table on disk, which is gone on with where a run was stopped."""
    wanted = {*explainer.methods, *BASELINES}
    rows = _read_rows(path)
    done = {
        film.path.name
        for film in films
        if {row.method for row in rows if row.film == film.path.name} >= wanted
    }
    names = {film.path.name for film in films}
    rows = [row for row in rows if row.film in done]
    looked = [look_twice(explainer, lead, film) for film in tqdm(films, desc="films")]
    maps = default_maps(explainer, lead, looked)
    generator = np.random.default_rng(SEED)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
        for one in tqdm(looked, desc="maps"):
            if one.film.path.name in done:
                continue
            of_film = [measure_map(explainer, lead, one, method) for method in explainer.methods]
            of_film += baseline_rows(one, maps[one.film.source], generator)
            rows += of_film
            writer.writerows(asdict(row) for row in of_film)
            stream.flush()
    return tuple(row for row in rows if row.film in names)


def look_twice(explainer: Explainer, lead: FindingSpec, film: MarkedFilm) -> Looked:
    """Frame a film as it is and mirrored, and ask about both."""
    luminance = np.asarray(read_luminance(film.path), np.float32)
    subject = explainer.look(luminance)
    mirrored = explainer.look(np.ascontiguousarray(luminance[:, ::-1]))
    answers = [
        next(f for f in explainer.predict(s.x)[0].findings if f.code == lead.code)
        for s in (subject, mirrored)
    ]
    change = abs(answers[0].probability - answers[1].probability)
    return Looked(film, subject, mirrored, answers[0].positive, change)


def default_maps(
    explainer: Explainer, lead: FindingSpec, looked: Sequence[Looked]
) -> dict[str, dict[str, Map]]:
    """The default method's maps over the networks' input: by set, then by film."""
    maps: dict[str, dict[str, Map]] = {}
    for one in looked:
        inner = explainer.attribute(one.subject, lead.code).inner
        maps.setdefault(one.film.source, {})[one.film.path.name] = inner
    return maps


def measure_map(explainer: Explainer, lead: FindingSpec, one: Looked, method: str) -> Row:
    """Measure a method's map of a film, beside that of the mirrored film."""
    map_ = explainer.attribute(one.subject, lead.code, method).values
    of_mirrored = explainer.attribute(one.mirrored, lead.code, method).values
    same_grid = torch.from_numpy(of_mirrored)[None, None]
    back = F.interpolate(same_grid, map_.shape, mode="bilinear", antialias=True)[0, 0].numpy()
    return _row(one, method, map_, mirror=mirror_correlation(map_, back), change=one.change)


def baseline_rows(
    one: Looked, maps: Mapping[str, Map], generator: np.random.Generator
) -> list[Row]:
    """Measure maps that know nothing of this film's disease."""
    view = one.subject.view
    others = [map_ for name, map_ in maps.items() if name != one.film.path.name]
    mean = np.mean(others or list(maps.values()), axis=0, dtype=np.float64).astype(np.float32)
    lungs = lungs_in_view(one.subject)
    rows = [
        _row(one, MEAN_MAP, on_film(torch.from_numpy(mean), view)),
        _row(one, LUNGS, on_film(torch.from_numpy(lungs), view)),
    ]
    drawn = [
        _row(one, LOT, on_film(torch.from_numpy(blob(lungs, generator)), view))
        for _ in range(BLOBS)
    ]
    return [*rows, _average(drawn)]


def blob(lungs: Map, generator: np.random.Generator) -> Map:
    """A smooth spot at a place in the lungs drawn by lot: (size, size), float32, not negative."""
    size = len(lungs)
    chances = np.where(lungs > 0.5, 1.0, 0.0).ravel()
    chances = chances if chances.any() else np.ones_like(chances)
    place = generator.choice(chances.size, p=chances / chances.sum())
    down, across = np.divmod(place, size)
    rows, columns = np.ogrid[:size, :size]
    squares = (rows - down) ** 2 + (columns - across) ** 2
    return np.exp(-squares / (2 * (_BLOB * size) ** 2)).astype(np.float32)


def _average(rows: Sequence[Row]) -> Row:
    """One row of several of the same film and method."""
    mean = {
        name: float(np.mean([getattr(row, name) for row in rows]))
        for name in ("hit", "density", "right_side")
    }
    return Row(**{**asdict(rows[0]), **mean})


def _row(
    one: Looked, method: str, map_: Map, *, mirror: float = math.nan, change: float = math.nan
) -> Row:
    result = point(map_, one.film.marks((map_.shape[0], map_.shape[1])))
    return Row(
        film=one.film.path.name,
        source=one.film.source,
        method=method,
        called=int(one.called),
        hit=float(result.hit),
        density=result.density,
        side=result.side,
        right_side=math.nan if result.right_side is None else float(result.right_side),
        mirror=mirror,
        change=change,
    )


def _read_rows(path: Path) -> list[Row]:
    """The rows of a table; none where there is no table yet."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return [
            Row(
                film=values["film"],
                source=values["source"],
                method=values["method"],
                called=int(values["called"]),
                side=values["side"],
                **{
                    name: float(values[name])
                    for name in ("hit", "density", "right_side", "mirror", "change")
                },
            )
            for values in csv.DictReader(stream)
        ]


def set_facts(explainer: Explainer, rows: Sequence[Row]) -> dict[str, Any]:
    """Figures of one set of films: what mirroring does to the answer, then by method."""
    default = [row for row in rows if row.method == explainer.default]
    return {
        "set": rows[0].source,
        "films": len(default),
        "called": sum(row.called for row in default),
        "change": _mean([row.change for row in default]),
        "methods": [_method_facts(name, rows) for name in (*explainer.methods, *BASELINES)],
    }


def _method_facts(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    own = [row for row in rows if row.method == name]
    sides = {
        side: [row.right_side for row in own if row.side == side] for side in ("left", "right")
    }
    mirror = [row.mirror for row in own if not math.isnan(row.mirror)]
    return {
        "method": name,
        "hit": _mean([row.hit for row in own]),
        "density": _mean([row.density for row in own]),
        "left": _mean(sides["left"]),
        "left_films": len(sides["left"]),
        "right": _mean(sides["right"]),
        "right_films": len(sides["right"]),
        "mirror": _median(mirror),
    }


def _mean(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return asdict(metrics.bootstrap(lambda v: float(v.mean()), np.array(values, float)))


def _median(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return asdict(metrics.bootstrap(lambda v: float(np.median(v)), np.array(values, float)))


if __name__ == "__main__":
    typer.run(main)
