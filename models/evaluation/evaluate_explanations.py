"""Measure the explanations: where they point, whether the answer hangs on it, what they react to.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_explanations --model paediatric-cxr  # an hour
    python -m models.evaluation.evaluate_explanations --films 4 --masks 8 --out DIR  # a quick look

Below ``<checkpoint>/evaluation/``: ``explanations.csv`` (one row per film and method; a run that
was stopped goes on from it), ``explanations_masks.csv`` (the quick methods on many more masks) and
``explanations.json``. Films are those of the training and validation splits, which have open lung
masks; the test films' masks are kept back for others to check with. Nothing is chosen here. Of a
task without masks everything else is measured, on validation films.

Explanations are by torch wherever they are made, so these are those a doctor sees, but for the box:
the localiser finds it here, where a doctor's map takes that of the stored answer.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from models import metrics
from models.checkpoint.installed import measured
from models.data.dataset import Film, read_luminance, read_region, select
from models.evaluation.films import open_model
from models.explain.base.subject import Subject, in_view
from models.explain.checks import sanity
from models.explain.checks.faithfulness import faithfulness
from models.explain.checks.receipt import make_receipt
from models.explain.checks.stability import disturb
from models.explain.checks.verdict import VERDICTS
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.rules.findings import FindingSpec

ROWS, MASKS, FACTS = "explanations.csv", "explanations_masks.csv", "explanations.json"
SEED = 20_261_124
STEPS = 12  # of deletion and insertion: twice as fine as in a receipt
CONTROL_FILMS, CONTROL_EPOCHS = 400, 24  # enough to learn random labels by heart on two cores


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one map of one film.

    ``share`` and ``uniform`` are the shares of positive evidence, and of the view, inside the human
    lung mask; ``pointing`` is 1 when the strongest evidence lies there (Zhang et al., IJCV 2018).
    The faithfulness figures are those of `models.explain.checks.faithfulness`, NaN where not
    measured; so are the three before where the film has no mask.
    """

    film: str
    split: str
    method: str
    present: int
    called: int
    share: float = math.nan
    uniform: float = math.nan
    pointing: float = math.nan
    deletion: float = math.nan
    insertion: float = math.nan
    gain: float = math.nan


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Films for every method.")] = 60,
    masks: Annotated[int, typer.Option(help="Masks for the quick methods; 0: all.")] = 0,
    sane: Annotated[int, typer.Option(help="Films for the randomisation tests.")] = 8,
    out: Annotated[Path | None, typer.Option(help="Default: beside the weights.")] = None,
) -> None:
    """Measure the explanations of a model."""
    folder, classifier, all_films = open_model(model)
    target = out or measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    explainer = Explainer(classifier)
    lead = classifier.card.findings[0]
    masked = [f for f in all_films if f.region and f.split != "test"]
    open_films = shuffle(select(masked or all_films, "val"))
    chosen = [f for f in open_films if lead.shown_by(f.label)][:films]
    rows = measure_rows(
        target / ROWS, chosen, list(explainer.methods), Ruler(explainer, lead, full=True)
    )
    quick = [name for name, method in explainer.methods.items() if not method.slow]
    many = shuffle(masked)[: masks or None]
    wide = measure_rows(target / MASKS, many, quick, Ruler(explainer, lead, full=False))
    subjects = [explainer.look(read_luminance(f.path)) for f in chosen[:sane]]
    similarity = randomise_layers(classifier, explainer, subjects, lead.code)
    inputs = [read_luminance(f.path) for f in shuffle(select(all_films, "train"))[:CONTROL_FILMS]]
    control = random_labels(classifier, explainer, inputs, subjects, lead.code)
    facts: dict[str, Any] = {
        "weights_sha256": classifier.card.weights_sha256,
        "finding": lead.code,
        "default": explainer.default,
        "open_masks": len(masked),
        "sanity_films": len(subjects),
        "random_labels_learned": control.learned,
        "methods": [
            method_facts(name, rows, wide, default=explainer.default)
            | similarity[name]
            | sanity_facts(similarity[name], control.similarity[name])
            for name in explainer.methods
        ],
        "verdicts": count_verdicts(
            explainer, [f for f in chosen if _is_called_right(f, rows)], lead.code
        ),
    }
    (target / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    typer.echo(json.dumps({m["method"]: m["gain"]["value"] for m in facts["methods"]}))


def shuffle(films: Sequence[Film]) -> list[Film]:
    """The films in one random order, the same on every machine."""
    order = np.random.default_rng(SEED).permutation(len(films))
    return [films[int(i)] for i in order]


class Ruler:
    """Makes the rows of one film: where its maps point and, in full, how far to trust them."""

    def __init__(self, explainer: Explainer, lead: FindingSpec, *, full: bool) -> None:
        self._explainer, self._lead, self._full = explainer, lead, full

    def rows(self, film: Film, methods: Sequence[str]) -> Iterator[Row]:
        """Measure every method: a row each."""
        subject = self._explainer.look(read_luminance(film.path))
        finding = self._explainer.predict(subject.x)[0].findings[0]
        mask = human_mask(film, subject)
        for name in methods:
            map_ = self._explainer.attribute(subject, self._lead.code, name)
            row: dict[str, Any] = {
                "film": film.path.name,
                "split": film.split,
                "method": name,
                "present": int(self._lead.shown_by(film.label)),
                "called": int(finding.positive),
            }
            if mask is not None:
                row |= where(map_.inner, mask)
            if self._full:
                test = faithfulness(self._explainer, subject, map_, steps=STEPS)
                row |= {"deletion": test.deletion, "insertion": test.insertion, "gain": test.gain}
            yield Row(**row)


def where(map_: NDArray[np.float32], mask: NDArray[np.float32]) -> dict[str, float]:
    """What of a map (size, size) lies in a mask of its shape, see `Row`."""
    positive = np.clip(map_, 0, None)
    peak = np.unravel_index(positive.argmax(), positive.shape)
    return {
        "share": float((positive * mask).sum() / max(float(positive.sum()), 1e-12)),
        "uniform": float(mask.mean()),
        "pointing": float(mask[peak] > 0.5),
    }


def human_mask(film: Film, subject: Subject) -> NDArray[np.float32] | None:
    """The film's lung mask over the networks' input: (size, size), float32 in [0, 1], or None."""
    if film.region is None:
        return None
    return in_view(read_region(film.region), subject.view, subject.x.shape[-1])


def measure_rows(
    path: Path, films: Sequence[Film], methods: Sequence[str], ruler: Ruler
) -> tuple[Row, ...]:
    """The rows of a table on disk, which is gone on with where a run was stopped."""
    rows = group_by_film(read_rows(path))
    file_names = {film.path.name for film in films}
    with path.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Row)], lineterminator="\n")
        if stream.tell() == 0:
            writer.writeheader()
        for film in tqdm(films):
            if {r.method for r in rows.get(film.path.name, [])} >= set(methods):
                continue
            rows[film.path.name] = list(ruler.rows(film, methods))
            writer.writerows(asdict(row) for row in rows[film.path.name])
            stream.flush()
    return tuple(r for name, of_film in rows.items() if name in file_names for r in of_film)


