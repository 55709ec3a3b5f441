"""Worklist: every stored study, the most urgent and longest waiting first. Nothing is hidden."""

from __future__ import annotations

import streamlit as st

from pages.ui import blind, cases, intake, resources, table, worth
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.messages import show_notice

insist_on_router()
show_notice()
items = resources.repository().worklist()
unread = sum(cases.is_unread(item) for item in items)

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    counted = _("{unread} unread of {total} studies").format(unread=unread, total=len(items))
    st.subheader(counted, anchor=False)
    first = cases.next_unread(items)
    if st.button(_("Read next"), type="primary", shortcut="N", disabled=first is None) and first:
        cases.open_study(first.study_instance_uid)
    cases.render_identity_switch()
    only_unread = st.toggle(_("Unread only"), key="unread", bind="query-params")
    wanted = st.text_input(
        _("Filter"),
        key="find",
        bind="query-params",
        placeholder=_("Name, ID, finding, file ..."),
        width=280,
    )

with st.expander(_("Queue a folder")):
    intake.render_intake("triage", first=intake.FOLDER)
intake.render_unfinished()
intake.render_job(folded=True)
worth.render_worth()

shown = [i for i in items if cases.matches(i, wanted) and (cases.is_unread(i) or not only_unread)]
if not items:
    st.info(_("No study is stored yet. Upload a film, or queue a folder above."))
elif not shown:
    st.info(_("No study passes the filter."))
else:
    revealed = blind.revealed_studies()
    rows = [
        table.worklist_row(item, revealed=item.read or item.study_instance_uid in revealed)
        for item in shown
    ]
    table.render_table(rows, [item.study_instance_uid for item in shown], key="worklist")
    cases.render_picker(shown, key="worklist")
