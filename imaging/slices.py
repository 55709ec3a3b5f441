"""The order in which slices are gone through: along the normal of their plane, stack by stack.

Pure geometry over places in the patient (PS3.3 C.7.6.2.1.1); frames of one object and objects of
one series are ordered by the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from imaging.entities import Instance

Vector = tuple[float, float, float]
Cosines = tuple[float, float, float, float, float, float]
_PARALLEL = 0.02  # difference of direction cosines: about a degree
_STEP = 0.005  # mm within which slices lie at the same place: their positions have noise


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slice lies, and what tells slices at one place apart.

    ``position`` is the centre of its first pixel in mm, ``orientation`` the cosines of its rows
    and columns; None where the file does not say. ``rank`` decides between slices at the same
    place and among those without one; ``stack`` keeps apart what the file calls another stack.
    """

    position: Vector | None
    orientation: Cosines | None
    rank: tuple[float | str, ...] = ()
    stack: str = ""


def in_order(places: Sequence[Place]) -> tuple[int, ...]:
    """Indices of slices in the order to show them.

    Slices of one orientation form a stack, which is ordered by position along its normal, then by
    rank, then as given. Stacks stay apart, in the order of their lowest rank; slices without a
    place form one of their own.
    """
    stacks: list[tuple[Cosines | None, str, list[int]]] = []
    for index, place in enumerate(places):
        cosines = place.orientation if _usable(place) else None
        for known, name, members in stacks:
            if name == place.stack and _parallel(known, cosines):
                members.append(index)
                break
        else:
            stacks.append((cosines, place.stack, [index]))
    sorted_stacks = [_in_stack(places, members, cosines) for cosines, _, members in stacks]
    sorted_stacks.sort(key=lambda members: min((places[at].rank, at) for at in members))
    return tuple(at for members in sorted_stacks for at in members)


def _in_stack(places: Sequence[Place], members: list[int], cosines: Cosines | None) -> list[int]:
    """The slices of a stack by depth; those at one place by rank, then as given."""
    depths = {at: _depth(places[at], cosines) for at in members}
    level: dict[int, float] = {}
    first = -inf
    for at in sorted(members, key=depths.__getitem__):
        if depths[at] - first > _STEP:
            first = depths[at]
        level[at] = first
    return sorted(members, key=lambda at: (level[at], places[at].rank, at))


def instances_in_order(instances: Sequence[Instance]) -> list[Instance]:
    """Pictures of one series, as given in the order of arrival: by place, number, time, arrival."""
    places = [
        Place(
            instance.geometry.image_position,
            instance.geometry.image_orientation,
            _rank(instance),
        )
        for instance in instances
    ]
    return [instances[at] for at in in_order(places)]


def _rank(instance: Instance) -> tuple[float | str, ...]:
    """InstanceNumber, then the moment of acquisition; what does not say comes last."""
    taken = instance.acquisition
    number = inf if taken.instance_number is None else float(taken.instance_number)
    return number, taken.acquired_at or "~"


def _usable(place: Place) -> bool:
    """True for a place with a plane: finite numbers, and rows that are not along the columns."""
    if place.position is None or place.orientation is None:
        return False
    if not all(map(isfinite, (*place.position, *place.orientation))):
        return False
    return float(np.linalg.norm(_normal(place.orientation))) > 0.5


def _normal(cosines: Cosines) -> np.ndarray:
    return np.cross(cosines[:3], cosines[3:])


def _parallel(one: Cosines | None, other: Cosines | None) -> bool:
    if one is None or other is None:
        return one is other
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= _PARALLEL


def _depth(place: Place, cosines: Cosines | None) -> float:
    """Millimetres along the normal of the stack."""
    if cosines is None or place.position is None:
        return 0.0
    return float(_normal(cosines) @ np.array(place.position))
