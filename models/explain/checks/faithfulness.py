"""Does the answer hang on what a map marks? Take it away, or leave nothing else, and see.

Deletion and insertion (Petsiuk et al., BMVC 2018, arXiv 1806.07421), patch by patch, beside an
order drawn by lot. What is taken away becomes normal lung (`models.explain.base.normal_lung`), or
the blurred film where a model brings no fill; black patches would be a finding of their own. Where
the network calls the finding even in the film from which all was taken, the fill itself reads as
disease, and removal says nothing about this film.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.explain.base.subject import Subject
from models.explain.checks.agreement import patch_means, patch_side
from models.explain.methods.explainer import Attribution, Explainer

STEPS = 6  # parts in which the film is taken away; the areas of 16 rank maps the same way

Curve = NDArray[np.float64]
Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Faithfulness:
    """Curves of the target's log-odds (mean over members) while patches go, or come.

    Attributes
    ----------
    deleted, inserted : numpy.ndarray
        (STEPS + 1,), float64: the strongest patches of the map go first from the film, or come
        first into the film from which all was taken; from one of these to the other.
    drawn, opposite : numpy.ndarray
        Same shape: `deleted` in an order drawn by lot, and in that order from its end.
    infidelity : float
        Share, in [0, 1], of the answer's changes along the orders drawn by lot that the map's sums
        over what was taken do not explain, at the map's best scale (see `unexplained`).
    informative : bool
        False where the finding is called in the film, and still when all of it was taken away.
    """

    deleted: Curve
    inserted: Curve
    drawn: Curve
    opposite: Curve
    infidelity: float = math.nan
    informative: bool = True

    @property
    def deletion(self) -> float:
        """Area under `deleted`, log-odds; low for a map that finds what matters."""
        return _area(self.deleted)

    @property
    def insertion(self) -> float:
        """Area under `inserted`, log-odds; high for a map that finds what matters."""
        return _area(self.inserted)

    @property
    def random(self) -> float:
        """Area for orders drawn by lot, log-odds; the same for deletion and insertion.

        Inserting patches in one order passes the very pictures of deleting them in the opposite
        one. Both are drawn together here, so that the two areas are equal, not just on average.
        """
        return (_area(self.drawn) + _area(self.opposite)) / 2

    @property
    def gain(self) -> float:
        """Insertion minus deletion, log-odds, minus that of the orders drawn by lot, which is zero.

        About zero for a map drawn by lot, negative for one that is upside down.
        """
        return self.insertion - self.deletion

    @property
    def chance(self) -> float:
        """Gain of one map drawn by lot, log-odds, without its sign."""
        return abs(_area(self.drawn) - _area(self.opposite))

    @property
    def reach(self) -> float:
        """Farthest that the answer could be moved, log-odds: the range of all four curves."""
        every = np.concatenate([self.deleted, self.inserted, self.drawn, self.opposite])
        return float(np.ptp(every))

    @property
    def relative(self) -> float:
        """The gain as a share of `reach`, in [-1, 1]; zero where nothing moves the answer."""
        return self.gain / self.reach if self.reach > 1e-6 else 0.0

    @property
    def film(self) -> float:
        """Log-odds of the film itself."""
        return float(self.deleted[0])

    @property
    def removed(self) -> float:
        """Log-odds of the film from which all was taken away."""
        return float(self.deleted[-1])

    def probabilities(self) -> tuple[float, float, float]:
        """Areas of deletion, insertion and random orders in probability (uncalibrated, [0, 1]).

        For information: where the answer is certain, probability hardly moves.
        """
        areas = [_area(_sigmoid(c)) for c in (self.deleted, self.inserted)]
        by_lot = [_area(_sigmoid(c)) for c in (self.drawn, self.opposite)]
        return areas[0], areas[1], (by_lot[0] + by_lot[1]) / 2


def faithfulness(
    explainer: Explainer, subject: Subject, attribution: Attribution, *, steps: int = STEPS
) -> Faithfulness:
    """Measure deletion and insertion of one map.

    Parameters
    ----------
    explainer : Explainer
        Whose networks are asked about ``2 + 4 * (steps - 1)`` inputs.
    subject : Subject
        The film the map is of.
    attribution : Attribution
        The map; its `inner` and `target` count.
    steps : int
        Parts in which the film goes.
    """
    x, plain = subject.x, explainer.without_lungs(subject)
    generator = np.random.default_rng(seed_of(subject))
    by_map = strongest_first(attribution.inner, generator)
    by_lot = strongest_first(smooth_noise(len(attribution.inner), generator), generator)
    shares = np.arange(1, steps) / steps
    orders = (by_map, by_map[::-1], by_lot, by_lot[::-1])
    gone = torch.cat([_masks(order, shares, x) for order in orders])
    pictures = torch.cat([x, plain, x + gone * (plain - x)])
    answers = explainer.log_odds(pictures, attribution.target).mean(0).astype(np.float64)
    inner = answers[2:].reshape(len(orders), -1)
    curves = [np.concatenate([answers[:1], part, answers[1:2]]) for part in inner]
    lot = slice(2 * len(shares), None)
    predicted = (gone[lot, 0].numpy() * attribution.inner).sum((1, 2), dtype=np.float64)
    infidelity = unexplained(predicted, answers[0] - answers[2:][lot])
    # to insert the strongest first is to delete the weakest first, seen from its end
    informative = not stays_called(explainer, x, plain, attribution.target)
    return Faithfulness(curves[0], curves[1][::-1], curves[2], curves[3], infidelity, informative)


def stays_called(explainer: Explainer, x: Tensor, left: Tensor, target: str) -> bool:
    """True where a finding is called in an input, and in what is left of it too.

    Both are (1, 1, size, size). False for a target that is no finding.
    """
    before, after = (p.findings for p in explainer.predict(torch.cat([x, left])))
    called = [a.positive and b.positive for a, b in zip(before, after, strict=True)]
    return next((c for c, f in zip(called, before, strict=True) if f.code == target), False)


def unexplained(predicted: Curve, measured: Curve) -> float:
    """Infidelity (Yeh et al., NeurIPS 2019, arXiv 1901.09392) as a share of the measured changes.

    Captum's `infidelity` with ``normalize=True``, for a map that counts log-odds per pixel, divided
    by the mean square of the changes; the pictures are those that were asked about anyway.

    Parameters
    ----------
    predicted : numpy.ndarray
        (pictures,): sum of the map over what was taken from each.
    measured : numpy.ndarray
        (pictures,): fall of the answer.

    Returns
    -------
    float
        0 when the map explains every change up to one scale, 1 when none; 0 where the
        answer never changed.
    """
    size, power = float((measured**2).mean()), float((predicted**2).mean())
    if size < 1e-12:
        return 0.0
    scale = float((predicted * measured).mean()) / power if power > 0 else 0.0
    return float(((scale * predicted - measured) ** 2).mean()) / size


def strongest_first(values: NDArray[np.floating], generator: np.random.Generator) -> Order:
    """Patches (row by row) from the largest mean to the smallest; equal ones in any order."""
    means = patch_means(values).ravel()
    return np.lexsort([generator.random(means.size), -means])


def smooth_noise(size: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """A map drawn by lot, (size, size), with spots about as large as a map's."""
    count = max(2, size // patch_side(size) // 2)
    coarse = torch.from_numpy(generator.standard_normal((1, 1, count, count)))
    return F.interpolate(coarse, (size, size), mode="bicubic")[0, 0].numpy()


def seed_of(subject: Subject) -> int:
    """A seed from the film's content: the same film, the same lot."""
    return int.from_bytes(hashlib.sha256(subject.x.numpy().tobytes()).digest()[:8], "big")


def _masks(order: Order, shares: Curve, x: Tensor) -> Tensor:
    """Masks, one where patches are gone: (shares, 1, size, size), the first `shares` in order."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    count = round(len(order) ** 0.5)
    gone = place[None] < np.rint(shares * len(order))[:, None]
    grid = torch.from_numpy(gone.reshape(-1, 1, count, count)).to(x.dtype)
    return F.interpolate(grid, tuple(x.shape[-2:]), mode="nearest")


def _area(curve: Curve) -> float:
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))


def _sigmoid(values: Curve) -> Curve:
    return 1 / (1 + np.exp(-values))
