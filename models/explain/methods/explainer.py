"""The entry point to explanations: attributions by Captum, signed, on a grid over the whole film.

The networks see the framed part of a film, squashed to a square; the attribution of that square is
put back where it was cut out, so that a map stretched to the film's rows and columns lies exactly
over it. What was not looked at has no attribution: zero.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imaging.entities import Assessment, ModelIdentity
from models.checkpoint.card import ModelCard
from models.explain.base.baselines import blur
from models.explain.base.normal_lung import draw_lung, lung_hole
from models.explain.base.subject import Subject, look, on_film
from models.explain.base.targets import TargetLogOdds, Targets, log_odds
from models.explain.methods.registry import Method, methods_for
from models.inference.answers import Prediction
from models.inference.classifier import Classifier
from models.inference.classifier_registry import ClassifierRegistry
from models.network.network import fold_norms
from models.rules.crop_box import WHOLE, CropBox


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """The explanation of one answer.

    Attributes
    ----------
    values : numpy.ndarray
        (rows, columns), float32, about as fine as the networks' input, over the whole squashed
        film. Signed: positive speaks for the target, negative against it, in units of the target's
        log-odds (per pixel or per window, by method). Zero outside `view`.
    spread : numpy.ndarray
        Same shape, float32, not negative: standard deviation over the ensemble's members.
    inner : numpy.ndarray
        (size, size), float32: the same map over the networks' own input, before it was put back.
    view : CropBox
        The part of the film the networks looked at.
    target : str
        Finding code or class name that is explained, or two of them (see `Targets.sides`).
    method : str
        Key of `METHODS`.
    model : ModelIdentity
        The network that was asked.
    """

    values: NDArray[np.float32]
    spread: NDArray[np.float32]
    inner: NDArray[np.float32]
    target: str
    method: str
    model: ModelIdentity
    view: CropBox = WHOLE


class Explainer:
    """Explains one classifier's answers; safe to share between threads.

    The attribution of an ensemble is the mean of its members'. The networks are a copy of the
    classifier's folded ones that takes no gradient of its weights. No method hangs hooks on them,
    so that nobody has to wait for anybody else's explanation.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.card = classifier.card
        self.classifier = classifier
        self._targets = Targets(classifier.card)
        self._networks = [fold_norms(n) for n in classifier.private_network().networks]
        for network in self._networks:
            network.requires_grad_(False)
        self._methods = methods_for(evidence=bool(classifier.card.network.heads))
        self.lung_fill = classifier.lung_fill

    @property
    def methods(self) -> dict[str, Method]:
        """The methods that explain these networks, by their keys of `METHODS`."""
        return self._methods

    @property
    def default(self) -> str:
        """The method that is shown first."""
        return next(iter(self._methods))

    @property
    def targets(self) -> tuple[str, ...]:
        """Finding codes, then class names, that can be explained."""
        return self._targets.names

    def knows(self, target: str) -> bool:
        """True for one of `targets`, or two of them that can be weighed against each other."""
        try:
            self._targets.sides(target)
        except ValueError:
            return False
        return True

    def look(self, luminance: NDArray[np.float32], answer: Assessment | None = None) -> Subject:
        """Frame and squash one film.

        Parameters
        ----------
        luminance : numpy.ndarray
            (rows, columns), any linear scale, larger is brighter. Finite.
        answer : Assessment, optional
            What is to be explained: then the very part of the film is looked at that was judged.
            Without, where the record does not say (it is an older one), or where another network
            gave it, the part is found as for a new film.
        """
        subject = look(self.classifier, luminance, judged_view(self.card, answer))
        return replace(subject, studied=answer is None or answer.error_rate is not None)

    def attribute(
        self,
        subject: Subject,
        target: str,
        method: str = "",
        *,
        on_progress: Callable[[float], None] | None = None,
    ) -> Attribution:
        """Explain one answer.

        Parameters
        ----------
        subject : Subject
            From `look`.
        target : str
            One of `targets`, or two of them (see `Targets.sides`).
        method : str
            Key of `methods`; by default the first.
        on_progress : callable, optional
            Gets the share of the work done, in [0, 1], before every batch of forwards and at the
            end; what it raises stops the work there.

        Raises
        ------
        ValueError
            If target or method is unknown.
        """
        method = method or self.default
        if method not in self._methods:
            raise ValueError(f"unknown method: {method}")
        chosen = self._methods[method]
        steps = _Steps(chosen.forwards * len(self._networks), on_progress)
        models = self._bind_target(target, steps.take)
        maps = [chosen.function(model, subject).detach() for model in models]
        steps.end()
        return self._attribution(maps, subject, target, method)

    def _attribution(
        self, maps: Sequence[Tensor], subject: Subject, target: str, method: str
    ) -> Attribution:
        """From every member's map (1, 1, size, size)."""
        each = torch.cat(list(maps))[:, 0].to(torch.float32)
        mean = each.mean(0)
        spread = (each - mean).square().mean(0).sqrt()  # `std` takes ten times as long
        return Attribution(
            values=on_film(mean, subject.view),
            spread=on_film(spread, subject.view),
            inner=mean.numpy(),
            target=target,
            method=method,
            model=self.card.identity,
            view=subject.view,
        )

    @contextmanager
    def models(self, target: str) -> Iterator[list[TargetLogOdds]]:
        """The networks, asked about one target; they are shared, so hang no hooks on them.

        Raises
        ------
        ValueError
            If the target is unknown.
        """
        yield self._bind_target(target)

    def _bind_target(
        self, target: str, on_forward: Callable[[int], None] | None = None
    ) -> list[TargetLogOdds]:
        sides = self._targets.sides(target)
        return [TargetLogOdds(network, sides, on_forward) for network in self._networks]

    def log_odds(self, x: Tensor, target: str) -> NDArray[np.float32]:
        """Log-odds of the target for inputs (batch, 1, size, size): (members, batch), float32."""
        logits = self.classifier.logits(x)
        return log_odds(logits, self._targets.sides(target)).numpy()

    def without_lungs(self, subject: Subject) -> Tensor:
        """The film with normal lung in the place of its own, or blurred where no fill is installed.

        Returns
        -------
        Tensor
            (1, 1, size, size), float32.
        """
        if self.lung_fill is None:
            return blur(subject.x)
        return draw_lung(self.lung_fill, subject, subject.x, lung_hole(subject))

    def predict(self, x: Tensor) -> tuple[Prediction, ...]:
        """Calibrated answers to inputs (batch, 1, size, size), such as changed copies of one."""
        return self.classifier.predict_inputs(x)


def judged_view(card: ModelCard, answer: Assessment | None) -> CropBox | None:
    """The part of a film that a model looked at for an answer; None where that is not known."""
    if answer is None or answer.view is None or answer.model != card.identity:
        return None
    return CropBox(*answer.view)


class _Steps:
    """Counts inputs towards a total and reports the share."""

    def __init__(self, total: int, on_progress: Callable[[float], None] | None) -> None:
        self._total, self._on_progress, self._done = total, on_progress, 0

    def take(self, count: int) -> None:
        """Report what is done, then count those that come now."""
        self._report(self._done / self._total)
        self._done += count

    def end(self) -> None:
        """All is done, however many it took."""
        self._report(1.0)

    def _report(self, share: float) -> None:
        if self._on_progress is not None:
            self._on_progress(min(share, 1.0))


class Explainers:
    """One explainer per installed model, made when it is first asked for."""

    def __init__(self, panel: ClassifierRegistry) -> None:
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
