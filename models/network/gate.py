"""The scope gate: whether a picture looks like the training films, complete and the right way up.

Two tests share one small network. Its classes know the mistakes that can be made by hand
(inverted, turned, sideways, cropped) and many foreign pictures; the distance of its features to
those of the training films refuses what none of the classes foresaw (Lee et al., NeurIPS 2018,
arXiv 1807.03888). What training needs is in `models.training.train_gate`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from imaging.errors import CheckpointError
from models.checkpoint.installed import forget_graphs
from models.network.network import MultiScaleResNet, NetworkSettings, freeze
from models.network.preprocess import preprocess
from models.rules.gate_rules import CLASSES, REASONS, GateScale, GateVerdict, judge_picture
from models.rules.pixel_checks import pixel_kind

__all__ = ["CLASSES", "REASONS", "Gate", "GateScale", "GateVerdict"]
WEIGHTS = "gate.safetensors"
SETTINGS = "gate.json"


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
            What `save_gate` wrote.

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
    def network(self) -> MultiScaleResNet:
        """The network alone."""
        return self._network

    @property
    def distance(self) -> FeatureDistance:
        """The distance alone."""
        return self._distance

    @property
    def scale(self) -> GateScale:
        """How its figures become a score."""
        return self._scale

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

    def examine(self, luminance: NDArray[np.float32], *, pixel_aspect: float = 1.0) -> GateVerdict:
        """Judge one picture.

        Parameters
        ----------
        luminance : numpy.ndarray
            (rows, columns), any linear scale, larger is brighter. Finite.
        pixel_aspect : float
            Height of a pixel over its width.
        """
        kind = pixel_kind(luminance, pixel_aspect=pixel_aspect)
        with torch.inference_mode():
            logits, features = describe(self._network, preprocess(luminance, size=self._size))
            distance = self._distance(features)
        return judge_picture(logits[0].double().numpy(), float(distance[0]), self._scale, kind)


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
    forget_graphs(folder)
    (folder / WEIGHTS).write_bytes(data)
    (folder / SETTINGS).write_text(json.dumps(values, indent=2) + "\n")
    return values
