"""The tour of a first sign-in: three steps above a page's own content, never over a film."""

from __future__ import annotations

import streamlit as st

from imaging.review.records import Account
from imaging.review.rights import Right
from pages.ui import resources, session
from pages.ui.deeds import deed, only
from pages.ui.i18n import _


@only(Right.FINDINGS)
def render_tour(me: Account) -> None:
    """Draw the three steps until they are closed; Account shows them again."""
    if me.tour_closed or resources.repository().read_only:
        return
    steps = (
        (
            _("1. Add images"),
            _("Drop files or a folder on Upload. The AI answers each image, or says why not."),
        ),
        (
            _("2. Read"),
            _("Click a study on the worklist, or press N. The image comes first; O shows the map."),
        ),
        (
            _("3. Decide and sign"),
            _("Agree or disagree, add findings, then sign. The key ? lists all keys."),
        ),
    )
    with st.container(border=True, key="tour"):
        columns = st.columns([4, 4, 4, 2], gap="medium", vertical_alignment="center")
        for column, (title, words) in zip(columns, steps, strict=False):
            with column:
                st.markdown(f"**{title}**  \n{words}")
        with columns[-1]:
            st.button(_("Got it"), key="tour-close", on_click=_set_closed, args=(True,))


@only(Right.FINDINGS)
def render_again() -> None:
    """Offer the tour once more."""
    st.button(
        _("Show the tour again"),
        key="tour-again",
        type="tertiary",
        on_click=_set_closed,
        args=(False,),
        help=_("Three steps, on Upload and Worklist."),
    )


@deed(Right.OWN)
def _set_closed(closed: bool) -> None:
    resources.repository().accounts.close_tour(session.account().name, closed=closed)
