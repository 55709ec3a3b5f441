"""A film as the networks see it: looked at once, then explained, erased and disturbed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.inference.classifier import Classifier
from models.network.preprocess import preprocess, squash
from models.rules.crop_box import WHOLE, CropBox


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One film, framed and squashed.

    Attributes
    ----------
    squashed : numpy.ndarray
        (size, size), float32: the viewed part's luminance before its tones are equalised.
    x : Tensor
        (1, 1, size, size), float32: `preprocess` of `squashed`, what the networks get.
    view : CropBox
        The part of the film that is looked at.
    shape : tuple of int
        Rows and columns of the film.
    region : numpy.ndarray or None
        (rows', columns'), float32 in [0, 1], over the whole film: where the localiser sees the
        region (the lungs). None without a localiser.
    studied : bool
        False where the film's answer promises nothing, since the patient is of another kind than
        those the model was measured on.
    """

    squashed: NDArray[np.float32]
    x: Tensor
    view: CropBox
    shape: tuple[int, int]
    region: NDArray[np.float32] | None = None
    studied: bool = True


def look(
    classifier: Classifier, luminance: NDArray[np.float32], view: CropBox | None = None
) -> Subject:
    """Frame and squash one film.

    Parameters
    ----------
    classifier : Classifier
    luminance : numpy.ndarray
        (rows, columns), any linear scale, larger is brighter. Finite.
    view : CropBox, optional
        The part to look at, where it is known: what an answer was given about
        (`Assessment.view`). Else the localiser finds it, as `Classifier.predict` does.
    """
    framing = classifier.framing
    region = framing.region(luminance)
    box = view or framing.around(region) or WHOLE
    part = luminance[box.pixels(luminance.shape)]
    squashed = squash(np.ascontiguousarray(part, np.float32), classifier.card.size)
    x = preprocess(squashed, size=classifier.card.size)
    return Subject(squashed, x, box, (luminance.shape[0], luminance.shape[1]), region)


def on_film(values: Tensor, view: CropBox) -> NDArray[np.float32]:
    """Put a map of the view back into the film's frame.

    Parameters
    ----------
    values : Tensor
        (size, size), float32, over the view.
    view : CropBox

    Returns
    -------
    numpy.ndarray
        (rows, columns), float32, zero outside the view; within it as fine as `values`.
    """
    size = values.shape[0]
    film = np.zeros(
        (round(size / (view.bottom - view.top)), round(size / (view.right - view.left))),
        np.float32,
    )
    part = view.pixels((film.shape[0], film.shape[1]))
    inside = film[part].shape
    film[part] = F.interpolate(values[None, None], inside, mode="bilinear", antialias=True)[0, 0]
    return film


def lungs_in_view(subject: Subject) -> NDArray[np.float32]:
    """Probability of the region over the networks' input, (size, size); one without a localiser."""
    size = subject.x.shape[-1]
    if subject.region is None:
        return np.ones((size, size), np.float32)
    return in_view(subject.region, subject.view, size)


def in_view(region: NDArray[np.floating], view: CropBox, size: int) -> NDArray[np.float32]:
    """A map over the whole film, such as a lung mask, as the networks' input sees it.

    Parameters
    ----------
    region : numpy.ndarray
        (rows, columns), any resolution, over the whole film.
    view : CropBox
    size : int
        Side of the networks' input, pixels.

    Returns
    -------
    numpy.ndarray
        (size, size), float32.
    """
    values = torch.from_numpy(np.asarray(region, np.float32).copy())[None, None]
    rows, columns = values.shape[-2:]
    # fine enough first, so that the cut is at the view's edges and not at a coarse map's cells
    fine = max(1, -(-2 * size // min(rows, columns)))
    values = F.interpolate(values, scale_factor=fine, mode="bilinear") if fine > 1 else values
    part = view.pixels((values.shape[-2], values.shape[-1]))
    cut = values[:, :, part[0], part[1]]
    return F.interpolate(cut, (size, size), mode="bilinear", antialias=True)[0, 0].numpy()
