"""Choose the limits of the receipts' verdict from what maps, and shuffled maps, of films show.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.calibrate_receipts --model paediatric-cxr
    python -m models.evaluation.calibrate_receipts --films 8 --checked 4 --out DIR  # a quick look

Limits come from training films and the default method; they are tried on validation films. Writes
``receipts.json`` beside the weights: the rule, the distributions it was chosen from, and what it
says of maps and shuffled maps it was not chosen from. Test films are not looked at.

A limit is a high percentile of chance: of maps whose patches were shuffled (gain, agreement), or
of two maps of different patients (stability), which have the lungs in common and nothing else. What
chance passes once in 20 times is the least; once in 100 times, good.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from models.data.dataset import Film, read_luminance, select
from models.evaluation.films import open_model
from models.explain.checks.agreement import agree, patch_side
from models.explain.checks.faithfulness import faithfulness
from models.explain.checks.receipt import agreement, make_receipt
from models.explain.checks.stability import stability
from models.explain.checks.verdict import RECEIPTS, VERDICTS, VerdictRule
from models.explain.methods.explainer import Attribution, Explainer

SEED = 20_261_125
SHUFFLES = 3  # shuffled maps per film
LEAST, GOOD = 95.0, 99.0  # percentiles of chance
_SHOWN = (0, 1, 5, 25, 50, 75, 95, 99, 100)


@dataclass(frozen=True, slots=True)
class Sample:
    """Measures of one training film: of its map, and of maps by chance."""

    gain: float
    stability: float
    agreement: float
    inner: NDArray[np.float32]
    shuffled_gains: tuple[float, ...]
    shuffled_agreements: tuple[float, ...]


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Training films.", min=2)] = 100,
    checked: Annotated[int, typer.Option(help="Validation films.", min=1)] = 40,
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Choose the limits of a model's receipts."""
    folder, classifier, all_films = open_model(model)
    explainer, target = Explainer(classifier), classifier.card.findings[0].code
    generator = np.random.default_rng(SEED)
    samples = [
        measure_sample(explainer, film, target, generator)
        for film in tqdm(draw_films(select(all_films, "train"), films, generator))
    ]
    rule, chance = choose_rule(samples)
    tried = draw_films(select(all_films, "val"), checked, generator)
    facts = {
        "weights_sha256": classifier.card.weights_sha256,
        "method": explainer.default,
        "target": target,
        "rule": rule.as_dict(),
        "films": len(samples),
        "shuffled_maps_per_film": SHUFFLES,
        "percentiles_of_chance": {"least": LEAST, "good": GOOD},
        "distributions": distributions(samples, chance),
        "validation": validate_rule(explainer, tried, target, rule, generator),
    }
    path = (out or folder) / RECEIPTS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2) + "\n")
    typer.echo(json.dumps({"rule": facts["rule"], "validation": facts["validation"]}))


def draw_films(films: Sequence[Film], count: int, generator: np.random.Generator) -> list[Film]:
    """Films drawn by lot, all kinds as they come."""
    return [films[int(i)] for i in generator.permutation(len(films))[:count]]


def shuffle_patches(attribution: Attribution, generator: np.random.Generator) -> Attribution:
    """The same map with its patches in another order: the same evidence, in the wrong places."""
    inner = attribution.inner
    side = patch_side(len(inner))
    count = len(inner) // side
    patches = inner[: count * side, : count * side].reshape(count, side, count, side)
    listed = patches.transpose(0, 2, 1, 3).reshape(-1, side, side)
    listed = listed[generator.permutation(len(listed))]
    mixed = listed.reshape(count, count, side, side).transpose(0, 2, 1, 3)
    shuffled_inner = inner.copy()
    shuffled_inner[: count * side, : count * side] = mixed.reshape(count * side, count * side)
    return replace(attribution, inner=shuffled_inner)


def measure_sample(
    explainer: Explainer, film: Film, target: str, generator: np.random.Generator
) -> Sample:
    """Measure a film's map, and shuffled copies of it."""
    subject = explainer.look(read_luminance(film.path))
    map_ = explainer.attribute(subject, target)
    shuffled_maps = [shuffle_patches(map_, generator) for _ in range(SHUFFLES)]
    return Sample(
        gain=faithfulness(explainer, subject, map_).relative,
        stability=stability(explainer, subject, map_).correlation,
        agreement=best_correlation(agreement(explainer, subject, [map_])[0]),
        inner=map_.inner,
        shuffled_gains=tuple(faithfulness(explainer, subject, m).relative for m in shuffled_maps),
        shuffled_agreements=tuple(
            best_correlation(shared) for shared in agreement(explainer, subject, shuffled_maps)
        ),
    )


def best_correlation(agreements: dict[str, Any]) -> float:
    """The best rank correlation with another method."""
    return float(max(other.correlation for other in agreements.values()))


def choose_rule(samples: Sequence[Sample]) -> tuple[VerdictRule, dict[str, list[float]]]:
    """The rule, and what chance alone reached of each measure."""
    chance = {
        "gain": [gain for s in samples for gain in s.shuffled_gains],
        "agreement": [value for s in samples for value in s.shuffled_agreements],
        "stability": [
            agree(first.inner, second.inner).correlation for first, second in pairwise(samples)
        ],
    }
    rule = VerdictRule(
        least_gain=_limit(chance["gain"], LEAST),
        good_gain=_limit(chance["gain"], GOOD),
        least_stability=_limit(chance["stability"], LEAST),
        good_stability=_limit(chance["stability"], GOOD),
        least_agreement=_limit(chance["agreement"], LEAST),
        calibrated=True,
    )
    return rule, chance


def _limit(values: Sequence[float], percentile: float) -> float:
    return round(float(np.percentile(values, percentile)), 3)


def distributions(
    samples: Sequence[Sample], chance: dict[str, list[float]]
) -> dict[str, dict[str, dict[str, float]]]:
    """Percentiles of every measure, for maps and for chance."""
    real = {name: [getattr(s, name) for s in samples] for name in chance}
    return {
        name: {"maps": _percentiles(real[name]), "chance": _percentiles(chance[name])}
        for name in chance
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    levels = np.percentile(values, _SHOWN)
    return {f"p{p}": round(float(v), 4) for p, v in zip(_SHOWN, levels, strict=True)}


def validate_rule(
    explainer: Explainer,
    films: Sequence[Film],
    target: str,
    rule: VerdictRule,
    generator: np.random.Generator,
) -> dict[str, Any]:
    """Verdicts on films the rule was not chosen from: their maps, and shuffled ones."""
    real, wrong = [], []
    for film in tqdm(films):
        subject = explainer.look(read_luminance(film.path))
        map_ = explainer.attribute(subject, target)
        real.append(make_receipt(explainer, subject, map_, rule=rule))
        mixed = shuffle_patches(map_, generator)
        wrong.append(make_receipt(explainer, subject, mixed, rule=rule))
    return {
        "films": len(films),
        "maps": _shares(r.verdict.name for r in real),
        "shuffled": _shares(r.verdict.name for r in wrong),
        "shuffled_not_reliable_by_gain_alone": float(
            np.mean([r.faithfulness.relative < rule.least_gain for r in wrong])
        ),
        "reasons": dict(Counter(reason for r in real for reason in r.verdict.reasons)),
    }


def _shares(names: Iterable[str]) -> dict[str, float]:
    counted = Counter(names)
    return {name: counted[name] / counted.total() for name in VERDICTS}


if __name__ == "__main__":
    typer.run(main)
