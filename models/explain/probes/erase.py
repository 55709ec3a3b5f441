"""The eraser: take a region out of a film, or keep only that, and ask the networks again.

A counterfactual by hand (Fong & Vedaldi, ICCV 2017, arXiv 1704.03296): where the answer falls, it
hung on what was erased. What fills the hole matters as much as the hole: a blurred or grey lung
reads as disease. Where a model brings one, the first fill is lung, drawn by a network that learned
it from normal films (`models.network.lung_fill`). Every fill is checked on the film at hand: with
both lungs filled the finding must be gone, and filling a film without it must not put it there.
Where that fails, what is left of the film says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from imaging.review.measure import inside
from imaging.review.records import Points, Shape
from models.explain.base.normal_lung import draw_lung, lung_hole, soften
from models.explain.base.subject import Subject
from models.explain.methods.explainer import Explainer
from models.inference.answers import Prediction

AREAS = (Shape.RECTANGLE, Shape.ELLIPSE, Shape.REGION)
_FINER = 4  # a shape is drawn this much finer than the input, so that its edge is soft
_SEEN = 1e-3  # of the view: what covers less is not looked at
_RING = 6  # pixels of the input around a hole whose mean fills it
_SOFTENED = 0.08  # standard deviation of the blur, of the input's side


class Fill(StrEnum):
    """Picture that stands in the place of what was erased."""

    LUNG = "lung"  # normal lung, drawn by a network; needs one
    BLUR = "blur"  # the surroundings, out of focus
    INPAINT = "inpaint"  # drawn smoothly inwards from the rim
    MEAN = "mean"  # the mean grey around it


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A region erased, or with `keep` everything but it.

    ``mask`` is (size, size), float32 in [0, 1], over the networks' input.
    """

    mask: NDArray[np.float32]
    fill: Fill
    keep: bool = False

    @property
    def key(self) -> str:
        """SHA-256 (hex) of all of this step, which tells it from every other."""
        description = f"{self.fill}/{self.keep}/{self.mask.shape}/{self.mask.dtype}/".encode()
        return hashlib.sha256(description + np.ascontiguousarray(self.mask).tobytes()).hexdigest()

    @property
    def hole(self) -> NDArray[np.float32]:
        """Part of the input that is taken out."""
        return 1 - self.mask if self.keep else self.mask


@dataclass(frozen=True, slots=True, eq=False)
class NamedStep:
    """A step of the eraser, and what the reader sees it called."""

    name: str
    step: Step


def drawn_mask(shape: Shape, points: Points, subject: Subject) -> NDArray[np.float32] | None:
    """A drawing on the film as a mask over the networks' input.

    Parameters
    ----------
    shape : Shape
        One of `AREAS`.
    points : Points
        (column, row) pairs in pixels of the film, as in `imaging.review.records.Annotation`.
    subject : Subject

    Returns
    -------
    numpy.ndarray or None
        (size, size), float32 in [0, 1]; None when the networks do not look at that part.

    Raises
    ------
    ValueError
        If the shape has no inside.
    """
    if shape not in AREAS:
        raise ValueError(f"a {shape} has no inside")
    size = subject.x.shape[-1]
    rows, columns = subject.view.pixels(subject.shape)
    fine = size * _FINER
    down, across = fine / (rows.stop - rows.start), fine / (columns.stop - columns.start)
    scaled = tuple(((c - columns.start) * across, (r - rows.start) * down) for c, r in points)
    covered = inside(shape, scaled, (fine, fine)).astype(np.float32)
    mask = covered.reshape(size, _FINER, size, _FINER).mean((1, 3))
    return mask if mask.mean() > _SEEN else None


def stroke_mask(points: Points, width: float, subject: Subject) -> NDArray[np.float32] | None:
    """A brush stroke on the film as a mask over the networks' input.

    Parameters
    ----------
    points : Points
        (column, row) pairs in pixels of the film, from the stroke's beginning to its end; a single
        one is a dab.
    width : float
        Of the round brush, in pixels of the film.
    subject : Subject

    Returns
    -------
    numpy.ndarray or None
        (size, size), float32 in [0, 1]; None when the networks do not look at that part.

    Raises
    ------
    ValueError
        If there is no point, or no width.
    """
    if not points or width <= 0:
        raise ValueError("a stroke has a point and a width")
    size = subject.x.shape[-1]
    rows, columns = subject.view.pixels(subject.shape)
    fine = (np.arange(size * _FINER) + 0.5) / (size * _FINER)
    down = rows.start + fine[:, None] * (rows.stop - rows.start)
    across = columns.start + fine[None] * (columns.stop - columns.start)
    covered = np.zeros((len(fine), len(fine)), bool)
    for begin, end in zip(points, points[1:] or points, strict=False):
        covered |= _is_within(across, down, begin, end, width / 2)
    mask = covered.astype(np.float32).reshape(size, _FINER, size, _FINER).mean((1, 3))
    return mask if mask.mean() > _SEEN else None


def _is_within(
    across: NDArray[np.float64],
    down: NDArray[np.float64],
    begin: tuple[float, float],
    end: tuple[float, float],
    reach: float,
) -> NDArray[np.bool_]:
    """Positions that lie no farther than `reach` from the line between two points."""
    (x0, y0), (x1, y1) = begin, end
    u, v = x1 - x0, y1 - y0
    length = u * u + v * v
    x, y = across - x0, down - y0
    along = np.clip((x * u + y * v) / length, 0, 1) if length else np.zeros(1)
    near: NDArray[np.bool_] = (x - along * u) ** 2 + (y - along * v) ** 2 <= reach**2
    return near


