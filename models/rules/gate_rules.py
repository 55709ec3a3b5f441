"""Meaning of the gate's figures: its classes, its threshold and its sentences. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# The network's classes, in the order of its logits. Their meaning belongs to the code, not a task.
CLASSES = ("fits", "inverted", "turned", "sideways", "cropped", "foreign", "whole")
WHOLE = "whole"  # the last: gates of tasks that read whole films do not know it
UNLIKE = "unlike"  # refused by distance although the classes saw nothing wrong
PLAIN_PASS, MILD_PASS = 0.995, 0.99  # of the validation films, see `GateScale.fit`
_PIXEL_SCORE = 10.0  # at least this far beyond the threshold when a pixel check refuses

# Kind -> the sentence for the reader. Literal, because the words are translated as they stand.
REASONS = {
    "small": "The image has too few pixels for an X-ray. Send it in its full size.",
    "long": "The image is far too long and narrow for an X-ray. Send the whole image by itself.",
    "blank": (
        "The picture is blank: nearly all of it has one grey level. Ask for it to be sent again."
    ),
    "clipped": (
        "The picture is almost only black and white: the grey levels between were lost. Send it as "
        "the detector made it."
    ),
    "document": (
        "This looks like a document or a drawing, not like an X-ray. Send the image itself."
    ),
    "inverted": (
        "The image appears inverted: black and white are exchanged. Send it with bone white, "
        "or read it without the AI."
    ),
    "turned": (
        "The image appears upside down. Send it the right way up, or read it without the AI."
    ),
    "sideways": (
        "The image appears rotated. Rotate it upright and send it again, or read it without the AI."
    ),
    "cropped": (
        "Only part of the image seems to be here: much of the anatomy is missing. Send the "
        "whole image, or read it without the AI."
    ),
    WHOLE: (
        "This image seems to show more than the one joint that this AI reads, or part of it. Use "
        "\u201cAsk about this region\u201d to draw a box around the joint."
    ),
    "foreign": ("Not recognised as the kind of image this AI reads. Read it without the AI."),
    UNLIKE: (
        "Not recognised: too different from the images this AI learned from. Read it without "
        "the AI."
    ),
}


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The gate's verdict on one picture.

    Attributes
    ----------
    suitable : bool
        Whether the network may answer.
    kind : str
        "fits", or a key of `REASONS`.
    reason : str
        Why not, one sentence; empty when suitable.
    score : float
        How far the picture is beyond the threshold: above zero is refused. Continuous.
    distance : float
        Mahalanobis distance of the features to the training films, at least 0.
    """

    suitable: bool
    kind: str
    reason: str
    score: float
    distance: float


@dataclass(frozen=True, slots=True)
class GateScale:
    """How margin and distance become one score, fitted on validation films.

    Each is shifted by its `typical` value and divided by its `spread`; the larger one, less
    `threshold`, is the score.
    """

    margin_typical: float = 0.0
    margin_spread: float = 1.0
    distance_typical: float = 0.0
    distance_spread: float = 1.0
    threshold: float = 0.0

    @classmethod
    def fit(cls, margin: NDArray, distance: NDArray, *mild: NDArray) -> GateScale:
        """Let `PLAIN_PASS` of the validation films and `MILD_PASS` of mildly changed ones through.

        Parameters
        ----------
        margin, distance : numpy.ndarray
            (films,), float64, of the plain films.
        *mild : numpy.ndarray
            Margin and distance of the same films, mildly augmented.
        """
        middle = [float(np.median(v)) for v in (margin, distance)]
        upper = [float(np.quantile(v, MILD_PASS)) for v in mild]
        spread = [max(u - m, 1e-3) for u, m in zip(upper, middle, strict=True)]
        free = cls(middle[0], spread[0], middle[1], spread[1])
        plain = np.quantile(free.score(margin, distance), PLAIN_PASS)
        changed = np.quantile(free.score(*mild), MILD_PASS)
        return replace(free, threshold=float(max(plain, changed)))

    def parts(self, margin: NDArray, distance: NDArray) -> tuple[NDArray, NDArray]:
        """Scores by margin and by distance alone, arrays of the same shape."""
        return (
            (margin - self.margin_typical) / self.margin_spread - self.threshold,
            (distance - self.distance_typical) / self.distance_spread - self.threshold,
        )

    def score(self, margin: NDArray, distance: NDArray) -> NDArray:
        """The combined score, an array of the same shape."""
        return np.maximum(*self.parts(margin, distance))


def judge_picture(
    logits: NDArray[np.float64], distance: float, scale: GateScale, pixel_kind: str
) -> GateVerdict:
    """Judge one picture by the gate's figures.

    Parameters
    ----------
    logits : numpy.ndarray
        (classes,), in the order of `CLASSES`.
    distance : float
        Of its features to the training films, at least 0.
    scale : GateScale
    pixel_kind : str
        What `models.rules.pixel_checks.pixel_kind` said; "" when nothing is wrong.
    """
    others = logits[1:]
    margin = others.max() + np.log(np.exp(others - others.max()).sum()) - logits[0]
    by_margin, by_distance = (
        float(v) for v in scale.parts(np.asarray(margin), np.asarray(distance))
    )
    score, kind = max(by_margin, by_distance), pixel_kind
    if kind:
        score = max(score, _PIXEL_SCORE)
    elif score > 0:
        # a class is named only when the classes refuse; the distance alone names nothing
        best = CLASSES[1 + int(others.argmax())]
        kind = best if by_margin > 0 or int(logits.argmax()) > 0 else UNLIKE
    return GateVerdict(not kind, kind or "fits", REASONS.get(kind, ""), score, distance)
