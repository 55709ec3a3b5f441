"""Account: who is signed in, and how this reader wants to read."""

from __future__ import annotations

import streamlit as st

from pages.ui import resources, session
from pages.ui.account import ai_switches, at_rest, provider_notices, second_factor, settings, tour
from pages.ui.audit import trail_state
from pages.ui.frame import insist_on_router
from pages.ui.messages import show_notice

insist_on_router()
show_notice()
me = session.account()
st.subheader(me.reader, anchor=False)
left, right = st.columns(2, gap="large")
with left:
    settings.render_reading(me)
    settings.render_language(me)
    ai_switches.render_account_switch(me)
    settings.render_theme()
    tour.render_again()
with right:
    if not resources.settings().single_reader:
        provider_notices.render_break_glass()
        if resources.repository().accounts.has_password(me.name):
            settings.render_password(me)
            second_factor.render_second_factor(me)
        else:
            provider_notices.render_of_provider()
settings.render_keys(me)
trail_state.render_trail()
at_rest.render_at_rest()
