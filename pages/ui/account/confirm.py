"""What is asked of a reader once more before a final signature, where the site wants it."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from pages.ui import autosave, resources, session
from pages.ui.account.route import BEGIN, SIGNATURE
from pages.ui.i18n import _
from pages.ui.wall.own_routes import place


def render_confirmation(study_instance_uid: str) -> None:
    """Fields for password and code, or the way to the provider of who signs in there."""
    accounts, me = resources.repository().accounts, session.account().name
    if not accounts.has_password(me):
        _render_way(confirmed=accounts.is_confirmed(session.token()))
        return
    st.text_input(
        _("Password, for a final signature"),
        type="password",
        autocomplete="current-password",
        key=session.field(study_instance_uid, autosave.PASSWORD),
    )
    if accounts.has_second_factor(me):
        st.text_input(
            _("Code of your second factor"),
            autocomplete="one-time-code",
            key=session.field(study_instance_uid, autosave.CODE),
        )


def _render_way(*, confirmed: bool) -> None:
    provider = resources.provider()
    if confirmed:
        st.caption(_("The provider has confirmed that it is you."))
    elif provider is not None:
        base_path = str(st.get_option("server.baseUrlPath") or "")
        address = f"{place(base_path, BEGIN)}?{urlencode({'for': SIGNATURE})}"
        words = _("Confirm at {provider} that it is you, for a final signature")
        st.link_button(words.format(provider=provider.name), address)
