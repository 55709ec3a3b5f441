"""Can the receipt say no? True maps and planted liars on films with marked disease.

    export LIGHTBOX_DATA=...
    python -m bench.receipts             # all marked films of the open halves, about an hour
    python -m bench.receipts --films 10  # a quick look

Films are those of `models.data.marked_films`: adults, while the rule was chosen on others. Every
film gets its true map and one liar of each kind (`models.evaluation.liars`). ``planted_rejected``
is the share of liars called not reliable, ``planted_doubted`` that of liars not called well
supported; ``true_kept`` is the share of true maps whose strongest point lies on the marked disease
that are not called unreliable; ``wrong_side_green`` counts true maps on the wrong side of one-sided
disease that are called well supported. Adults are not of the population that the rule was set on,
so by the rule none of their maps is: ``wrong_side_kept`` says how many wrong ones are weak instead.
The last line is JSON: name -> figure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
import typer
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.settings import Settings
from models.data.dataset import read_luminance
from models.data.marked_films import BOXES, MASKS, MarkedFilm, read_marked_films
from models.evaluation import liars
from models.evaluation.liars import TrueMap
from models.explain.checks.pointing import Pointing, point
from models.explain.checks.receipt import make_receipt
from models.explain.checks.verdict import NOT_RELIABLE, VERDICTS, WELL_SUPPORTED, installed_rule
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.network.checkpoint import find_checkpoint

SEED = 20_261_130
TRUE = "true"


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Films of each set; 0: all.")] = 0,
) -> None:
    """Print a table of verdicts and the JSON line."""
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the research data.")
    classifier = Classifier.load(
        find_checkpoint(settings.weights, model or settings.model_name or "paediatric-cxr")
    )
    explainer, rule = Explainer(classifier), installed_rule(classifier.card, settings.weights)
    target = classifier.card.findings[0].code
    marked = [film for film in read_marked_films(settings.data) if film.marked]
    chosen = [
        film
        for source in (BOXES, MASKS)
        for film in [f for f in marked if f.source == source][: films or None]
    ]
    maps = [_true_map(explainer, film, target) for film in chosen]
    places = [_point(one, film) for one, film in zip(maps, chosen, strict=True)]
    ignorant = liars.random_explainer(classifier, seed=SEED % 10_000)
    lot = np.random.default_rng(SEED)
    verdicts: dict[str, list[str]] = {TRUE: [], **{kind: [] for kind in liars.KINDS}}
    for index, one in enumerate(tqdm(maps, desc="receipts")):
        every = {TRUE: one.attribution, **liars.plant_liars(index, maps, ignorant, lot)}
        for kind, attribution in every.items():
            receipt = make_receipt(explainer, one.subject, attribution, rule=rule)
            verdicts[kind].append(receipt.verdict.name)
    for kind, names in verdicts.items():
        counted = Counter(names)
        print(f"{kind:28s}" + "  ".join(f"{v} {counted[v] / len(names):.2f}" for v in VERDICTS))
    print(json.dumps(figures(verdicts, places)))


def figures(verdicts: dict[str, list[str]], places: Sequence[Pointing]) -> dict[str, float]:
    """The figures of the JSON line."""
    planted = [name for kind, names in verdicts.items() if kind != TRUE for name in names]
    true = list(zip(verdicts[TRUE], places, strict=True))
    hits = [name for name, found in true if found.hit]
    wrong = [name for name, found in true if found.right_side is False]
    return {
        "films": len(places),
        "planted_rejected": round(planted.count(NOT_RELIABLE) / len(planted), 3),
        "planted_doubted": round(1 - planted.count(WELL_SUPPORTED) / len(planted), 3),
        "true_kept": round(1 - hits.count(NOT_RELIABLE) / max(len(hits), 1), 3),
        "true_green": round(verdicts[TRUE].count(WELL_SUPPORTED) / len(true), 3),
        "wrong_side": len(wrong),
        "wrong_side_green": wrong.count(WELL_SUPPORTED),
        "wrong_side_kept": len(wrong) - wrong.count(NOT_RELIABLE),
    }


def _true_map(explainer: Explainer, film: MarkedFilm, target: str) -> TrueMap:
    subject = explainer.look(np.asarray(read_luminance(film.path), np.float32))
    subject = replace(subject, studied=False)  # adults: beyond the patients of the rule
    return TrueMap(subject, explainer.attribute(subject, target))


def _point(one: TrueMap, film: MarkedFilm) -> Pointing:
    map_ = one.attribution.values
    return point(map_, film.marks((map_.shape[0], map_.shape[1])))


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
