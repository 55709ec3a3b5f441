"""Copies: films without their patient, by number."""

from __future__ import annotations

from pages.ui.frame import insist_on_router
from pages.ui.messages import show_notice
from pages.ui.review import release

insist_on_router()
show_notice()
release.render_studies()
