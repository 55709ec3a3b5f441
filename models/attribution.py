"""Why the network said it: attributions by Captum, signed, on a grid over the whole film.

The networks see the framed part of a film, squashed to a square; the attribution of that square is
put back where it was cut out, so that a map stretched to the film's rows and columns lies exactly
over it. What was not looked at has no attribution: zero.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam, Occlusion
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from imaging.entities import ModelIdentity
from models.card import ModelCard
from models.classifier import Classifier
from models.localiser import WHOLE, Box
from models.network import MultiScaleResNet
from models.panel import Panel


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """One explanation of one answer.

    Attributes
    ----------
    values : numpy.ndarray
        (rows, columns), float32, about as fine as the networks' input, over the whole squashed
        film. Signed: positive speaks for the target, negative against it, in units of the target's
        log-odds (per pixel or per window, by method). Zero outside `view`.
    view : Box
        The part of the film the networks looked at.
    target : str
        Finding code or class name that is explained.
    method : str
        Key of `METHODS`.
    model : ModelIdentity
        Which network was asked.
    """

    values: NDArray[np.float32]
    target: str
    method: str
    model: ModelIdentity
    view: Box = WHOLE


class TargetLogOdds(nn.Module):
    """The network with one output per target: log-odds of its classes against all others.

    Explaining log-odds rather than a single logit makes the explanation of "pneumonia"
    independent of how its member classes share the probability.
    """

    def __init__(self, network: MultiScaleResNet, members: list[list[int]]) -> None:
        super().__init__()
        self.network = network
        self.members = members
        classes = range(network.settings.classes)
        self.others = [[c for c in classes if c not in m] for m in members]

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) to log-odds (batch, targets)."""
        logits = self.network(x)
        return torch.stack(
            [
                logits[:, inside].logsumexp(1) - logits[:, outside].logsumexp(1)
                for inside, outside in zip(self.members, self.others, strict=True)
            ],
            dim=1,
        )


@dataclass(frozen=True, slots=True)
class Method:
    """An attribution method: its name on screen, what a reader should know, and its function.

    ``function`` maps (model, input (1, 1, size, size), target index) to (1, 1, rows, columns).
    """

    label: str
    meaning: str
    function: Callable[[TargetLogOdds, Tensor, int], Tensor]


def _grad_cam(model: TargetLogOdds, x: Tensor, target: int) -> Tensor:
    """Selvaraju et al. 2017, without the final ReLU: evidence against stays visible."""
    method = LayerGradCam(model, model.network.attribution_layer)
    coarse = method.attribute(x, target=target, relu_attributions=False)
    return LayerAttribution.interpolate(coarse, tuple(x.shape[-2:]), "bilinear")


def _integrated_gradients(model: TargetLogOdds, x: Tensor, target: int) -> Tensor:
    """Sundararajan et al., ICML 2017. Baseline: the featureless grey a blank film maps to."""
    method = IntegratedGradients(model)
    return method.attribute(
        x, torch.zeros_like(x), target=target, n_steps=24, internal_batch_size=8
    )


def _occlusion(model: TargetLogOdds, x: Tensor, target: int) -> Tensor:
    """Zeiler & Fergus, ECCV 2014: how far the log-odds fall when a window is greyed out."""
    window, stride = x.shape[-1] // 5, x.shape[-1] // 10
    return Occlusion(model).attribute(
        x,
        sliding_window_shapes=(1, window, window),
        strides=(1, stride, stride),
        target=target,
        baselines=0,
        perturbations_per_eval=9,
    )


METHODS: dict[str, Method] = {
    "grad_cam": Method(
        "Grad-CAM", "Regions whose features raise (or lower) the answer; coarse.", _grad_cam
    ),
    "integrated_gradients": Method(
        "Integrated Gradients",
        "Pixels that move the answer away from a featureless film; fine and noisy.",
        _integrated_gradients,
    ),
    "occlusion": Method(
        "Occlusion", "How far the answer falls when a window of the film is greyed out.", _occlusion
    ),
}


class Explainer:
    """Explains one classifier's answers, on a private copy of its networks, one at a time.

    The attribution of an ensemble is the mean of its members'.

    Captum's layer methods hang hooks on the network they explain. The copy keeps them off the
    shared one, the lock keeps two explanations from meeting each other's hooks.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.card = classifier.card
        self._classifier = classifier
        self._members = target_members(classifier.card)
        targets = list(self._members.values())
        self._models = [
            TargetLogOdds(network, targets) for network in classifier.private_network().networks
        ]
        self._lock = threading.Lock()

    @property
    def targets(self) -> tuple[str, ...]:
        """Finding codes, then class names, that can be explained."""
        return tuple(self._members)

    def attribute(
        self, luminance: NDArray[np.float32], target: str, method: str = "grad_cam"
    ) -> Attribution:
        """Explain one answer.

        Parameters
        ----------
        luminance : numpy.ndarray
            (rows, columns), as given to `Classifier.predict`.
        target : str
            One of `targets`.
        method : str
            Key of `METHODS`.

        Raises
        ------
        ValueError
            If target or method is unknown.
        """
        if target not in self._members or method not in METHODS:
            raise ValueError(f"unknown target or method: {target}, {method}")
        view = self._classifier.framing.view(luminance)
        x = self._classifier.input_of(luminance, view)
        index = self.targets.index(target)
        with self._lock:
            values = torch.stack(
                [METHODS[method].function(model, x, index).detach() for model in self._models]
            ).mean(0)
        grid = on_film(values[0, 0].to(torch.float32), view)
        return Attribution(grid, target, method, self.card.identity, view)


def on_film(values: Tensor, view: Box) -> NDArray[np.float32]:
    """Put a map of the view back into the film's frame.

    Parameters
    ----------
    values : Tensor
        (size, size), float32, over the view.
    view : Box

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


class Explainers:
    """One explainer per installed model, made when it is first asked for."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._made: dict[str, Explainer] = {}
        self._lock = threading.Lock()

    def of(self, name: str) -> Explainer:
        """The explainer of the model of that name, or of the first model."""
        classifier = self._panel.named(name)
        with self._lock:
            if classifier.card.name not in self._made:
                self._made[classifier.card.name] = Explainer(classifier)
            return self._made[classifier.card.name]


def target_members(card: ModelCard) -> dict[str, list[int]]:
    """Class indices behind every finding code and class name, in display order."""
    members = {f.code: [card.classes.index(m) for m in f.members] for f in card.findings}
    for index, name in enumerate(card.classes):
        members.setdefault(name, [index])
    return members
