"""Choose the limits of the receipts' verdict from true maps and from planted liars.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.calibrate_receipts --model paediatric-cxr
    python -m models.evaluation.calibrate_receipts --films 8 --checked 4 --out DIR  # a quick look

Limits come from called training films with the finding and the default method; they are tried on
validation films. Writes ``receipts.json`` beside the weights: the rule, what it was chosen from,
and what it says of maps and liars (`models.evaluation.liars`) it was not chosen from. Test films
are not looked at, nor the films whose disease radiologists have marked (`bench.receipts`).

All limits are the same low percentile of what true maps reach: the lowest at which enough liars are
found out. So every measure costs true maps alike, and the cost is told. A measure by which every
true map is told from every liar has its limit midway between them. Liars are found out most easily
by measures that ask the network again, but a map that is the network's own need not be right: no
limit is below what chance gives, and green is for maps above the lowest quarter of the true ones.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from tqdm import tqdm

from imaging.errors import SettingsError
from models.checkpoint.installed import break_seal
from models.data.dataset import Film, read_luminance, select
from models.evaluation import liars
from models.evaluation.evaluate_planted import FACTS as PLANTED
from models.evaluation.films import open_model
from models.evaluation.liars import TrueMap
from models.explain.checks.constant import mean_patches
from models.explain.checks.receipt import make_receipt
from models.explain.checks.verdict import (
    NOT_RELIABLE,
    RECEIPTS,
    VERDICTS,
    WELL_SUPPORTED,
    Measures,
    VerdictRule,
    judge,
)
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.network.checkpoint import EVALUATION
from models.rules.findings import FindingSpec

SEED = 20_261_129
REJECTED, DOUBTED = 0.85, 0.97  # shares of liars to be called not reliable, and not well supported
START = {"least": 0, "good": 25}  # percentiles of true maps to begin with
CHANCE = {"gain": 0.0, "agreement": 0.0}
MOST = 50  # percentile of true maps that a limit may cost at most
LIMITS = ("gain", "stability", "mirror", "own")
_SHOWN = (0, 1, 5, 25, 50, 75, 95, 99, 100)

Measured = Mapping[str, Sequence[Measures]]  # by kind of map; true ones under `TRUE`
TRUE = "true"


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Training films.", min=3)] = 60,
    checked: Annotated[int, typer.Option(help="Validation films.", min=3)] = 30,
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Choose the limits of a model's receipts."""
    folder, classifier, all_films = open_model(model)
    explainer, lead = Explainer(classifier), classifier.card.findings[0]
    generator = np.random.default_rng(SEED)
    chosen = draw_called(explainer, select(all_films, "train"), lead, films, generator)
    tried = draw_called(explainer, select(all_films, "val"), lead, checked, generator)
    means = {
        name: mean_patches([explainer.attribute(m.subject, lead.code, name).inner for m in chosen])
        for name, method in explainer.methods.items()
        if not method.slow
    }
    stored = {name: np.round(mean, 4).tolist() for name, mean in means.items()}
    blank = VerdictRule(mean_maps=stored, blind=read_blind(folder, classifier.card.weights_sha256))
    measured = measure(classifier, explainer, chosen, blank, generator)
    rule, percentiles = choose_rule(measured, blank)
    validation = measure(classifier, explainer, tried, rule, generator)
    facts = {
        "weights_sha256": classifier.card.weights_sha256,
        "method": explainer.default,
        "target": lead.code,
        "rule": rule.as_dict(),
        "films": len(chosen),
        "percentiles_of_true_maps": percentiles,
        "distributions": distributions(measured),
        "training": verdicts(measured, rule),
        "validation": {"films": len(tried), **verdicts(validation, rule)},
    }
    path = (out or folder) / RECEIPTS
    path.parent.mkdir(parents=True, exist_ok=True)
    break_seal(folder)
    path.write_text(json.dumps(facts, indent=2) + "\n")
    typer.echo(json.dumps({"rule": rule.limits(), "validation": facts["validation"]}))


