"""Why a picture is "not suitable": which header field, which region, and what would let it pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import Occlusion
from numpy.typing import NDArray
from torch import Tensor

from imaging.entities import Instance
from models.explain.base.baselines import blur
from models.inference.classifier import Classifier
from models.inference.scope import Mismatch, mismatches
from models.network.gate import Gate, GateVerdict
from models.network.preprocess import preprocess

Luminance = NDArray[np.float32]

_WINDOW, _STRIDE = 5, 10  # parts of the input's side

EXCHANGED, UPSIDE_DOWN = "exchanged", "upside down"
TO_THE_RIGHT, TO_THE_LEFT = "to the right", "to the left"
# What may have gone wrong between the detector and this file -> how it is undone.
UNDONE: dict[str, Callable[[Luminance], Luminance]] = {
    EXCHANGED: lambda film: film.max() + film.min() - film,
    UPSIDE_DOWN: lambda film: np.ascontiguousarray(film[::-1, ::-1]),
    TO_THE_RIGHT: lambda film: np.ascontiguousarray(np.rot90(film, -1)),
    TO_THE_LEFT: lambda film: np.ascontiguousarray(np.rot90(film)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """Reasons for which one model refused one picture.

    Attributes
    ----------
    header : tuple of Mismatch
        Fields that rule the picture out. The pixels are not looked at when there are any.
    gate : GateVerdict or None
        What the scope gate said of the pixels; None when it was not asked.
    foreign : numpy.ndarray or None
        (size, size), float32, over the whole squashed picture: how far the gate's score falls
        when a window is blurred; what is positive looks foreign. None when the gate refused for a
        plain reason (blank, clipped) or not at all.
    would_pass : tuple of str
        Keys of `UNDONE` after which the gate would let the picture pass.
    """

    header: tuple[Mismatch, ...]
    gate: GateVerdict | None
    foreign: NDArray[np.float32] | None
    would_pass: tuple[str, ...]


def explain_refusal(
    classifier: Classifier,
    instance: Instance,
    luminance: Luminance,
    *,
    pixel_aspect: float = 1.0,
    tint: float | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Refusal:
    """Find out why a model does not answer.

    Parameters
    ----------
    classifier : Classifier
        The model that refused.
    instance : Instance
    luminance : numpy.ndarray
        (rows, columns), any linear scale, larger is brighter. Finite.
    pixel_aspect : float
        Height of a pixel over its width.
    tint : float, optional
        How far a colour picture is from grey (`Image.tint`).
    on_progress : callable, optional
        Gets the share of the work done; what it raises stops the work.
    """
    header = mismatches(instance, classifier.card.scope, tint=tint)
    gate = classifier.gate
    if header or gate is None or float(np.ptp(luminance)) == 0:
        return Refusal(header, None, None, ())
    verdict = gate.examine(luminance, pixel_aspect=pixel_aspect)
    if verdict.suitable:
        return Refusal((), verdict, None, ())
    report = on_progress or (lambda _done: None)
    passing = []
    for at, (name, undo) in enumerate(UNDONE.items()):
        report(0.3 * at / len(UNDONE))
        undone = undo(luminance)
        lies = undone.shape != luminance.shape  # a quarter turn turns its pixels, too
        if gate.examine(undone, pixel_aspect=1 / pixel_aspect if lies else pixel_aspect).suitable:
            passing.append(name)
    report(0.3)
    x = preprocess(luminance, size=gate.size)
    plain = float(gate.scores(x)[0]) <= 0  # a check on the pixels refused, not the network
    foreign = None if plain else foreign_regions(gate, x)
    report(1.0)
    return Refusal((), verdict, foreign, tuple(passing))


def foreign_regions(gate: Gate, x: Tensor) -> NDArray[np.float32]:
    """Fall of the gate's score when a window is blurred (Zeiler & Fergus, ECCV 2014).

    Parameters
    ----------
    gate : Gate
    x : Tensor
        (1, 1, size, size), float32, the gate's input.

    Returns
    -------
    numpy.ndarray
        (size, size), float32; positive where blurring makes the picture look less foreign.
    """
    side = x.shape[-1]
    falls = Occlusion(lambda batch: torch.from_numpy(gate.scores(batch))).attribute(
        x,
        sliding_window_shapes=(1, side // _WINDOW, side // _WINDOW),
        strides=(1, side // _STRIDE, side // _STRIDE),
        baselines=blur(x),
        perturbations_per_eval=16,
    )
    return falls[0, 0].to(torch.float32).numpy()
