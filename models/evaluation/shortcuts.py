"""Questions that find a cheat: films with parts hidden, and predictors that never see disease.

*Hiding*: a hole (bool, True is hidden) is filled without a trace of what it held, and not the way
training filled holes (`models.data.regions`: one grey, or a slow random field), so that the network
was never taught to ignore it. *Trivial predictors*: a logistic model on a few numbers that hold no
anatomy, fitted on the training films; what it reaches, the data give away for nothing (DeGrave et
al., Nature Machine Intelligence 2021, doi 10.1038/s42256-021-00338-7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from models.network.preprocess import preprocess

Luminance = NDArray[np.float32]
Hole = NDArray[np.bool_]
Array = NDArray[np.float64]
_BATCH = 64

MARGIN = 0.03  # of the film's side: how far a lung mask is widened, before hiding or keeping
HIDDEN = {
    "plain": "Nothing hidden.",
    "border": "Outer 10 % of every side replaced by the mean training film.",
    "corners": "Four corners, a fifth of each side, replaced by the mean training film.",
    "marks": "Small bright things in the outer fifth (side letters, text) painted over.",
    "lungs_removed": "Lungs replaced by the mean training film; their outline stays visible.",
    "lungs_removed_lines": "Lungs bridged by straight lines along each row.",
    "usual_lungs_removed": "One and the same area, where training films have lungs, replaced by "
    "the mean training film, so that no outline is left.",
    "lungs_only": "Everything but the lungs replaced by the mean training film.",
}


def border_hole(shape: tuple[int, int], *, share: float) -> Hole:
    """The outer `share` of each side: (rows, columns), bool."""
    down, across = (max(1, round(length * share)) for length in shape)
    hole = np.ones(shape, np.bool_)
    hole[down:-down, across:-across] = False
    return hole


def corner_hole(shape: tuple[int, int], *, share: float) -> Hole:
    """Four rectangles, `share` of each side long: (rows, columns), bool."""
    down, across = (max(1, round(length * share)) for length in shape)
    rows, columns = np.zeros(shape[0], np.bool_), np.zeros(shape[1], np.bool_)
    rows[:down] = rows[-down:] = True
    columns[:across] = columns[-across:] = True
    return rows[:, None] & columns[None, :]


def mark_hole(
    luminance: Luminance, *, band: float = 0.2, width: float = 0.1, contrast: float = 0.2
) -> Hole:
    """Small bright things near the border that stand alone: side letters, exposure text.

    Parameters
    ----------
    luminance : numpy.ndarray
        (rows, columns), float32.
    band : float
        How far from the border to look, of each side.
    width : float
        Anything wider or taller stays, of the shorter side.
    contrast : float
        How far a mark stands above its surroundings, of the film's range.

    Returns
    -------
    numpy.ndarray
        (rows, columns), bool; a rim around each mark is part of it.

    Notes
    -----
    White top-hat - the film less its grey-scale opening (Serra 1982) - and then the size of each
    connected piece. A piece of rib end or finger of that size goes with the marks.
    """
    rows, columns = _shape(luminance)
    # searched for at a screen's size at most: pieces are walked through pixel by pixel
    shrink = min(1.0, 256 / max(rows, columns))
    batch = torch.from_numpy(np.array(luminance, np.float32))[None, None]
    shape = (max(3, round(rows * shrink)), max(3, round(columns * shrink)))
    small = F.interpolate(batch, shape, mode="bilinear", antialias=True)[0, 0].numpy()
    reach = max(1, round(width * min(shape) / 2))
    opened = _highest(-_highest(-small, reach), reach)
    bright = small - opened > contrast * max(float(np.ptp(small)), 1e-6)
    marks = small_pieces(bright, limit=width * min(shape)) & border_hole(shape, share=band)
    return region_hole(marks.astype(np.float32), (rows, columns), margin=0.01)


def small_pieces(mask: Hole, *, limit: float) -> Hole:
    """The 8-connected pieces of a mask at most `limit` pixels wide and tall."""
    pieces = np.zeros_like(mask)
    waiting = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    while waiting:
        piece = [waiting.pop()]
        for row, column in piece:  # grows while it is walked through
            around = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & waiting
            waiting -= around
            piece += around
        if (np.ptp(piece, axis=0) < limit).all():
            pieces[tuple(np.transpose(piece))] = True
    return pieces


def region_hole(region: NDArray[np.floating], shape: tuple[int, int], *, margin: float) -> Hole:
    """A region map, at least one half, brought to a film's shape and widened.

    Parameters
    ----------
    region : numpy.ndarray
        (rows', columns') in [0, 1], over the whole film.
    shape : tuple of int
        (rows, columns) of the film.
    margin : float
        Of the shorter side.
    """
    batch = torch.from_numpy(np.array(region, np.float32))[None, None]
    full = F.interpolate(batch, shape, mode="bilinear", align_corners=False)[0, 0].numpy()
    return grow(full >= 0.5, share=margin)


def grow(hole: Hole, *, share: float) -> Hole:
    """The hole, wider by `share` of the shorter side in every direction."""
    reach = round(share * min(hole.shape))
    return _highest(hole.astype(np.float32), reach) > 0.5


def fill_typical(luminance: Luminance, hole: Hole, typical: Luminance) -> Luminance:
    """Fill a hole with the mean training film, in the tone of what stays visible.

    Parameters
    ----------
    luminance : numpy.ndarray
        (rows, columns), float32.
    hole : numpy.ndarray
        (rows, columns), bool; something has to stay visible.
    typical : numpy.ndarray
        (rows', columns'), float32: mean grey-level rank in [0, 1] (`typical_film`).

    Returns
    -------
    numpy.ndarray
        (rows, columns), float32. Hidden pixels have no influence on any other.
    """
    batch = torch.from_numpy(typical)[None, None]
    ranks = F.interpolate(batch, _shape(luminance), mode="bilinear", antialias=True)[0, 0].numpy()
    levels = np.quantile(luminance[~hole], np.linspace(0, 1, 257))
    tones = np.interp(ranks, np.linspace(0, 1, 257), levels)
    return np.where(hole, tones, luminance).astype(np.float32)


def fill_across(luminance: Luminance, hole: Hole) -> Luminance:
    """Fill a hole row by row, on a straight line between the pixels left and right of it.

    A row that is hidden from end to end gets the mean of what stays visible.
    """
    filled = luminance.copy()
    rest = luminance[~hole].mean() if not hole.all() else np.float32(0)
    for row, hidden in zip(filled, hole, strict=True):
        visible = np.flatnonzero(~hidden)
        row[hidden] = (
            np.interp(np.flatnonzero(hidden), visible, row[visible]) if len(visible) else rest
        )
    return filled


def typical_film(films: NDArray[np.uint8], *, size: int) -> Luminance:
    """Mean grey-level rank of every pixel over films (films, rows, columns): (size, size), [0, 1].

    Ranks, because they are what `preprocess` leaves of a film's tone.
    """
    total = torch.zeros(size, size, dtype=torch.float64)
    for part in torch.from_numpy(films).split(_BATCH):
        total += preprocess(part, size=size).double().sum(dim=(0, 1))
    return (total / len(films) / 3**0.5 / 2 + 0.5).to(torch.float32).numpy()


def views(
    luminance: Luminance, *, typical: Luminance, lungs: Hole | None, usual: Hole | None
) -> dict[str, Luminance]:
    """The film as it is and with parts hidden.

    Parameters
    ----------
    luminance : numpy.ndarray
        (rows, columns), float32.
    typical : numpy.ndarray
        As `typical_film` gives it.
    lungs, usual : numpy.ndarray or None
        (rows, columns), bool: the lungs of this film; where training films have lungs.

    Returns
    -------
    dict
        Name as in `HIDDEN` -> (rows, columns), float32; without those that lack their mask.
    """
    shape = _shape(luminance)
    holes = {
        "border": border_hole(shape, share=0.1),
        "corners": corner_hole(shape, share=0.2),
        "lungs_removed": lungs,
        "usual_lungs_removed": usual,
        "lungs_only": None if lungs is None else ~lungs,
    }
    by_name = {"plain": luminance, "marks": fill_across(luminance, mark_hole(luminance))}
    for name, hole in holes.items():
        if hole is not None:
            by_name[name] = fill_typical(luminance, hole, typical)
    if lungs is not None:
        by_name["lungs_removed_lines"] = fill_across(luminance, lungs)
    return by_name


@dataclass(frozen=True, slots=True, eq=False)
class LinearPredictor:
    """Logistic regression on standardised features."""

    mean: Array
    scale: Array
    weights: Array
    bias: float

    def probabilities(self, features: Array) -> Array:
        """(films, features) -> (films,), in [0, 1]."""
        logits = (features - self.mean) / self.scale @ self.weights + self.bias
        return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))


def fit_linear(
    features: Array, truth: NDArray[np.bool_], *, ridge: float = 0.01
) -> LinearPredictor:
    """Fit a `LinearPredictor` on training films.

    Parameters
    ----------
    features : numpy.ndarray
        (films, features), float64.
    truth : numpy.ndarray
        (films,), bool.
    ridge : float
        Weight of the squared weights beside the mean log-loss.
    """
    mean, scale = features.mean(0), features.std(0) + 1e-9
    x, y = torch.from_numpy((features - mean) / scale), torch.from_numpy(truth).double()
    weights = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(x @ weights + bias, y)
        loss = loss + ridge * (weights**2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return LinearPredictor(mean, scale, weights.detach().numpy(), float(bias.detach()))


def thumbnails(films: NDArray[np.uint8], *, side: int = 16) -> Array:
    """Films (films, rows, columns) as `side` x `side` means: (films, side * side), in [0, 1]."""
    parts = torch.from_numpy(films).split(_BATCH)
    small = [F.adaptive_avg_pool2d(part[:, None].float() / 255, side) for part in parts]
    return torch.cat(small).flatten(1).double().numpy()


def border_tone(films: NDArray[np.uint8], *, share: float = 0.1) -> Array:
    """Mean and spread of each film's border alone: (films, 2), in [0, 1]."""
    edge = border_hole((films.shape[1], films.shape[2]), share=share)
    pixels = films[:, edge] / 255.0
    return np.stack([pixels.mean(1), pixels.std(1)], axis=1)


def dice(first: Hole, second: Hole) -> float:
    """Overlap of two masks in [0, 1]; one when both are empty (Dice 1945)."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0


def _highest(values: Luminance, reach: int) -> Luminance:
    """Grey-scale dilation: the maximum within a square of side 2 * reach + 1."""
    batch = torch.from_numpy(values)[None, None]
    return F.max_pool2d(batch, 2 * reach + 1, stride=1, padding=reach)[0, 0].numpy()


def _shape(luminance: NDArray) -> tuple[int, int]:
    rows, columns = luminance.shape
    return rows, columns
