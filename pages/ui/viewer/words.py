"""Every word the viewer shows, in the reader's language."""

from __future__ import annotations

from imaging.entities import RESEARCH_USE
from pages.ui.i18n import _


def words() -> dict[str, str]:
    """The viewer's words by name."""
    return {"research": _(RESEARCH_USE)}
