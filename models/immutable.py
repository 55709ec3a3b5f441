"""Plain values from TOML and JSON, as frozen settings want them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lists_to_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same table with its lists as tuples: TOML and JSON know lists only."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
