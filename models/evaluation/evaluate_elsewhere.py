"""Measure a model on other hospitals' films, beside what whole-image numbers alone reach there.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_elsewhere --model adult-tb
    python -m models.evaluation.evaluate_elsewhere --model adult-tb --run runs/adult-tb/network-1

Linear models on twelve numbers of the whole picture and on its 16 x 16 thumbnail
(`models.evaluation.image_statistics`) are fitted on the training films, and answer the test films
and those of every hospital in the task file's ``[[elsewhere]]`` tables. The network answers them on
the way a doctor's films go (`models.evaluation.served_films`), refusals too. Writes
``evaluation/elsewhere.json``, and into the card which findings count as exploratory
(`models.rules.baseline_rule`): these raise nothing and lead no answer.

Where films of another hospital chose between epochs, their figure flatters. By how much, the run
folder's ``history.json`` tells: what they gave in the epoch that was taken, in the one that the
task's own validation films alone would have taken, and in all of the last epochs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.settings import Settings
from models import metrics
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD, measured
from models.data.companions import Elsewhere
from models.data.dataset import Film, class_truth, read_luminance, select
from models.evaluation.evaluate import at_operating_point
from models.evaluation.films import films_of_model
from models.evaluation.image_statistics import statistics
from models.evaluation.served_films import Serving
from models.evaluation.shortcuts import LinearPredictor, fit_linear
from models.network.checkpoint import find_checkpoint
from models.rules.baseline_rule import HospitalResult, exploratory_because
from models.rules.findings import FindingSpec, finding_probabilities, finding_truth

OWN = "own"
_LAST = 20  # epochs, among which the learning rate falls and nothing much changes any more


@dataclass(frozen=True, slots=True)
class Hospital:
    """Films that are asked about together; ``own`` are the task's test films."""

    name: str
    films: tuple[Film, ...]
    own: bool = False
    chooses: bool = False
    wanted: tuple[float, float] = (0.0, 0.0)


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    run: Annotated[
        Path | None, typer.Option(help="Run folder of its training, for the choice of an epoch.")
    ] = None,
) -> None:
    """Evaluate a model in every hospital, beside the whole-image numbers."""
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the films.")
    folder = find_checkpoint(settings.weights, model)
    serving = Serving.load(folder, settings)
    card = serving.card
    films = films_of_model(card, settings)
    named = named_hospitals(card)
    hospitals = [
        Hospital(OWN, select(films, "test"), own=True),
        *(_hospital(one, card, settings.data) for one in named),
    ]
    baselines = fit_baselines(card, select(films, "train"))
    rows = [row for hospital in hospitals for row in measure(serving, hospital, baselines)]
    if run is not None:
        history = json.loads((run / "history.json").read_text())
        for row in rows:
            if row["chooses"] and row["finding"] == card.findings[0].code:
                choosing = [one.name for one in named if one.chooses]
                row["choice"] = epoch_choice(history, row["hospital"], choosing)
    because = {
        spec.code: reasons
        for spec in card.findings
        if (reasons := _reasons(rows, spec.code, named=len(named))) and not spec.exploratory
    }
    target = measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    facts = {"weights_sha256": card.weights_sha256, "exploratory_because": because, "rows": rows}
    (target / "elsewhere.json").write_text(json.dumps(facts, indent=2) + "\n")
    kept = ModelCard.read(folder / CARD)
    replace(kept, exploratory_because=because).write(folder / CARD)
    for row in rows:
        auc = row["figures"].get("auc", {}).get("value", float("nan"))
        best = max(row["baselines"].values(), key=lambda e: e["value"])["value"]
        typer.echo(
            f"{row['hospital']}, {row['finding']}: AUC {auc:.4f}, whole-image numbers {best:.4f}"
        )
    typer.echo(f"exploratory by rule: {', '.join(because) or 'nothing'}")


def _reasons(rows: Sequence[dict[str, Any]], code: str, *, named: int) -> tuple[str, ...]:
    """Why a finding counts as exploratory."""
    results = [_result(row) for row in rows if row["finding"] == code]
    return exploratory_because(results, named=named)


def named_hospitals(card: ModelCard) -> tuple[Elsewhere, ...]:
    """The other hospitals of the task file a model was trained by."""
    members = card.training.get("members", ())
    tables = members[0].get("elsewhere", ()) if members else ()
    return tuple(Elsewhere.from_dict(table) for table in tables)


def _hospital(one: Elsewhere, card: ModelCard, data: Path) -> Hospital:
    films = one.films(data, card.classes, multi_label=card.multi_label)
    return Hospital(one.name, films, chooses=one.chooses, wanted=one.wanted)


def fit_baselines(card: ModelCard, films: Sequence[Film]) -> dict[str, dict[str, LinearPredictor]]:
    """Linear models fitted on training films: by finding, then by what they look at.

    Findings that every training film shows, or none, have none.
    """
    features = statistics(_pictures(films))
    truth = class_truth([f.label for f in films], card.classes, multi_label=card.multi_label)
    fitted: dict[str, dict[str, LinearPredictor]] = {}
    for spec in card.findings:
        present = finding_truth(truth, card.classes, spec)
        if present.any() and not present.all():
            fitted[spec.code] = {n: fit_linear(x, present) for n, x in features.items()}
    return fitted


