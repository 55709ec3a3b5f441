"""How much of the body a picture shows, for networks that learned from regions cut out by hand.

Such a network (`Scope.region_mm`) saw one part in a nearly square box. A whole film answered as one
part is answered wrongly, so it is asked for a region instead; and a region far from what the
network saw is asked for again.
"""

from __future__ import annotations

from imaging.entities import Instance
from imaging.regions import shows_both
from models.checkpoint.card import Scope

SEVERAL = (
    "This image shows more than one joint's region: mark the joint under \u201cAsk about this "
    "region\u201d."
)
LONG = (
    "This region is much longer than wide; the AI reads nearly square ones. Mark the joint again, "
    "in the middle of a nearly square box."
)
LONGISH = "This region is longer than wide; the AI learned from nearly square ones."
_LONG, _LONGISH = 1.6, 1.25  # longer side over shorter
_FAR, _NEAR = 1.4, 1.1  # by how much a side may leave the range that was seen

Reason = tuple[str, str]  # (refusal, warning); at most one is not empty


def check_region(instance: Instance, scope: Scope) -> Reason:
    """Whether a picture shows as much as those that a network learned from.

    Parameters
    ----------
    instance : Instance
    scope : Scope
        Nothing is asked of a picture where `region_mm` is empty.

    Returns
    -------
    tuple of str
        Refusal and warning. Lengths are millimetres of the header's spacing, as they are measured
        on the film (PS3.3 10.7.1.1); without a spacing the shape of the box alone can be judged.
    """
    if len(scope.region_mm) != 2:
        return "", ""
    low, high = scope.region_mm
    marked = instance.derivation is not None
    height, width = _sides(instance)
    shortest, longest = sorted((height, width))
    measured = instance.geometry.pixel_spacing is not None
    largest = scope.largest_mm or high * _FAR
    if not marked and (shows_both(instance.acquisition) or (measured and longest > largest)):
        return SEVERAL, ""
    if longest > _LONG * shortest:
        return (LONG if marked else SEVERAL), ""
    if measured and (longest > largest or shortest < low / _FAR):
        return f"{_words(height, width, low, high)} {_AGAIN[longest > largest]}", ""
    if longest > _LONGISH * shortest:
        return "", LONGISH
    if measured and (longest > high * _NEAR or shortest < low / _NEAR):
        return "", _words(height, width, low, high)
    return "", ""


_AGAIN = {  # too large or too small -> the next step
    True: "Mark a smaller box around the joint under \u201cAsk about this region\u201d.",
    False: "Mark a larger box around the joint under \u201cAsk about this region\u201d.",
}


def _words(height: float, width: float, low: float, high: float) -> str:
    return (
        f"This image is {width / 10:.0f} x {height / 10:.0f} cm; the AI learned from regions of "
        f"{low / 10:.0f} to {high / 10:.0f} cm."
    )


def _sides(instance: Instance) -> tuple[float, float]:
    """Height and width in mm; in pixels without a spacing."""
    geometry = instance.geometry
    down, across = geometry.pixel_spacing or (1.0, 1.0)
    return geometry.rows * down, geometry.columns * across
