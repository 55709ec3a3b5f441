"""One figure with its interval, and how every page writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; the bounds are None where none was computed."""

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, stored: Any) -> Figure:
        """From ``{"value", "low", "high"}`` or a bare number."""
        if isinstance(stored, Mapping):
            bounds = (stored.get("low"), stored.get("high"))
            return cls(float(stored["value"]), *(None if b is None else float(b) for b in bounds))
        return cls(float(stored))

    @property
    def text(self) -> str:
        """The value with three decimals; a dash where it is undefined."""
        return format_figure(self.value)

    @property
    def interval(self) -> str:
        """The bounds with three decimals; empty without bounds."""
        if self.low is None or self.high is None:
            return ""
        return f"{format_figure(self.low)} \u2013 {format_figure(self.high)}"

    @property
    def whole(self) -> str:
        """Value and interval in one cell."""
        return f"{self.text} ({self.interval})" if self.interval else self.text


Figures = Mapping[str, Figure]


def format_figure(value: float) -> str:
    """Three decimals, as every page writes a figure; a dash where it is undefined."""
    return "\u2013" if math.isnan(value) else f"{value:.3f}"
