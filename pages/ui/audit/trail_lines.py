"""The lines of the audit trail, newest first, page by page."""

from __future__ import annotations

import streamlit as st

from imaging.review.records import AuditEvent
from imaging.review.rights import Right
from imaging.text import escape_formula
from pages.ui import labels, resources
from pages.ui.audit.deed_words import deed_word
from pages.ui.deeds import only
from pages.ui.i18n import _, ngettext

_PAGE = 200  # lines


@only(Right.TRAIL)
def render_lines() -> None:
    """Draw a filter and a page of the lines that pass it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        study = st.text_input(_("Study Instance UID"), key="trail-study", width=420).strip()
        account = st.text_input(_("Account"), key="trail-account", width=200).strip()
        kinds = st.multiselect(
            _("What was done"),
            list(AuditEvent),
            format_func=deed_word,
            key="trail-events",
            placeholder=_("All"),
            width=420,
        )
    lines = [
        line
        for line in reversed(resources.repository().audit.entries(study))
        if account in ("", line.account) and (not kinds or line.deed in kinds)
    ]
    pages = max(1, -(-len(lines) // _PAGE))
    page = 1
    if pages > 1:
        page = int(st.number_input(_("Page"), 1, pages, key="trail-page", width=140) or 1)
    st.caption(ngettext("{count} line", "{count} lines", len(lines)).format(count=len(lines)))
    rows = [
        {
            _("Line"): line.number,
            _("Time"): labels.moment(line.at),
            _("Account"): escape_formula(line.account),
            _("What was done"): deed_word(line.deed),
            _("Study Instance UID"): line.study_instance_uid,
            _("Detail"): escape_formula(line.detail),
        }
        for line in lines[(page - 1) * _PAGE : page * _PAGE]
    ]
    st.dataframe(rows, hide_index=True)
