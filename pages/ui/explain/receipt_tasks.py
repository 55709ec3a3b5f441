"""The proof of the maps on the wall: begun with them, beside the page, dropped with their case."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from imaging.decoding import DistantImage
from models.explain.checks.receipt import Receipt, make_receipt
from models.explain.checks.verdict import Verdict, installed_rule
from models.explain.methods.explainer import Attribution
from models.explain.methods.registry import METHODS
from pages.ui import background, resources, session
from pages.ui.explain.overlay import PLACES, SPREAD, Choice


@dataclass(frozen=True, slots=True)
class Proof:
    """How far the proof of one map has come.

    Attributes
    ----------
    receipt : Receipt or None
        Once it is made.
    progress : float or None
        Share of the work done, in [0, 1]; None when nobody works at it.
    stopped : bool
        True when the reader stopped it.
    """

    receipt: Receipt | None = None
    progress: float | None = None
    stopped: bool = False

    @property
    def awaits_map(self) -> bool:
        """True while the map itself, by a slow method, is not there."""
        return self.receipt is None and self.progress is None and not self.stopped


def proof(image: DistantImage, choice: Choice, place: str = PLACES[0]) -> Proof:
    """The proof of a map; work at it begins where it is not known.

    Parameters
    ----------
    image : DistantImage
        The film whose first frame is explained.
    choice : Choice
        What is asked of which model; not `SPREAD`, which is no reason to be tested.
    place : str
        Of the map on the wall, one of `PLACES`; what was tested there before is dropped.

    Raises
    ------
    AssistantError
        If the installed rule cannot be read, or the work failed.
    """
    key = _key(image, choice)
    receipt = session.receipt(key)
    if receipt is not None:
        return Proof(receipt=receipt)
    task = background.current(slot(place), key) or _begin(image, choice, place, key)
    if task is None:
        return Proof()
    if task.result is not None:
        session.keep_receipt(key, task.result)
        return Proof(receipt=task.result)
    if task.stopped:
        return Proof(stopped=True)
    return Proof(progress=task.progress)


def known_verdict(image: DistantImage, choice: Choice) -> Verdict | None:
    """The verdict on a map, if its receipt was made in this session."""
    receipt = known_receipt(image, choice)
    return None if receipt is None else receipt.verdict


def known_receipt(image: DistantImage, choice: Choice) -> Receipt | None:
    """The receipt of a map, if it was made in this session."""
    return None if choice.method == SPREAD else session.receipt(_key(image, choice))


def slot(place: str = PLACES[0]) -> str:
    """Where the work for a place on the wall is kept."""
    return f"proof-{place}"


def drop(*, beside: set[str] | None = None) -> None:
    """Stop the work at maps that are no longer on the wall; `beside` names the places that are."""
    for place in PLACES:
        if place not in (beside or set()):
            background.forget(slot(place))


def _begin(
    image: DistantImage, choice: Choice, place: str, key: tuple[Hashable, ...]
) -> background.BackgroundTask[Receipt] | None:
    """Begin the work; None until there is a map."""
    background.forget(slot(place))
    attribution = _find_attribution(image, choice, key)
    if attribution is None:
        return None
    explainer = resources.explainers().of(choice.model)
    subject = session.subject(image.instance.identity.sha256, explainer, image, choice.answer)
    rule = installed_rule(explainer.card, resources.settings().weights)

    def work(report: background.OnProgress) -> Receipt:
        return make_receipt(explainer, subject, attribution, rule=rule, on_progress=report)

    return background.start(slot(place), key, work, low_priority=True)


def _find_attribution(
    image: DistantImage, choice: Choice, key: tuple[Hashable, ...]
) -> Attribution | None:
    """Find the map on the wall; a quick one is made when it is not kept."""
    attribution = session.known_attribution(key)
    if attribution is not None or METHODS[choice.method].slow:
        return attribution
    explainer = resources.explainers().of(choice.model)
    subject = session.subject(image.instance.identity.sha256, explainer, image, choice.answer)
    return session.attribution(
        key, lambda: explainer.attribute(subject, choice.target, choice.method)
    )


def _key(image: DistantImage, choice: Choice) -> tuple[Hashable, ...]:
    weights = resources.card(choice.model).weights_sha256
    return image.instance.identity.sha256, weights, choice.method, choice.target, choice.view