def read_rows(path: Path) -> list[Row]:
    """The rows of a table; none where there is no table yet."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return [_row(values) for values in csv.DictReader(stream)]


def _row(values: dict[str, str]) -> Row:
    numbers = ("share", "uniform", "pointing", "deletion", "insertion", "gain")
    return Row(
        film=values["film"],
        split=values["split"],
        method=values["method"],
        present=int(values["present"]),
        called=int(values["called"]),
        **{name: float(values[name]) for name in numbers},
    )


def group_by_film(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by film."""
    by_film: dict[str, list[Row]] = {}
    for row in rows:
        by_film.setdefault(row.film, []).append(row)
    return by_film


def method_facts(
    name: str, rows: Sequence[Row], wide: Sequence[Row], *, default: str
) -> dict[str, Any]:
    """Figures of one method on rightly called films with the finding."""
    right = [r for r in rows if r.present and r.called]
    own = {r.film: r for r in right if r.method == name}
    first = {r.film: r.gain for r in right if r.method == default}
    many = [r for r in wide if r.method == name and r.present and r.called]
    behind = [gain - own[film].gain for film, gain in first.items() if film in own]
    return {
        "method": name,
        "films": len(own),
        **_inside(list(own.values())),
        "deletion": _mean([r.deletion for r in own.values()]),
        "insertion": _mean([r.insertion for r in own.values()]),
        "gain": _mean([r.gain for r in own.values()]),
        "behind": None if name == default else _mean(behind),
        "masks": len(many),
        "wide": _median([r.share for r in many]) if many else None,
        "wide_pointing": _mean([r.pointing for r in many]) if many else None,
    }


