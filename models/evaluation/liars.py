"""Maps that are known to be wrong, for a receipt to find out.

Each looks like a map of its film: of the same size, smooth, mostly in the lungs. Each says nothing
of where this film's answer comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from models.explain.base.subject import Subject, lungs_in_view, on_film
from models.explain.checks.agreement import patch_side
from models.explain.checks.sanity import cascade
from models.explain.methods.explainer import Attribution, Explainer
from models.inference.classifier import Classifier

ANOTHER, MIRRORED, MEAN, BLOBS, RANDOM, SHUFFLED = (
    "another film's map",
    "the mirrored map",
    "the mean map",
    "smooth blobs in the lungs",
    "a random network's map",
    "shuffled patches",
)
KINDS = (ANOTHER, MIRRORED, MEAN, BLOBS, RANDOM, SHUFFLED)

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TrueMap:
    """A film and the map that a method made of it."""

    subject: Subject
    attribution: Attribution


def random_explainer(classifier: Classifier, *, seed: int) -> Explainer:
    """The explainer of networks of the same shape that have learned nothing."""
    *_, (_layer, forgotten) = cascade(classifier, seed=seed)
    return Explainer(forgotten)


def plant_liars(
    index: int,
    maps: Sequence[TrueMap],
    ignorant: Explainer,
    generator: np.random.Generator,
) -> dict[str, Attribution]:
    """Every kind of wrong map for one of several films.

    Parameters
    ----------
    index : int
        Of the film among `maps`.
    maps : sequence of TrueMap
        At least two, of one model, method and target.
    ignorant : Explainer
        Of networks that have learned nothing.
    generator : numpy.random.Generator
    """
    own = maps[index]
    map_ = own.attribution
    others = [one.attribution.inner for i, one in enumerate(maps) if i != index]
    lungs = lungs_in_view(own.subject)
    inners: dict[str, Map] = {
        ANOTHER: others[int(generator.integers(len(others)))],
        MIRRORED: np.ascontiguousarray(map_.inner[:, ::-1]),
        MEAN: np.asarray(np.mean(others, axis=0, dtype=np.float64), np.float32),
        BLOBS: np.multiply(blobs(lungs, generator), np.abs(map_.inner).max(), dtype=np.float32),
        RANDOM: ignorant.attribute(own.subject, map_.target, map_.method).inner,
        SHUFFLED: shuffle_patches(map_.inner, generator),
    }
    return {kind: replace_inner(map_, inner) for kind, inner in inners.items()}


def replace_inner(attribution: Attribution, inner: Map) -> Attribution:
    """The same explanation with another map."""
    values = on_film(torch.from_numpy(np.ascontiguousarray(inner)), attribution.view)
    return replace(attribution, inner=inner, values=values)


def blobs(lungs: Map, generator: np.random.Generator) -> Map:
    """Smooth random evidence within the lungs: (size, size), float32, about in [-1, 1]."""
    size = len(lungs)
    coarse = torch.from_numpy(generator.standard_normal((1, 1, 6, 6))).float()
    noise = F.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)[0, 0].numpy()
    return np.asarray(noise / max(float(np.abs(noise).max()), 1e-6) * lungs, np.float32)


def shuffle_patches(inner: Map, generator: np.random.Generator) -> Map:
    """The same map with its patches in another order: the same evidence, in the wrong places."""
    side = patch_side(len(inner))
    count = len(inner) // side
    patches = inner[: count * side, : count * side].reshape(count, side, count, side)
    listed = patches.transpose(0, 2, 1, 3).reshape(-1, side, side)
    listed = listed[generator.permutation(len(listed))]
    mixed = listed.reshape(count, count, side, side).transpose(0, 2, 1, 3)
    shuffled = inner.copy()
    shuffled[: count * side, : count * side] = mixed.reshape(count * side, count * side)
    return shuffled
