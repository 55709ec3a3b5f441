"""The networks of a checkpoint by torch: the reference, and what serves where no graphs are."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.inference.classifier import Classifier
from models.network.gate import describe

ENGINE = "torch fp32"


class TorchNetworks:
    """As `models.inference.onnx_networks.OnnxNetworks`, eagerly by torch.

    Parameters
    ----------
    classifier : Classifier
    """

    engine = ENGINE

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def members(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Every member's logits of inputs (batch, 1, size, size): (members, batch, classes)."""
        return self._classifier.logits(torch.from_numpy(x)).numpy()

    def gate(self, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The gate's logits (batch, classes) and distances (batch,)."""
        gate = self._classifier.gate
        if gate is None:
            raise ValueError("this checkpoint has no gate")
        with torch.inference_mode():
            logits, features = describe(gate.network, torch.from_numpy(x))
            distance = gate.distance(features)
        return logits.numpy(), distance.astype(np.float32)

    def region(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of the region: (batch, rows', columns'), in [0, 1]."""
        localiser = self._classifier.framing.localiser
        if localiser is None:
            raise ValueError("this checkpoint has no localiser")
        with torch.inference_mode():
            return localiser(torch.from_numpy(x)).sigmoid().numpy()
