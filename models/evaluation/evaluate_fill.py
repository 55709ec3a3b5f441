"""The fill that is lung, checked: a filled film must not show what was not there.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_fill --model paediatric-cxr
    python -m models.evaluation.evaluate_fill --films 20 --out DIR  # a quick look

On test films. A normal film must stay normal whichever zone of its lungs is filled; a film with
the finding must lose it when both lungs are. Blur, smooth inpainting and grey are measured beside
it. Where a film fails its check, its page says "not informative" instead of a number. Writes
``fill.json`` below ``<checkpoint>/evaluation/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from tqdm import tqdm

from models import metrics
from models.checkpoint.installed import measured
from models.data.dataset import Film, read_luminance, select
from models.evaluation.films import open_model
from models.explain.base.lung_measures import find_lungs
from models.explain.base.lung_zones import zone_masks
from models.explain.base.normal_lung import lung_hole
from models.explain.base.subject import Subject
from models.explain.methods.explainer import Explainer
from models.explain.probes.erase import Fill, Step, erase, fills_of
from models.rules.findings import FindingSpec

FACTS = "fill.json"
LEAST_NORMAL, LEAST_GONE = 0.95, 0.8  # shares that are wanted


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Films with, and films without; 0: all.")] = 0,
    split: Annotated[str, typer.Option(help="Of the model's films.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Fill lungs, and see what the network sees in them."""
    folder, classifier, all_films = open_model(model)
    explainer, lead = Explainer(classifier), classifier.card.findings[0]
    chosen = select(all_films, split)
    fills = measure_fills(explainer, lead, chosen, films or len(chosen))
    facts = {
        "weights_sha256": classifier.card.weights_sha256,
        "fill_sha256": classifier.card.fill_sha256,
        "split": split,
        "limits": {"normal": LEAST_NORMAL, "gone": LEAST_GONE},
        "fills": fills,
    }
    target = out or measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    figures = {
        f"{f['fill']}_{name}": round(f[name]["value"], 3)
        for f in fills
        for name in ("normal", "gone")
    }
    typer.echo(json.dumps(figures))


def measure_fills(
    explainer: Explainer, lead: FindingSpec, films: Sequence[Film], count: int
) -> list[dict[str, Any]]:
    """Share of normal films that stay normal, over zones, and of the others that lose the finding.

    Films that the network gets wrong are left out: a fill can neither keep nor take what is not
    there.
    """
    if explainer.classifier.framing.localiser is None:
        return []
    rights = [f for f in films if not lead.shown_by(f.label)]
    wrongs = [f for f in films if lead.shown_by(f.label)]
    normal = list(_pick(explainer, rights, count, called=False))
    sick = list(_pick(explainer, wrongs, count, called=True))
    facts = []
    for fill in fills_of(explainer):
        kept = [_stays_normal(explainer, s, fill) for s in tqdm(normal, desc=f"{fill}, normal")]
        gone = [_loses(explainer, s, fill) for s in tqdm(sick, desc=f"{fill}, finding")]
        facts.append(
            {
                "fill": fill.value,
                "normal_films": len(normal),
                "finding_films": len(sick),
                "normal": _share([float(np.mean(zones)) for zones in kept]),
                "normal_every_zone": _share([float(all(zones)) for zones in kept]),
                "gone": _share([float(g) for g in gone]),
            }
        )
    return facts


def _stays_normal(explainer: Explainer, subject: Subject, fill: Fill) -> list[bool]:
    """For each zone, whether the film is not called when it is filled."""
    lungs = find_lungs(subject.region, subject)
    if lungs is None:
        raise ValueError("films without surely seen lungs were left out")
    inputs = [erase(explainer, subject, [Step(m, fill)]) for m in zone_masks(lungs).values()]
    return [not p.findings[0].positive for p in explainer.predict(torch.cat(inputs))]


def _loses(explainer: Explainer, subject: Subject, fill: Fill) -> bool:
    """Whether the finding is gone when both lungs are filled."""
    both = lung_hole(subject)[0, 0].numpy()
    (prediction,) = explainer.predict(erase(explainer, subject, [Step(both, fill)]))
    return not prediction.findings[0].positive


def _pick(
    explainer: Explainer, films: Sequence[Film], count: int, *, called: bool
) -> Iterator[Subject]:
    """The first films with both lungs surely seen that are called, or are not."""
    left = count
    for film in films:
        if left == 0:
            return
        subject = explainer.look(np.asarray(read_luminance(film.path), np.float32))
        seen = find_lungs(subject.region, subject) is not None
        if seen and explainer.predict(subject.x)[0].findings[0].positive == called:
            left -= 1
            yield subject


def _share(values: Sequence[float]) -> dict[str, float]:
    return asdict(metrics.bootstrap(lambda v: float(v.mean()), np.array(values, float)))


if __name__ == "__main__":
    typer.run(main)