def fills_of(explainer: Explainer) -> tuple[Fill, ...]:
    """The fills that can be drawn for a model, the best first."""
    return tuple(f for f in Fill if f is not Fill.LUNG or explainer.lung_fill is not None)


def erase(explainer: Explainer, subject: Subject, steps: Sequence[Step]) -> Tensor:
    """Input of the networks after all steps, one after the other.

    The input is changed, after its tones were equalised: a hole in the film itself would shift
    the ranks of every other pixel, and the answer would change for what was not erased.

    Returns
    -------
    Tensor
        (1, 1, size, size), float32; without steps, `Subject.x`.

    Raises
    ------
    ValueError
        If a fill is not one of `fills_of`.
    """
    x = subject.x
    for step in steps:
        hole = torch.from_numpy(np.array(step.hole, np.float32))[None, None]
        x = _fill(explainer, subject, x, hole, step.fill)
    return x


def _fill(explainer: Explainer, subject: Subject, x: Tensor, hole: Tensor, fill: Fill) -> Tensor:
    """An input (1, 1, size, size) with its hole filled."""
    if fill is not Fill.LUNG:
        film = _FILLS[fill](x[0, 0], hole[0, 0])
        return x * (1 - hole) + film * hole
    if explainer.lung_fill is None:
        raise ValueError("no lung fill is installed")
    return draw_lung(explainer.lung_fill, subject, x, soften(hole))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Answer of the networks to what is left of a film.

    Attributes
    ----------
    prediction : Prediction
    picture : numpy.ndarray
        What they are shown: (size, size), uint8, larger is brighter.
    informative : bool
        Whether the answer says anything about what was taken out: the leading finding must be gone
        when both lungs are filled in the same way, where the film shows it; where not, what is left
        must not show it either.
    """

    prediction: Prediction
    picture: NDArray[np.uint8]
    informative: bool = True


def ask_again(explainer: Explainer, subject: Subject, steps: Sequence[Step]) -> Outcome:
    """Ask the networks about what is left of a film after all steps, and check the fill.

    Without steps, that is the whole film.
    """
    rest = erase(explainer, subject, steps)
    grey = ((rest[0, 0] / 3**0.5 + 1) * 127.5).clamp(0, 255).byte().numpy()
    if not steps:
        return Outcome(explainer.predict(rest)[0], grey)
    emptied = _fill(explainer, subject, subject.x, lung_hole(subject), steps[-1].fill)
    whole, filled, left = explainer.predict(torch.cat([subject.x, emptied, rest]))
    checked = filled if whole.findings[0].positive else left
    return Outcome(left, grey, not checked.findings[0].positive)


def gaussian_blur(film: Tensor, deviation: float) -> Tensor:
    """A Gaussian blur of a picture (rows, columns), its edges mirrored."""
    reach = min(int(3 * deviation + 0.5), min(film.shape) - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(offsets**2) / (2 * deviation**2))
    kernel = (kernel / kernel.sum()).reshape(1, 1, 1, -1)
    padded = F.pad(film[None, None], (reach,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel), kernel.mT)[0, 0]


def _blur(film: Tensor, hole: Tensor) -> Tensor:
    """The surroundings out of focus; nothing of what was erased, or its glow would stay."""
    deviation = _SOFTENED * film.shape[0]
    weight = gaussian_blur(1 - hole, deviation)
    softened = gaussian_blur(film * (1 - hole), deviation) / weight.clamp_min(1e-6)
    return torch.where(weight > 0.01, softened, _ring_mean(film, hole))


def _ring_mean(film: Tensor, hole: Tensor) -> Tensor:
    """The mean of a ring around the hole; of the whole film when nothing lies around it."""
    wide = F.max_pool2d(hole[None, None], 2 * _RING + 1, stride=1, padding=_RING)[0, 0]
    ring = (wide - hole).clamp_min(0) * (1 - hole)
    around = ring if ring.sum() > 0 else torch.ones_like(film)
    return torch.full_like(film, float((film * around).sum() / around.sum()))


def _inpaint(film: Tensor, hole: Tensor) -> Tensor:
    """Smooth continuation of the rim: known pixels averaged over ever wider cells ("pull-push").

    Gortler et al., SIGGRAPH 1996, 9.2; then smoothed where the cells would show.
    """
    weight = 1 - hole
    pulled = _pull_push((film * weight)[None, None], weight[None, None])
    return gaussian_blur(pulled[0, 0], 1.5)


def _pull_push(weighted: Tensor, weight: Tensor) -> Tensor:
    """Fill (1, 1, rows, columns): its own value where `weight` is one, else the coarser level's."""
    own = weighted / weight.clamp_min(1e-6)
    if min(weight.shape[-2:]) < 2 or bool((weight >= 1).all()):
        return own
    coarse_weight = F.avg_pool2d(weight, 2, ceil_mode=True)
    coarse = F.avg_pool2d(weighted, 2, ceil_mode=True)
    full = coarse_weight.clamp_max(0.25) * 4  # one known pixel of four is enough to know the cell
    below = _pull_push(coarse / coarse_weight.clamp_min(1e-6) * full, full)
    wide = F.interpolate(below, weight.shape[-2:], mode="bilinear", align_corners=False)
    return weight * own + (1 - weight) * wide


_FILLS = {Fill.BLUR: _blur, Fill.INPAINT: _inpaint, Fill.MEAN: _ring_mean}
