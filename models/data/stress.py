"""Harder validation: the same films seen in ways that a shortcut does not survive.

Plain validation saturates (AUC 0.999) and is blind to the shift between wards. These views choose
epochs and recipes instead; test films never do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.augment import AugmentSettings, augment
from models.data.regions import featureless, match_tone, soft_matte
from models.metrics import roc_auc

# Fixed here, not taken from the recipe under test: a recipe must not choose its own exam.
STRESS = AugmentSettings(probability=0.6, blur=3.5)
_SEED = 20
_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Validation films of one task.

    Attributes
    ----------
    films : Tensor
        (films, rows, columns), float32 in [0, 1].
    positive : numpy.ndarray
        (films,), bool: has the leading finding.
    regions : Tensor
        (films, rows, columns), NaN where a film has no mask.
    strata : numpy.ndarray
        (films,), acquisition stratum, -1 where unknown.
    """

    films: Tensor
    positive: NDArray[np.bool_]
    regions: Tensor
    strata: NDArray[np.int64]

    def __iter__(self) -> Iterator[tuple[str, Tensor, NDArray[np.bool_]]]:
        """Name, films and truth of every view that needs pictures of its own."""
        yield "plain", self.films, self.positive
        yield "stressed", apply_stress(self.films), self.positive
        masked = self.regions.isfinite().all(dim=2).all(dim=1)
        if masked.any():
            films, regions = self.films[masked], self.regions[masked]
            truth = self.positive[masked.numpy()]
            fixed = torch.Generator().manual_seed(_SEED)
            matte = soft_matte(regions, 0.03, fixed)
            backgrounds = match_tone(films[_pick_opposite(truth)], films)
            yield "swapped", matte * films + (1 - matte) * backgrounds, truth
            yield "alone", matte * films + (1 - matte) * featureless(films, fixed), truth

    def matched_auc(self, score: NDArray[np.float64]) -> float:
        """AUC of the plain films within acquisition strata; NaN where none has both classes."""
        return stratified_auc(self.positive, score, self.strata)


def apply_stress(films: Tensor) -> Tensor:
    """The films through one fixed draw of strong augmentation."""
    fixed = torch.Generator().manual_seed(_SEED)
    return torch.cat([augment(part, STRESS, fixed) for part in films.split(_BATCH)])


def _pick_opposite(truth: NDArray[np.bool_]) -> Tensor:
    """For every film the index of one of the other class, where there is one."""
    rng = np.random.default_rng(_SEED)
    pools = {value: np.flatnonzero(truth != value) for value in (False, True)}
    index = [
        int(rng.choice(pools[bool(t)])) if len(pools[bool(t)]) else i for i, t in enumerate(truth)
    ]
    return torch.tensor(index)


def stratified_auc(
    truth: NDArray[np.bool_], score: NDArray[np.float64], strata: NDArray[np.int64]
) -> float:
    """Chance that a positive outranks a negative of its own stratum.

    Only pairs within a stratum count, so that nothing that is constant there can help.
    """
    won, pairs = 0.0, 0
    for stratum in np.unique(strata[strata >= 0]):
        inside = strata == stratum
        n = int(truth[inside].sum()) * int((~truth[inside]).sum())
        if n:
            won += n * roc_auc(truth[inside], score[inside])
            pairs += n
    return won / pairs if pairs else float("nan")