def read_blind(folder: Path, weights_sha256: str) -> tuple[str, ...]:
    """Methods that miss planted disease, as `models.evaluation.evaluate_planted` has stored them.

    Raises
    ------
    SettingsError
        If that was not measured for these weights.
    """
    try:
        facts = json.loads((folder / EVALUATION / PLANTED).read_text())
        if facts["weights_sha256"] != weights_sha256:
            raise ValueError("other weights")
        return tuple(m["method"] for m in facts["methods"] if not m["passes"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SettingsError("Run models.evaluation.evaluate_planted on this model first.") from exc


def draw_called(
    explainer: Explainer,
    films: Sequence[Film],
    lead: FindingSpec,
    count: int,
    generator: np.random.Generator,
) -> list[TrueMap]:
    """Maps of films drawn by lot among those that have the finding and are called."""
    maps: list[TrueMap] = []
    for index in generator.permutation(len(films)):
        film = films[int(index)]
        if not lead.shown_by(film.label):
            continue
        subject = explainer.look(np.asarray(read_luminance(film.path), np.float32))
        if explainer.predict(subject.x)[0].findings[0].positive:
            maps.append(TrueMap(subject, explainer.attribute(subject, lead.code)))
        if len(maps) == count:
            break
    return maps


def measure(
    classifier: Classifier,
    explainer: Explainer,
    maps: Sequence[TrueMap],
    rule: VerdictRule,
    generator: np.random.Generator,
) -> dict[str, list[Measures]]:
    """What receipts measure of true maps and of every kind of liar."""
    ignorant = liars.random_explainer(classifier, seed=SEED % 10_000)
    measured: dict[str, list[Measures]] = {TRUE: [], **{kind: [] for kind in liars.KINDS}}
    for index, one in enumerate(tqdm(maps, desc="receipts")):
        every = {TRUE: one.attribution, **liars.plant_liars(index, maps, ignorant, generator)}
        for kind, attribution in every.items():
            receipt = make_receipt(explainer, one.subject, attribution, rule=rule)
            measured[kind].append(receipt.measures)
    return measured


def choose_rule(
    measured: Measured, blank: VerdictRule
) -> tuple[VerdictRule, dict[str, int | None]]:
    """The rule, and the percentiles of true maps that its limits are; None where none sufficed.

    Where no percentile up to `MOST` finds out enough liars, the limit stays at `MOST`.
    """
    planted = [m for kind, of_kind in measured.items() if kind != TRUE for m in of_kind]
    chosen: dict[str, int | None] = {}
    rule = replace(blank, calibrated=True)
    for name, wanted, accepted in (
        ("least", REJECTED, (NOT_RELIABLE,)),
        ("good", DOUBTED, tuple(v for v in VERDICTS if v != WELL_SUPPORTED)),
    ):
        start = max(chosen.get("least") or 0, START[name])
        for percentile in range(start, MOST + 1):
            tried = _with_limits(rule, name, measured[TRUE], planted, percentile)
            share = np.mean([judge(m, tried).name in accepted for m in planted])
            if share >= wanted:
                break
        rule, chosen[name] = tried, percentile if share >= wanted else None
    return rule, chosen


def _with_limits(
    rule: VerdictRule,
    name: str,
    true: Sequence[Measures],
    planted: Sequence[Measures],
    percentile: int,
) -> VerdictRule:
    """The rule with its ``least_`` or ``good_`` limits at a percentile of true maps."""
    limits = {f"{name}_{field}": _limit(true, planted, field, percentile) for field in LIMITS}
    if name == "good":
        limits["least_agreement"] = _limit(true, planted, "agreement", percentile)
    known: dict[str, Any] = {key: value for key, value in limits.items() if value is not None}
    return replace(rule, **known)


def _limit(
    true: Sequence[Measures], planted: Sequence[Measures], field: str, percentile: int
) -> float | None:
    """Midway between true maps and liars where all are told apart, else the percentile."""
    values, others = (
        [v for m in group if (v := getattr(m, field)) is not None] for group in (true, planted)
    )
    if not values:
        return None
    limit = float(np.percentile(values, percentile))
    if others and min(values) > max(others):
        limit = (min(values) + max(others)) / 2
    return round(max(limit, CHANCE.get(field, limit)), 3)


def distributions(measured: Measured) -> dict[str, dict[str, dict[str, float]]]:
    """Percentiles of every measure, for true maps and for each kind of liar."""
    return {
        field: {
            kind: _percentiles([v for m in of_kind if (v := getattr(m, field)) is not None])
            for kind, of_kind in measured.items()
        }
        for field in (*LIMITS, "agreement")
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    levels = np.percentile(values, _SHOWN)
    return {f"p{p}": round(float(v), 4) for p, v in zip(_SHOWN, levels, strict=True)}


def verdicts(measured: Measured, rule: VerdictRule) -> dict[str, Any]:
    """Shares of the verdicts for each kind of map, and why true ones are doubted."""
    by_kind = {
        kind: _shares(judge(m, rule).name for m in of_kind) for kind, of_kind in measured.items()
    }
    reasons = Counter(reason for m in measured[TRUE] for reason in judge(m, rule).reasons)
    return {"verdicts": by_kind, "reasons": dict(reasons)}


def _shares(names: Iterable[str]) -> dict[str, float]:
    counted = Counter(names)
    return {name: counted[name] / max(counted.total(), 1) for name in VERDICTS}


if __name__ == "__main__":
    typer.run(main)
