"""A `Derivation` as plain JSON values and back: in the store, and inside the film's own file."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from imaging.entities import Corners, Derivation
from imaging.text import clean

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST = 65535.0  # pixels of a side
_LONGEST = 64  # characters of a name
_FALSE = "this is no record of how a film was made out of a photograph"


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
        return Derivation(
            study_instance_uid=_matching(_UID, values["study_instance_uid"]),
            source_sop_instance_uid=_matching(_UID, values["source_sop_instance_uid"]),
            source_sha256=_matching(_SHA256, values["source_sha256"]),
            corners=_corners(values["corners"]),
            quarter_turns=turns,
            mirrored=mirrored,
            account=_name(values["account"]),
            reader=_name(values["reader"]),
            created_at=created_at,
        )
    except (KeyError, TypeError) as exc:
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


def _name(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError(_FALSE)
    return clean(text, _LONGEST)
