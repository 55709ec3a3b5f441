"""Readers: how first reads, the network and signed findings compare."""

from __future__ import annotations

import streamlit as st

from imaging.review.agreement import summarise
from pages.ui import resources, session
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.review import local_figures, reader_agreement

insist_on_router()
repository = resources.repository()
reads, finals, truths = (
    repository.reviews.first_reads(),
    repository.reviews.finals(),
    repository.reviews.truths(),
)
me = session.account().name

st.subheader(_("Your reads v AI"), anchor=False)
st.caption(
    _(
        "How often you and the AI agree, and whether its answer changed your mind. Counted from "
        "blind first reads, which are saved before the AI answer is shown: switch them on under "
        "Account. Figures with too few cases stay empty."
    )
)
own = summarise((r for r in reads if r.account == me), finals, truths)
all_readers = summarise(reads, finals, truths)
reader_agreement.render_agreement({_("You"): own, _("All doctors"): all_readers})
reader_agreement.render_flips(all_readers)
local_figures.render_following()
local_figures.render_called_here()
