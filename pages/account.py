"""Account: who is signed in, how this reader wants to read, and further readers."""

from __future__ import annotations

import streamlit as st

from pages.ui import account, resources, state
from pages.ui.frame import insist_on_router
from pages.ui.messages import show_notice

insist_on_router()
show_notice()
me = state.account()
st.subheader(me.reader, anchor=False)
left, right = st.columns(2, gap="large")
with left:
    account.render_reading(me)
    account.render_theme()
with right:
    if not resources.settings().single_reader:
        account.render_password(me)
        account.render_readers()
account.render_keys(me)