def _pictures(films: Sequence[Film]) -> Iterator[NDArray[np.float32]]:
    for film in tqdm(films, desc="whole-image numbers", leave=False):
        yield np.asarray(read_luminance(film.path), np.float32)


def measure(
    serving: Serving, hospital: Hospital, baselines: dict[str, dict[str, LinearPredictor]]
) -> list[dict[str, Any]]:
    """A row of figures for every finding: of the answered films, network and baselines alike."""
    card, films = serving.card, hospital.films
    answers = list(tqdm(serving.answer_files([f.path for f in films]), total=len(films)))
    answered = [(f, a.prediction) for f, a in zip(films, answers, strict=True) if a.prediction]
    if not answered:
        return []
    labels = [film.label for film, _prediction in answered]
    truth = class_truth(labels, card.classes, multi_label=card.multi_label)
    probabilities = np.stack([p.probabilities for _film, p in answered])
    features = statistics(_pictures([film for film, _prediction in answered]))
    rows = []
    for spec in card.findings:
        if spec.code not in baselines:
            continue
        present = finding_truth(truth, card.classes, spec)
        predicted = {n: m.probabilities(features[n]) for n, m in baselines[spec.code].items()}
        rows.append(
            {
                "hospital": hospital.name,
                "own": hospital.own,
                "chooses": hospital.chooses,
                "wanted": list(hospital.wanted),
                "finding": spec.code,
                "films": len(films),
                "answered": len(answered),
                "with_finding": int(present.sum()),
                "figures": _figures(present, probabilities, card, spec),
                "baselines": {
                    name: asdict(metrics.bootstrap(metrics.roc_auc, present, score))
                    for name, score in predicted.items()
                },
            }
        )
    return rows


def epoch_choice(
    history: Sequence[dict[str, float]], hospital: str, choosing: Sequence[str]
) -> dict[str, Any]:
    """What the choice of an epoch made of a hospital's AUC.

    Parameters
    ----------
    history : sequence of dict
        Rows of a run, as `models.training.run.Run` keeps them.
    hospital : str
        Whose AUC is looked at.
    choosing : sequence of str
        All hospitals whose films chose.

    Returns
    -------
    dict
        Epoch and AUC as ``chosen`` and ``own`` (the epoch that the task's own validation films
        alone would have taken), how many views chose, and lowest, mean and highest AUC of the last
        epochs.
    """
    others = {f"auc_{name}" for name in choosing}
    rows = [row for row in history if "score" in row]
    views = [k for k in rows[0] if k.startswith(("auc", "kappa")) and np.isfinite(rows[0][k])]

    def own_score(row: dict[str, float]) -> float:
        return float(np.mean([row[view] for view in views if view not in others]))

    def told(row: dict[str, float]) -> dict[str, float]:
        return {"epoch": int(row["epoch"]), "auc": row[f"auc_{hospital}"]}

    last = [row[f"auc_{hospital}"] for row in rows[-_LAST:]]
    return {
        "epochs": len(rows),
        "views": len(views),
        "chosen": told(max(rows, key=lambda row: row["score"])),
        "own": told(max(rows, key=own_score)),
        "last": {
            "epochs": len(last),
            "lowest": min(last),
            "mean": float(np.mean(last)),
            "highest": max(last),
        },
    }


def _figures(
    present: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    card: ModelCard,
    spec: FindingSpec,
) -> dict[str, Any]:
    """AUC and figures at the operating point; those that a missing class leaves open stay out."""
    score = finding_probabilities(probabilities, card.classes, spec)
    estimates = {
        "auc": metrics.bootstrap(metrics.roc_auc, present, score),
        **at_operating_point(present, score >= spec.operating_point),
    }
    if spec.rule == "sensitivity" and present.any():
        estimates["specificity_at_target"] = metrics.bootstrap(
            partial(specificity_at, target=spec.target), present, score
        )
    return {name: asdict(e) for name, e in estimates.items() if np.isfinite(e.value)}


def specificity_at(
    present: NDArray[np.bool_], score: NDArray[np.float64], *, target: float
) -> float:
    """Specificity at the highest threshold that finds so large a share on these very films.

    With a threshold of these films' own it says what the scores are worth; what the installed
    threshold is worth elsewhere is another question.
    """
    if not present.any() or present.all():
        return float("nan")
    threshold = metrics.threshold_for_sensitivity(present, score, target=target)
    return metrics.specificity(present, score >= threshold)


def _result(row: dict[str, Any]) -> HospitalResult:
    auc = row["figures"].get("auc", {"value": float("nan"), "low": float("nan")})
    values = [estimate["value"] for estimate in row["baselines"].values()]
    return HospitalResult(
        own=row["own"],
        chooses=row["chooses"],
        auc=auc["value"],
        low=auc["low"],
        baseline=max(values),
        wanted=(row["wanted"][0], row["wanted"][1]),
    )


if __name__ == "__main__":
    typer.run(main)
