"""The measures of a film in words: their names, their values, and what stands out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.explain.base.lung_measures import Link, LungMeasures
from models.metrics import Estimate
from pages.ui import labels
from pages.ui.i18n import _


@dataclass(frozen=True, slots=True)
class Words:
    """A measure's name, its value as text, and sentences for either end of the training films.

    The sentences hold ``{percent}``: of the training films on the other side.
    """

    label: str
    value: Callable[[float], str]
    high: str
    low: str


def groups() -> dict[str, tuple[str, ...]]:
    """Titles and the measures below them, in order of display."""
    sides = ("right", "left")
    zones = tuple(f"opacity_{s}_{p}" for p in ("upper", "middle", "lower") for s in sides)
    return {
        _("How white the lungs are (100 %: as white as what lies between them)"): (
            "opacity",
            "asymmetry",
            *zones,
        ),
        _("How large the lungs are, how the patient stands"): (
            "lung_share",
            "lung_shape",
            "rotation",
            "tilt",
        ),
        _("How the image was taken"): ("brightness", "contrast", "clipped", "sharpness"),
    }


def measure_words() -> dict[str, Words]:
    """Words for every measure."""
    zones = {
        "opacity_right_upper": _("Right upper zone"),
        "opacity_right_middle": _("Right middle zone"),
        "opacity_right_lower": _("Right lower zone"),
        "opacity_left_upper": _("Left upper zone"),
        "opacity_left_middle": _("Left middle zone"),
        "opacity_left_lower": _("Left lower zone"),
        "opacity": _("Both lungs"),
    }
    whiter = _("{zone}: whiter than in {percent} % of the training images.")
    darker = _("{zone}: darker than in {percent} % of the training images.")
    opacities = {
        name: Words(zone, _percent, _fill_zone(whiter, zone), _fill_zone(darker, zone))
        for name, zone in zones.items()
    }
    return {**opacities, **_geometry(), **_technique()}


def _fill_zone(template: str, zone: str) -> str:
    return template.replace("{zone}", zone)


def _geometry() -> dict[str, Words]:
    return {
        "asymmetry": Words(
            _("Left lung whiter than the right"),
            _points,
            _("The left lung is the whiter one, more than in {percent} % of the training images."),
            _("The right lung is the whiter one, more than in {percent} % of the training images."),
        ),
        "lung_share": Words(
            _("Lungs' share of the image"),
            _percent,
            _("The lungs fill more of the image than in {percent} % of the training images."),
            _("The lungs fill less of the image than in {percent} % of the training images."),
        ),
        "lung_shape": Words(
            _("Height of the lungs by their width"),
            _ratio,
            _("The lungs are taller for their width than in {percent} % of the training images."),
            _("The lungs are flatter for their width than in {percent} % of the training images."),
        ),
        "rotation": Words(
            _("Left lung larger than the right (turned patient)"),
            _points,
            _("The left lung is the larger one, more than in {percent} % of the training images."),
            _("The right lung is the larger one, more than in {percent} % of the training images."),
        ),
        "tilt": Words(
            _("Lean of the chest (to the image's left)"),
            _degrees,
            _(
                "The chest leans left on the image, more than in {percent} % of the training "
                "images."
            ),
            _(
                "The chest leans right on the image, more than in {percent} % of the training "
                "images."
            ),
        ),
    }


def _technique() -> dict[str, Words]:
    return {
        "brightness": Words(
            _("Brightness (exposure)"),
            _percent,
            _("The image is brighter than {percent} % of the training images."),
            _("The image is darker than {percent} % of the training images."),
        ),
        "contrast": Words(
            _("Contrast of the lungs with what lies between them"),
            _points,
            _("The image has more contrast than {percent} % of the training images."),
            _("The image has less contrast than {percent} % of the training images."),
        ),
        "clipped": Words(
            _("Pure black or white (clipped)"),
            _permille,
            _(
                "More of the image is pure black or white than in {percent} % of the training "
                "images."
            ),
            _(
                "Less of the image is pure black or white than in {percent} % of the training "
                "images."
            ),
        ),
        "sharpness": Words(
            _("Fine detail in the lungs (sharpness, noise)"),
            _ratio,
            _("The lungs show more fine detail than in {percent} % of the training images."),
            _("The lungs show less fine detail than in {percent} % of the training images."),
        ),
    }


def remark(reading: LungMeasures) -> str:
    """Say what stands out about a measure, and whether the network's score goes with it."""
    words = measure_words()[reading.name]
    high = reading.percentile > 50
    beyond = reading.percentile if high else 100 - reading.percentile
    percent = min(99, int(beyond))
    sentence = (words.high if high else words.low).replace("{percent}", str(percent))
    return f"{sentence} {describe_link(reading.link, high=high)}" if reading.link else sentence


def describe_link(link: Link, *, high: bool) -> str:
    """Say how films at this end of a measure are scored, and whether the label explains it."""
    higher = (link.within.value > 0) == high
    if excludes_zero(link.within):
        template = (
            _("Such images score higher, even among images with the same diagnosis (r = {within}).")
            if higher
            else _(
                "Such images score lower, even among images with the same diagnosis (r = {within})."
            )
        )
        return template.format(within=figure(link.within))
    if not excludes_zero(link.score):
        template = _("The AI's score does not go with this (r = {score}).")
        return template.format(score=figure(link.score))
    template = (
        _(
            "Such images score higher (r = {score}), but not among images with the same "
            "diagnosis ({within})."
        )
        if (link.score.value > 0) == high
        else _(
            "Such images score lower (r = {score}), but not among images with the same "
            "diagnosis ({within})."
        )
    )
    return template.format(score=figure(link.score), within=figure(link.within))


def excludes_zero(estimate: Estimate) -> bool:
    """True when zero lies outside the interval."""
    return estimate.low > 0 or estimate.high < 0


def figure(estimate: Estimate) -> str:
    """A correlation with its interval: "+0.41 [+0.33, +0.48]"."""
    return _("{value} [{low}, {high}]").format(
        value=_format_signed(estimate.value),
        low=_format_signed(estimate.low),
        high=_format_signed(estimate.high),
    )


def value(name: str, number: float) -> str:
    """A measure's value as text."""
    return measure_words()[name].value(number)


def cell(share: float) -> str:
    """A share in a table, whose cells are Markdown: ">99%" would be a quotation there."""
    return labels.percent(share).replace(">", "\\>")


def _format_signed(number: float) -> str:
    return f"{round(number, 2) + 0.0:+.2f}".replace("-", "\u2212")


def _percent(number: float) -> str:
    return _("{percent} %").format(percent=f"{100 * number:.0f}")


def _permille(number: float) -> str:
    return _("{percent} %").format(percent=f"{100 * number:.1f}")


def _points(number: float) -> str:
    return _("{points} points").format(points=f"{100 * number:+.0f}".replace("-", "\u2212"))


def _ratio(number: float) -> str:
    return f"{number:.2f}"


def _degrees(number: float) -> str:
    return f"{number:+.1f}\u00b0".replace("-", "\u2212")
