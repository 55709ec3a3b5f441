"""Choice of the trained networks that should answer together: decided on validation views alone.

The rule is two-staged. A set of networks must pass the shortcut exam: an AUC of at least
`EXAM_PASS` with the lungs before another film's background, and with the lungs alone. Of those
that pass, the one that reads real films best wins: the mean AUC of the plain, size-matched and
stressed views. Composites are an exam, not a goal: nobody will ever be shown one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from models.data.stress import Views
from models.metrics import roc_auc
from models.network.ensemble import Ensemble
from models.network.network import ClassNetwork
from models.rules.findings import Labels, finding_truth
from models.training.calibrate import fused_logits
from models.training.config import TaskConfig

EXAM = ("swapped", "alone")
EXAM_PASS = 0.95
REAL = ("plain", "matched", "stressed")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of networks (positions in the pool) and its AUC in every view."""

    members: tuple[int, ...]
    aucs: dict[str, float]

    @property
    def passed(self) -> bool:
        """True where it passed the exam; views that a task lacks are not asked for."""
        return all(self.aucs.get(view, 1.0) >= EXAM_PASS for view in EXAM)

    @property
    def real(self) -> float:
        """Mean AUC on real films."""
        return float(np.mean([self.aucs[v] for v in REAL if np.isfinite(self.aucs.get(v, np.nan))]))

    @property
    def rank(self) -> tuple[bool, float, int]:
        """Larger is better; of equals the smaller set."""
        return self.passed, self.real, -len(self.members)


def candidates(
    networks: Sequence[ClassNetwork], task: TaskConfig, views: Views, *, most: int
) -> list[Candidate]:
    """Every set of up to `most` networks with its AUCs, the best first."""
    size = task.size
    tables: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {}
    for name, films, truth in views:
        logits = [fused_logits(Ensemble([n]), films, size=size) for n in networks]
        tables[name] = np.stack(logits), truth
    sets = [
        members
        for count in range(1, most + 1)
        for members in combinations(range(len(networks)), count)
    ]
    return sorted(
        (Candidate(m, dict(_compute_aucs(m, tables, task, views))) for m in sets),
        key=lambda c: c.rank,
        reverse=True,
    )


def _compute_aucs(
    members: tuple[int, ...],
    tables: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]],
    task: TaskConfig,
    views: Views,
) -> Iterator[tuple[str, float]]:
    for name, (logits, truth) in tables.items():
        fused = logits[list(members)].mean(0)
        score = task.lead_score(fused)
        yield name, roc_auc(truth, score)
        if name == "plain":
            yield "matched", views.matched_auc(score)


def as_table(ranked: Sequence[Candidate], names: Sequence[str]) -> str:
    """The candidates as lines of text."""
    lines = []
    for c in ranked:
        aucs = "  ".join(f"{view} {value:.4f}" for view, value in c.aucs.items())
        verdict = "passed" if c.passed else "failed"
        lines.append(f"{c.real:.4f} {verdict}  {aucs}  {' + '.join(names[i] for i in c.members)}")
    return "\n".join(lines)


def validation_views(
    films: NDArray[np.uint8],
    truth: Labels,
    *,
    task: TaskConfig,
    regions: NDArray[np.float16],
    strata: NDArray[np.int64],
) -> Views:
    """The views of a task's validation films.

    Parameters
    ----------
    films : numpy.ndarray
        (films, rows, columns), uint8.
    truth : numpy.ndarray
        As `models.data.dataset.class_truth` gives it.
    regions : numpy.ndarray
        (films, rows, columns) in [0, 1], NaN where a film has no mask.
    strata : numpy.ndarray
        (films,), acquisition strata.
    """
    return Views(
        films=torch.from_numpy(films).float() / 255,
        positive=finding_truth(truth, task.classes, task.findings[0]),
        regions=torch.from_numpy(regions).float(),
        strata=strata,
    )
