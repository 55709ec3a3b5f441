"""Audit trail: whether it is whole, and its lines, which name patients by their studies alone."""

from __future__ import annotations

from pages.ui.audit import trail_lines, trail_state
from pages.ui.frame import insist_on_router

insist_on_router()
trail_state.render_trail()
trail_lines.render_lines()
