"""The scope gate: whether a picture looks like the training films, complete and the right way up.

Two judges share one small network. Its classes know the mistakes that can be made by hand
(inverted, turned, sideways, cropped) and many foreign pictures; the distance of its features to
those of the training films refuses what none of the classes foresaw (Lee et al., NeurIPS 2018,
arXiv 1807.03888). What training needs is in `models.train_gate`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from imaging.errors import CheckpointError
from models.network import MultiScaleResNet, NetworkSettings, freeze
from models.pixel_checks import pixel_kind
from models.preprocess import preprocess

WEIGHTS = "gate.safetensors"
SETTINGS = "gate.json"
# The network's classes, in the order of its logits. Their meaning belongs to the code, not a task.
CLASSES = ("fits", "inverted", "turned", "sideways", "cropped", "foreign")
UNLIKE = "unlike"  # refused by distance although the classes saw nothing wrong
PLAIN_PASS, MILD_PASS = 0.995, 0.99  # of the validation films, see `GateScale.fit`
_PIXEL_SCORE = 10.0  # at least this far beyond the threshold when a pixel check refuses

# Kind -> what the reader is told. Literal, because the words are translated as they stand.
REASONS = {
    "small": "The picture has too few pixels to be a film.",
    "long": "The picture is far too long and narrow to be a film.",
    "blank": "The picture is blank: nearly all of it has one grey level.",
    "clipped": "The picture is almost only black and white: the grey levels between were lost.",
    "document": "This looks like a document or a drawing, not like a film.",
    "inverted": "The film looks inverted: black and white are exchanged.",
    "turned": "The film looks upside down.",
    "sideways": "The film looks as if it lay on its side.",
    "cropped": "Only a part of the film seems to be here: a good share of the anatomy is missing.",
    "foreign": "This does not look like the kind of picture this network reads.",
    UNLIKE: "This picture is unlike the films this network was trained on.",
}


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What the gate says about one picture.

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


class FeatureDistance:
    """Mahalanobis distance to the features of films that fit.

    Parameters
    ----------
    mean : Tensor
        (features,), float32.
    whitening : Tensor
        (features, features), float32: maps a centred feature to unit covariance.
    """

    def __init__(self, mean: Tensor, whitening: Tensor) -> None:
        self.mean, self.whitening = mean, whitening

    @classmethod
    def fit(cls, features: Tensor, *, shrinkage: float = 0.05) -> FeatureDistance:
        """Fit to (films, features); the covariance is shrunk towards its own diagonal.

        Features are nearly collinear across layers, and a plain inverse would count their noise
        (Ledoit and Wolf 2004).
        """
        x = features.double()
        mean = x.mean(0)
        covariance = (x - mean).T @ (x - mean) / max(1, len(x) - 1)
        diagonal = covariance.diagonal().clamp_min(1e-6)
        covariance = (1 - shrinkage) * covariance + shrinkage * torch.diag(diagonal)
        lower = torch.linalg.cholesky(covariance)
        identity = torch.eye(len(mean), dtype=torch.float64)
        whitening = torch.linalg.solve_triangular(lower, identity, upper=False)
        return cls(mean.float(), whitening.float())

    def __call__(self, features: Tensor) -> NDArray[np.float64]:
        """Distance of (films, features), divided by the root of their number: (films,)."""
        white = (features - self.mean) @ self.whitening.T
        return white.square().mean(1).sqrt().double().numpy()


def describe(network: MultiScaleResNet, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (batch, classes) and the pooled features of all layers (batch, features).

    Mean and spread of every channel after the stem and each stage, and the last stage's means by
    quarter: early layers see texture, late ones see anatomy, quarters see where it is.
    """
    x = network.stem(x)
    parts = [*_moments(x)]
    for stage in network.stages:
        x = stage(x)
        parts += _moments(x)
    parts.append(torch.nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))
    return network.classifier(network.dropout(parts[-3])), torch.cat(parts, 1)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean((2, 3)), x.flatten(2).std(2)


def margin_of(logits: Tensor) -> NDArray[np.float64]:
    """Log odds against `fits`: (batch, classes) -> (batch,), larger is less fitting."""
    return (logits[:, 1:].logsumexp(1) - logits[:, 0]).double().numpy()


