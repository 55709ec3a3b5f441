"""From networks to a model one may ask: calibration, operating points and "unsure" from validation.

Everything is fitted on validation films, plain and stressed together: the networks were trained
on stressed ones, and a threshold fitted to clean films alone moves with the first unfamiliar
detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.checkpoint.card import ModelCard
from models.data.stress import apply_stress
from models.network.ensemble import Ensemble, fuse
from models.network.preprocess import preprocess
from models.rules.calibration import (
    Temperature,
    apply_calibration,
    fit_calibration,
    fit_each_class,
)
from models.rules.conformal import ConformalRule, fit_conformal
from models.rules.findings import (
    FindingSpec,
    Labels,
    finding_probabilities,
    finding_truth,
    fit_operating_points,
)
from models.training.config import TaskConfig

_BATCH = 64


def fused_logits(ensemble: Ensemble, films: Tensor, *, size: int) -> NDArray[np.float64]:
    """Fused log-probabilities of films (films, rows, columns) in [0, 1]: (films, classes).

    Log-odds of each class where the task is multi-label.
    """
    ensemble.eval()
    device = next(ensemble.parameters()).device
    with torch.inference_mode():
        parts = [
            fuse(ensemble(preprocess(part, size=size).to(device)), multi_label=ensemble.multi_label)
            .double()
            .cpu()
            for part in films.split(_BATCH)
        ]
    return torch.cat(parts).numpy()


def calibrated_card(
    ensemble: Ensemble,
    task: TaskConfig,
    *,
    films: NDArray[np.uint8],
    truth: Labels,
    training: dict[str, Any],
) -> ModelCard:
    """Write the card of trained networks.

    Parameters
    ----------
    films : numpy.ndarray
        (films, rows, columns), uint8: the validation split.
    truth : numpy.ndarray
        As `models.data.dataset.class_truth` gives it.
    training : dict
        The record of how the members came about.
    """
    plain = torch.from_numpy(films).float() / 255
    logits = np.concatenate(
        [fused_logits(ensemble, x, size=task.size) for x in (plain, apply_stress(plain))]
    )
    twice = np.concatenate([truth, truth])
    several = task.network.multi_label
    calibration: tuple[Temperature, tuple[float, ...]] = (
        fit_each_class(logits, twice)
        if several
        else fit_calibration(logits, twice, shares=task.shares)
    )
    probabilities = apply_calibration(logits, *calibration, multi_label=several)
    findings = fit_operating_points(probabilities, twice, task.classes, task.findings)

    def rules(finding: FindingSpec) -> tuple[ConformalRule, ...]:
        return fit_conformal(
            finding_truth(twice, task.classes, finding),
            finding_probabilities(probabilities, task.classes, finding),
        )

    if several:
        findings = tuple(replace(finding, conformal=rules(finding)) for finding in findings)
    return task.card(
        findings=findings,
        calibration=calibration,
        conformal=rules(task.findings[0]),
        training=training,
    )


def training_record(
    task: TaskConfig, *, data_sha256: str, films: dict[str, int], members: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The card's ``training`` table: the data once, then each member's settings and lineage."""
    return {
        "data": {**task.data, "sha256": data_sha256, "films": films},
        "columns": task.as_dict()["columns"],
        **({"shares": list(task.shares)} if task.shares else {}),
        "members": list(members),
    }
