"""What the browser reports, checked before anything believes it."""

from __future__ import annotations

from typing import Any

from pages.ui.viewer.scene import Reading, Scene


def read_report(report: Any, scene: Scene) -> Reading | None:
    """A report as a `Reading`."""
    return None
