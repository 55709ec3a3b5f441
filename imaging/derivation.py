"""A `Derivation` as plain JSON values and back: in the store, and inside the film's own file."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from imaging.entities import Box, Corners, Derivation, DerivationKind
from imaging.text import clean

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST = 65535.0  # pixels of a side
_LONGEST = 64  # characters of a name
_SIDES = ("R", "L", "")
_FALSE = "this is no record of how a film was made out of another"


def derivation_to_json(derivation: Derivation) -> dict[str, Any]:
    """Plain values, by their names."""
    return {
        "study_instance_uid": derivation.study_instance_uid,
        "source_sop_instance_uid": derivation.source_sop_instance_uid,
        "source_sha256": derivation.source_sha256,
        "corners": [list(corner) for corner in derivation.corners],
        "quarter_turns": derivation.quarter_turns,
        "mirrored": derivation.mirrored,
        "account": derivation.account,
        "reader": derivation.reader,
        "created_at": derivation.created_at.isoformat(),
        "kind": derivation.kind.value,
        "side": derivation.side,
    }


def derivation_from_json(values: Any) -> Derivation:
    """Inverse of `derivation_to_json`.

    Raises
    ------
    ValueError
        If these are no such values: a file that is handed in may hold anything.
    """
    try:
        turns, mirrored = values["quarter_turns"], values["mirrored"]
        if type(turns) is not int or not 0 <= turns < 4 or type(mirrored) is not bool:
            raise ValueError(_FALSE)
        created_at = datetime.fromisoformat(values["created_at"])
        if created_at.tzinfo is None:
            raise ValueError(_FALSE)
        # records from before there were regions name no kind
        kind, side = DerivationKind(values.get("kind", "photograph")), values.get("side", "")
        corners = _corners(values["corners"])
        if side not in _SIDES or (kind is DerivationKind.REGION and not _is_box(corners)):
            raise ValueError(_FALSE)
        return Derivation(
            study_instance_uid=_matching(_UID, values["study_instance_uid"]),
            source_sop_instance_uid=_matching(_UID, values["source_sop_instance_uid"]),
            source_sha256=_matching(_SHA256, values["source_sha256"]),
            corners=corners,
            quarter_turns=turns,
            mirrored=mirrored,
            account=_name(values["account"]),
            reader=_name(values["reader"]),
            created_at=created_at,
            kind=kind,
            side=side,
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(_FALSE) from exc


def _matching(pattern: re.Pattern[str], text: Any) -> str:
    if not isinstance(text, str) or len(text) > 64 or pattern.fullmatch(text) is None:
        raise ValueError(_FALSE)
    return text


def _corners(values: Any) -> Corners:
    points = tuple((float(column), float(row)) for column, row in values)
    if len(points) != 4:
        raise ValueError(_FALSE)
    if not all(math.isfinite(n) and 0 <= n <= _LARGEST for point in points for n in point):
        raise ValueError(_FALSE)
    return points


def box_corners(box: Box) -> Corners:
    """The corners of an upright box, as `Derivation.corners` has them."""
    left, top, right, bottom = map(float, box)
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _is_box(corners: Corners) -> bool:
    """True for whole numbers that make an upright box with something in it."""
    if not all(number.is_integer() for point in corners for number in point):
        return False
    (left, top), _, (right, bottom), _ = corners
    box = int(left), int(top), int(right), int(bottom)
    return left < right and top < bottom and corners == box_corners(box)


def _name(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError(_FALSE)
    return clean(text, _LONGEST)
