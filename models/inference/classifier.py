"""The serving network: luminance in, calibrated probabilities, findings and an answer out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imaging.errors import CheckpointError
from models.checkpoint.card import ModelCard
from models.data.framing import Framing
from models.inference.answers import DEFAULT_ERROR_RATE, Answers, Prediction
from models.network.checkpoint import load_checkpoint
from models.network.ensemble import Ensemble
from models.network.gate import Gate
from models.network.localiser import load_localiser
from models.network.lung_fill import LungFill, load_lung_fill
from models.network.network import fold_norms
from models.network.preprocess import preprocess
from models.rules.crop_box import CropBox


class Classifier:
    """An ensemble and its card, read-only after loading; safe to share between threads."""

    def __init__(
        self,
        network: Ensemble,
        card: ModelCard,
        *,
        error_rate: float = DEFAULT_ERROR_RATE,
        gate: Gate | None = None,
        framing: Framing | None = None,
        lung_fill: LungFill | None = None,
    ) -> None:
        self._trained = network.eval()
        self._network = Ensemble([fold_norms(n) for n in network.networks]).eval()
        self.card = card
        self.gate = gate
        self.lung_fill = lung_fill
        self.framing = framing or Framing()
        self.answers_of = Answers(card, error_rate=error_rate)
        self.rule = self.answers_of.rule

    @classmethod
    def load(cls, folder: Path, *, error_rate: float = DEFAULT_ERROR_RATE) -> Classifier:
        """Load a checkpoint folder.

        Raises
        ------
        CheckpointError
            If the folder holds no usable checkpoint.
        SettingsError
            If the card has no thresholds for `error_rate`.
        """
        network, card = load_checkpoint(folder)
        return cls(
            network,
            card,
            error_rate=error_rate,
            gate=_load_gate(folder, card),
            framing=_load_framing(folder, card),
            lung_fill=load_lung_fill(folder, card.fill_sha256) if card.fill_sha256 else None,
        )

    def predict(self, luminance: NDArray[np.float32], *, view: CropBox | None = None) -> Prediction:
        """Classify one picture.

        Parameters
        ----------
        luminance : numpy.ndarray
            (rows, columns), any linear scale, larger is brighter. Finite.
        view : CropBox, optional
            The part to look at, where it is known; else the localiser finds it.
        """
        return self.predict_batch([luminance], views=[view])[0]

    def predict_batch(
        self,
        luminances: Sequence[NDArray[np.float32]],
        *,
        views: Sequence[CropBox | None] | None = None,
    ) -> tuple[Prediction, ...]:
        """Classify several pictures, each (rows, columns) of its own size."""
        x = torch.cat(
            [
                self.input_of(values, view)
                for values, view in zip(luminances, views or [None] * len(luminances), strict=True)
            ]
        )
        return self.predict_inputs(x)

    def predict_inputs(self, x: Tensor) -> tuple[Prediction, ...]:
        """Answers to inputs that `input_of` or `preprocess` made: (batch, 1, size, size)."""
        return self.answers(self.logits(x))

    def answers(self, logits: Tensor) -> tuple[Prediction, ...]:
        """Answers from every member's logits: (members, batch, classes)."""
        return self.answers_of.to(logits.double().numpy())

    def logits(self, x: Tensor) -> Tensor:
        """Every member's logits for inputs (batch, 1, size, size): (members, batch, classes)."""
        with torch.inference_mode():
            return self._network(x)

    def embed(self, x: Tensor) -> Tensor:
        """Every member's pooled features of inputs: (members, batch, channels)."""
        with torch.inference_mode():
            return torch.stack([network.embed(x) for network in self._network.networks])

    def input_of(self, luminance: NDArray[np.float32], view: CropBox | None = None) -> Tensor:
        """The networks' input of a picture: (1, 1, size, size), float32."""
        part = (view or self.framing.view(luminance)).pixels(luminance.shape)
        return preprocess(luminance[part], size=self.card.size)

    def regions(self, luminance: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Where the region (the lungs) lies, by the localiser or else by the networks themselves.

        Returns
        -------
        numpy.ndarray or None
            (rows', columns'), float32 in [0, 1], coarser than the input, over the whole
            squashed film; None when the model has neither.
        """
        if self.framing.localiser:
            return self.framing.localiser.maps(luminance)[0]
        with torch.inference_mode():
            maps = self._network.regions(preprocess(luminance, size=self.card.size))
        return None if maps is None else maps[0, 0].numpy()

    @property
    def trained(self) -> Ensemble:
        """The ensemble as it was trained, its norms not folded."""
        return self._trained

    def private_network(self) -> Ensemble:
        """A copy of the ensemble that its owner may hook; the shared one never is."""
        copy = Ensemble.of(self.card.network, self.card.members)
        copy.load_state_dict(self._trained.state_dict())
        return copy.eval()


def _load_gate(folder: Path, card: ModelCard) -> Gate | None:
    """Load the gate the card names; a model that has one never runs without it."""
    if not card.gate_sha256:
        return None
    gate = Gate.load(folder)
    if gate.settings["weights_sha256"] != card.gate_sha256:
        raise CheckpointError(
            f"The scope gate of the model '{folder.name}' is not the one its card names; "
            "reinstall the model."
        )
    return gate


def _load_framing(folder: Path, card: ModelCard) -> Framing:
    """Load the localiser the card names; a model that has one never sees a film unframed."""
    if not card.localiser_sha256:
        return Framing(None, card.framing)
    network, values = load_localiser(folder)
    if values["weights_sha256"] != card.localiser_sha256:
        raise CheckpointError(
            f"The localiser of the model '{folder.name}' is not the one its card names; "
            "reinstall the model."
        )
    return Framing(network, card.framing)