class Gate:
    """A trained gate, read-only after loading; safe to share between threads."""

    def __init__(
        self,
        network: MultiScaleResNet,
        distance: FeatureDistance,
        scale: GateScale,
        *,
        size: int,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        freeze(network)
        self._network = network
        self._distance = distance
        self._scale = scale
        self._size = size
        self.settings = dict(settings or {})

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any] | None = None) -> Gate:
        """Load the gate of a checkpoint.

        Parameters
        ----------
        folder : Path
            Holds `gate.safetensors` and, unless `settings` is given, `gate.json`.
        settings : mapping, optional
            What `save` wrote.

        Raises
        ------
        CheckpointError
            If a file is missing, the weights' SHA-256 is not the settings', or they do not fit.
        """
        try:
            values = settings or json.loads((folder / SETTINGS).read_text())
            data = (folder / WEIGHTS).read_bytes()
        except (OSError, ValueError) as exc:
            raise CheckpointError(f"The scope gate of '{folder.name}' cannot be read.") from exc
        if hashlib.sha256(data).hexdigest() != values.get("weights_sha256"):
            raise CheckpointError(
                f"The scope gate of '{folder.name}' is damaged or was altered (its checksum does "
                "not match); reinstall the model."
            )
        try:
            return cls._from_tensors(load(data), values)
        except (SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as exc:
            raise CheckpointError(
                f"The scope gate of '{folder.name}' does not fit its settings; reinstall the model."
            ) from exc

    @classmethod
    def _from_tensors(cls, tensors: dict[str, Tensor], values: Mapping[str, Any]) -> Gate:
        distance = FeatureDistance(tensors.pop("feature_mean"), tensors.pop("feature_whitening"))
        network = MultiScaleResNet(NetworkSettings.from_dict(values["network"]))
        network.load_state_dict(tensors)
        scale = GateScale(**values["scale"])
        return cls(network, distance, scale, size=int(values["size"]), settings=values)

    @property
    def size(self) -> int:
        """Side of the network's square input, pixels."""
        return self._size

    def scores(self, x: Tensor) -> NDArray[np.float64]:
        """How far inputs (batch, 1, size, size) are beyond the threshold, by the network alone.

        Returns
        -------
        numpy.ndarray
            (batch,), float64; above zero is refused.
        """
        with torch.inference_mode():
            logits, features = describe(self._network, x)
            return self._scale.score(margin_of(logits), self._distance(features))

    def examine(self, luminance: NDArray[np.float32]) -> GateVerdict:
        """Judge one picture.

        Parameters
        ----------
        luminance : numpy.ndarray
            (rows, columns), any linear scale, larger is brighter. Finite.
        """
        with torch.inference_mode():
            logits, features = describe(self._network, preprocess(luminance, size=self._size))
            distance = self._distance(features)
            margin = margin_of(logits)
        by_margin, by_distance = (float(v[0]) for v in self._scale.parts(margin, distance))
        score, kind = max(by_margin, by_distance), pixel_kind(luminance)
        if kind:
            score = max(score, _PIXEL_SCORE)
        elif score > 0:
            # a class is named only when the classes refuse; the distance alone names nothing
            best = CLASSES[1 + int(logits[0, 1:].argmax())]
            kind = best if by_margin > 0 or int(logits[0].argmax()) > 0 else UNLIKE
        return GateVerdict(
            not kind, kind or "fits", REASONS.get(kind, ""), score, float(distance[0])
        )


def save_gate(
    folder: Path,
    network: MultiScaleResNet,
    distance: FeatureDistance,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Write `gate.safetensors` and `gate.json`; returns the settings with the weights' hash."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.contiguous() for k, v in network.state_dict().items()}
    tensors |= {
        "feature_mean": distance.mean,
        "feature_whitening": distance.whitening.contiguous(),
    }
    data = save(tensors)
    values = {"weights_sha256": hashlib.sha256(data).hexdigest(), **settings}
    (folder / WEIGHTS).write_bytes(data)
    (folder / SETTINGS).write_text(json.dumps(values, indent=2) + "\n")
    return values
