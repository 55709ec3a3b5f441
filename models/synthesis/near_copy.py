"""The near-copy check: is a made-up film too much like a real one? Array maths only.

Rule: a film is a near copy if its highest correlation with any training film exceeds, in any of
three measures, the 99th percentile of the highest correlations between real films of different
patients. In other words: it may be no more like a film than one child's film is like another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.synthesis.generator import resize

CHECK_SIDE = 64  # films are compared at this size
MEASURES = ("film", "lungs", "fine_structure")
_MARGIN = 2  # largest shift tried, in pixels of the 64
_CHUNK = 512  # library films at a time, so that they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Similarity:
    """Correlation of films with every film of a library, at the best of many alignments.

    Three measures, all at 64 x 64 pixels with a margin of two left for shifts: the whole film;
    the lungs and heart only; and their fine structure (what a Gaussian of 2 pixels removes: rib
    pattern, vessels, borders). Library films are tried in the frame around their lungs and as the
    whole film, mirrored too, shifted by two pixels either way
    (the frames fit the lungs already).

    Attributes
    ----------
    views : Tensor
        (films, views, 64, 64), float32: each film framed and whole.
    region : Tensor
        (60, 60), float32: weight of each pixel in the last two measures.
    """

    views: Tensor
    region: Tensor

    @classmethod
    def of(cls, aligned: Tensor, whole: Tensor) -> Similarity:
        """Build from films in their lung frame and whole, each (films, 1, rows, columns)."""
        small = [
            torch.cat([resize(c.float(), CHECK_SIDE) for c in view.split(500)])
            for view in (aligned, whole)
        ]
        side = torch.linspace(-1, 1, CHECK_SIDE - 2 * _MARGIN)
        region = ((side[:, None] / 0.95) ** 2 + (side[None] / 0.9) ** 2 < 1).float()
        return cls(torch.cat(small, dim=1), region)

    def best(self, films: Tensor, skip: Tensor | None = None) -> Tensor:
        """Give each film's highest correlation with any library film.

        Parameters
        ----------
        films : Tensor
            (count, 1, rows, columns), sides at least 64.
        skip : Tensor, optional
            (count, films of the library), bool: pairs that do not count.

        Returns
        -------
        Tensor
            (count, 3), float32, in [-1, 1]; columns as in `MEASURES`.
        """
        inner = slice(_MARGIN, CHECK_SIDE - _MARGIN)
        small = resize(films, CHECK_SIDE)
        queries = [
            _unit(measured[..., inner, inner].flatten(1), w)
            for measured, w in self._measures(small)
        ]
        best = torch.full((len(films), len(MEASURES)), -1.0)
        for start in range(0, len(self.views), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            ignored = None if skip is None else skip[:, chunk]
            for view in self.views[chunk].unbind(1):
                for measure, (measured, weight) in enumerate(self._measures(view[:, None])):
                    match = _closest(queries[measure], measured, weight, ignored)
                    best[:, measure] = torch.maximum(best[:, measure], match)
        return best

    def _measures(self, films: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Pair what is compared with the weight of each pixel, for the three measures."""
        weight = self.region.flatten()
        everything = torch.ones_like(weight)
        return [(films, everything), (films, weight), (films - gaussian_blur(films, 2.0), weight)]


def _closest(queries: Tensor, films: Tensor, weight: Tensor, ignored: Tensor | None) -> Tensor:
    """Highest correlation of each query with any film at any shift."""
    matches = [queries @ _unit(window.flatten(1), weight).T for window in _windows(films)]
    best = torch.stack(matches).amax(0)
    return (best if ignored is None else best.masked_fill(ignored, -1.0)).amax(1)


def _windows(films: Tensor) -> list[Tensor]:
    """Every shift of the inner window by -2, 0, 2 pixels, plain and mirrored."""
    inner = CHECK_SIDE - 2 * _MARGIN
    starts = range(0, 2 * _MARGIN + 1, 2)
    orientations = (films, films.flip(-1))
    return [
        f[..., y : y + inner, x : x + inner] for f in orientations for y in starts for x in starts
    ]


def _unit(flat: Tensor, weight: Tensor) -> Tensor:
    """Centre and scale rows so that a product of two is their weighted correlation."""
    centred = (flat - (flat @ weight / weight.sum())[:, None]) * weight.sqrt()
    return F.normalize(centred, dim=1)


def gaussian_blur(films: Tensor, sigma: float) -> Tensor:
    """Blur (batch, 1, rows, columns) with a Gaussian of `sigma` pixels; edges repeat."""
    reach = max(1, int(3 * sigma))
    kernel = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    padded = F.pad(films, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel[None, None, None]), kernel[None, None, :, None])


def real_neighbours(
    similarity: Similarity, patients: Sequence[str], *, count: int, generator: torch.Generator
) -> Tensor:
    """Measure how alike films of different patients are: the yardstick of the near-copy rule.

    Parameters
    ----------
    similarity : Similarity
    patients : sequence of str
        Patient of each library film.
    count : int
        How many films to draw and measure.
    generator : torch.Generator

    Returns
    -------
    Tensor
        (count, 3): the highest correlation of each with any film of another patient. Films that
        are pixel-identical across patient numbers do not count as two.
    """
    chosen = torch.randperm(len(patients), generator=generator)[:count]
    number = {name: i for i, name in enumerate(dict.fromkeys(patients))}
    patient = torch.tensor([number[name] for name in patients])
    flat = similarity.views[:, 1].flatten(1)
    same = patient[chosen, None] == patient[None]
    same |= torch.cdist(flat[chosen], flat) < 1e-3 * flat.std() * CHECK_SIDE
    return similarity.best(similarity.views[chosen, :1], same)


def near_copies(correlations: Tensor, real: Tensor, percentile: float) -> Tensor:
    """Apply the rule: a film is a near copy if any measure exceeds the real films' percentile.

    Parameters
    ----------
    correlations : Tensor
        (films, 3), from `Similarity.best`.
    real : Tensor
        (references, 3), from `real_neighbours`.
    percentile : float
        In percent.

    Returns
    -------
    Tensor
        (films,), bool.
    """
    return (correlations > torch.quantile(real, percentile / 100, dim=0)).any(1)
