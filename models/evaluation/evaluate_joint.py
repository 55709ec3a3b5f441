"""Measure whether evidence of a knee's grade lies at the joint line, where a reader looks for it.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_joint --model knee-kl
    python -m models.evaluation.evaluate_joint --model knee-kl --sheet DIR  # to check the rule

Grades are told by the width of the joint space and by bone spurs at its edges, so evidence should
lie there. The line is found by a rule that knows neither grade nor network
(`models.data.joint_line`). Maps of the default method for the leading finding, of test films that
show it, are measured by three figures: the share of the positive evidence in the band, whether the
strongest point lies in it, and evidence per area there over that of the whole film. Two baselines
stand beside: an even map (chance), and the mean of the other films' maps, which is what is left of
a method that always draws the same. Writes ``evaluation/joint.json`` and ``joint.csv``.
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

from imaging.rendering import png_bytes
from models import metrics
from models.checkpoint.installed import measured
from models.data.dataset import Film, as_bytes, read_luminance, select
from models.data.joint_line import joint_band
from models.evaluation.films import open_model
from models.explain.checks.pointing import point
from models.explain.methods.explainer import Explainer

FACTS, ROWS = "joint.json", "joint.csv"
KNEE = "KNEE"
EVIDENCE, MEAN_MAP, EVEN = "evidence", "mean_map", "even"
_SIDE = 224  # of the maps that are compared between films, pixels
_SHEET = (4, 5)  # films of the contact sheet: down, across

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one map of one film; `share` is of the positive evidence, in [0, 1]."""

    film: str
    kind: str
    share: float
    hit: float
    density: float


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A film's map and the band around its joint line, (`_SIDE`, `_SIDE`) each."""

    film: Film
    map_: Map
    band: NDArray[np.bool_]


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Test films at most; 0: all with the finding.")] = 200,
    sheet: Annotated[Path | None, typer.Option(help="Folder for a sheet of bands.")] = None,
) -> None:
    """Measure how much of a knee model's evidence lies at the joint line."""
    folder, classifier, every = open_model(model)
    card = classifier.card
    if KNEE not in card.scope.body_parts:
        typer.echo("The joint line is that of the knee; this model reads another part.")
        return
    lead = card.findings[0]
    chosen = [f for f in select(every, "test") if lead.shown_by(f.label)]
    chosen = _spread(chosen, films)
    if sheet is not None:
        write_sheet(sheet, chosen)
        return
    explainer = Explainer(classifier)
    seen = [look(explainer, lead.code, film) for film in tqdm(chosen)]
    rows = [row for one in seen for row in rows_of(one, seen)]
    target = measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    figures = [figures_of(kind, rows) for kind in (EVIDENCE, MEAN_MAP, EVEN)]
    facts = {
        "weights_sha256": card.weights_sha256,
        "finding": lead.code,
        "method": explainer.default,
        "films": len(seen),
        "rows": figures,
    }
    (target / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    with (target / ROWS).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    for row in figures:
        typer.echo(f"{row['kind']}: {row['share']['value']:.3f} of the evidence at the joint line")


def _spread(films: Sequence[Film], most: int) -> list[Film]:
    """Of many films every n-th, so that all grades and sides are among them."""
    if not most or len(films) <= most:
        return list(films)
    return [films[i * len(films) // most] for i in range(most)]


def look(explainer: Explainer, code: str, film: Film) -> Seen:
    """Explain one film, and find its joint line; both on one grid."""
    luminance = np.asarray(read_luminance(film.path), np.float32)
    map_ = explainer.attribute(explainer.look(luminance), code).values
    return Seen(film, _on_grid(map_), _on_grid(joint_band(luminance)))


def _on_grid(values: NDArray[Any]) -> NDArray[Any]:
    """The nearest value at every point of a grid of `_SIDE`: (`_SIDE`, `_SIDE`)."""
    down, across = (((np.arange(_SIDE) + 0.5) * n / _SIDE).astype(int) for n in values.shape)
    return values[np.ix_(down, across)]


def rows_of(one: Seen, seen: Sequence[Seen]) -> Iterator[Row]:
    """A film's own map, the mean of the others', and an even one."""
    others = [s.map_ for s in seen if s is not one] or [one.map_]
    maps: dict[str, Map] = {
        EVIDENCE: one.map_,
        MEAN_MAP: np.asarray(np.mean(others, axis=0, dtype=np.float64), np.float32),
        EVEN: np.ones_like(one.map_),
    }
    for kind, map_ in maps.items():
        found = point(map_, one.band)
        area = float(one.band.mean())
        hit = area if kind == EVEN else float(found.hit)  # every point of it is as strong
        yield Row(one.film.path.name, kind, found.density * area, hit, found.density)


def figures_of(kind: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Means over films with 95 % bootstrap intervals."""
    own = [row for row in rows if row.kind == kind]
    figures = {
        name: asdict(metrics.bootstrap(_mean, np.array([getattr(row, name) for row in own])))
        for name in ("share", "hit", "density")
    }
    return {"kind": kind, **figures}


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def write_sheet(folder: Path, films: Sequence[Film]) -> None:
    """A contact sheet of films with their bands brighter, to check the rule by eye.

    Raises
    ------
    FileNotFoundError
        If the folder is missing: the sheet holds films, and must not land anywhere by accident.
    """
    down, across = _SHEET
    tiles = [_tile(film) for film in _spread(films, down * across)]
    blank = np.zeros((_SIDE, _SIDE), np.uint8)
    tiles += [blank] * (down * across - len(tiles))
    rows = [np.concatenate(tiles[r * across : (r + 1) * across], 1) for r in range(down)]
    (folder / "joint_lines.png").write_bytes(png_bytes(np.concatenate(rows)))


def _tile(film: Film) -> NDArray[np.uint8]:
    luminance = np.asarray(read_luminance(film.path), np.float32)
    picture = _on_grid(as_bytes(luminance)).astype(np.uint16)
    band = _on_grid(joint_band(luminance))
    return np.where(band, 128 + picture // 2, picture).astype(np.uint8)


if __name__ == "__main__":
    typer.run(main)
