"""The serving network: luminance in, calibrated probabilities and findings out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from imaging.entities import Finding
from models.calibration import calibrated
from models.card import ModelCard
from models.checkpoint import load_checkpoint
from models.findings import finding_probabilities
from models.network import MultiScaleResNet
from models.preprocess import preprocess


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the network said about one picture.

    Attributes
    ----------
    logits : numpy.ndarray
        (classes,), float64, before calibration.
    probabilities : numpy.ndarray
        (classes,), float64, calibrated; they sum to one.
    findings : tuple of Finding
        In the card's order, each with its operating point.
    """

    logits: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    findings: tuple[Finding, ...]


class Classifier:
    """A network and its card, read-only after loading; safe to share between threads."""

    def __init__(self, network: MultiScaleResNet, card: ModelCard) -> None:
        self._network = network.eval()
        self.card = card

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Load a checkpoint folder; raises `CheckpointError`."""
        return cls(*load_checkpoint(folder))

    def predict(self, luminance: NDArray[np.float32]) -> Prediction:
        """Classify one picture.

        Parameters
        ----------
        luminance : numpy.ndarray
            (rows, columns), any linear scale, larger is brighter. Finite.
        """
        with torch.inference_mode():
            logits = self._network(preprocess(luminance, size=self.card.size))
        values = logits[0].double().numpy()
        probabilities = calibrated(values, self.card.temperature, self.card.bias)
        return Prediction(values, probabilities, self._findings(probabilities))

    def _findings(self, probabilities: NDArray[np.float64]) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                code=spec.code,
                label=spec.label,
                probability=float(finding_probabilities(probabilities, self.card.classes, spec)),
                operating_point=spec.operating_point,
                exploratory=spec.exploratory,
            )
            for spec in self.card.findings
        )

    def private_network(self) -> MultiScaleResNet:
        """A copy of the network that its owner may hook; the shared one never is."""
        copy = MultiScaleResNet(self.card.network)
        copy.load_state_dict(self._network.state_dict())
        return copy.eval()
