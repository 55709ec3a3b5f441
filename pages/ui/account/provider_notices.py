"""What the Account page says of a sign-in provider, and of who went past it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from imaging.review.rights import Right
from pages.ui import labels, resources
from pages.ui.deeds import only
from pages.ui.escape import plain
from pages.ui.i18n import _

_SHOWN = timedelta(days=30)
_MOST = 10


def render_of_provider() -> None:
    """Say where a reader who signs in by the provider changes password and second factor."""
    provider = resources.provider()
    words = _("You sign in at {provider}; password and second factor are changed there.")
    st.caption(words.format(provider=plain(provider.name) if provider else "-"))


@only(Right.ACCOUNTS)
def render_break_glass() -> None:
    """Warn who manages accounts of local sign-ins beside the provider."""
    if resources.provider() is None:
        return
    since = datetime.now(UTC) - _SHOWN
    found = resources.repository().accounts.break_glass_since(since)
    if not found:
        return
    lines = [f"- {plain(name)}, {labels.moment(at)}" for name, at in found[-_MOST:]]
    words = _("Local accounts signed in beside the sign-in provider (last 30 days: {count}):")
    st.warning("\n".join([words.format(count=len(found)), "", *lines]))