def _inside(rows: Sequence[Row]) -> dict[str, Any]:
    """Where the evidence lies, of films with masks; None of those without."""
    masked = [row for row in rows if not math.isnan(row.share)]
    if not masked:
        return dict.fromkeys(("share", "uniform", "pointing"))
    return {
        "share": _median([r.share for r in masked]),
        "uniform": _median([r.uniform for r in masked]),
        "pointing": _mean([r.pointing for r in masked]),
    }


def count_verdicts(explainer: Explainer, films: Sequence[Film], target: str) -> dict[str, int]:
    """Count the verdicts on the default method's maps."""
    counts = dict.fromkeys(VERDICTS, 0)
    for film in tqdm(films, desc="receipts"):
        subject = explainer.look(read_luminance(film.path))
        map_ = explainer.attribute(subject, target)
        counts[make_receipt(explainer, subject, map_).verdict.name] += 1
    return counts


def _is_called_right(film: Film, rows: Sequence[Row]) -> bool:
    return any(r.film == film.path.name and r.present and r.called for r in rows)


def _median(values: Sequence[float]) -> dict[str, float]:
    return asdict(metrics.bootstrap(lambda v: float(np.median(v)), np.array(values, float)))


def _mean(values: Sequence[float]) -> dict[str, float]:
    return asdict(metrics.bootstrap(lambda v: float(v.mean()), np.array(values, float)))


def randomise_layers(
    classifier: Classifier, explainer: Explainer, subjects: Sequence[Subject], target: str
) -> dict[str, dict[str, Any]]:
    """Mean similarity of every method's map to itself, layer after layer made random.

    ``itself`` is the similarity to the map of the slightly disturbed film: what is left of a map
    when nothing but noise has changed.
    """
    real = {name: _maps(explainer, subjects, target, name) for name in explainer.methods}
    shaken = [disturb(subject) for subject in subjects]
    similarity: dict[str, dict[str, Any]] = {
        name: {
            "itself": _mean_similarity(real[name], _maps(explainer, shaken, target, name)),
            "layers": {},
        }
        for name in explainer.methods
    }
    for layer, random_classifier in tqdm(
        sanity.cascade(classifier, seed=SEED % 10_000), desc="random weights"
    ):
        changed = Explainer(random_classifier)
        for name in explainer.methods:
            random_maps = _maps(changed, subjects, target, name)
            similarity[name]["layers"][layer] = _mean_similarity(real[name], random_maps)
    return similarity


@dataclass(frozen=True, slots=True)
class Control:
    """Similarity, by method, to a network that knows `learned` of its random labels by heart."""

    learned: float
    similarity: dict[str, float]


def random_labels(
    classifier: Classifier,
    explainer: Explainer,
    films: Sequence[NDArray[np.float32]],
    subjects: Sequence[Subject],
    target: str,
) -> Control:
    """Train a network on labels drawn by lot, and compare its maps with the real ones."""
    inputs = torch.cat([explainer.look(film).x for film in films])
    shape = classifier.private_network().networks[0]
    network, learned = sanity.learn_random_labels(
        shape, inputs, epochs=CONTROL_EPOCHS, seed=SEED % 10_000
    )
    control = Explainer(sanity.with_networks(classifier, [network]))
    return Control(
        learned,
        {
            name: _mean_similarity(
                _maps(explainer, subjects, target, name), _maps(control, subjects, target, name)
            )
            for name in explainer.methods
        },
    )


def sanity_facts(similarity: dict[str, Any], control: float) -> dict[str, Any]:
    """Say whether a map changes enough when nothing was learned."""
    limit = sanity.PASSES_BELOW * similarity["itself"]
    last = list(similarity["layers"].values())[-1]
    return {"random_labels": control, "sane": last < limit and control < limit}


def _maps(
    explainer: Explainer, subjects: Sequence[Subject], target: str, method: str
) -> list[NDArray[np.float32]]:
    return [explainer.attribute(s, target, method).inner for s in subjects]


def _mean_similarity(
    maps: Sequence[NDArray[np.float32]], other_maps: Sequence[NDArray[np.float32]]
) -> float:
    pairs = zip(maps, other_maps, strict=True)
    return float(np.mean([sanity.similarity(a, b) for a, b in pairs]))


if __name__ == "__main__":
    typer.run(main)
