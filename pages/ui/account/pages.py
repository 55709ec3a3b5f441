"""Which pages there are, and who may open which."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from imaging.review.rights import Right
from pages.ui import session
from pages.ui.i18n import _


@dataclass(frozen=True, slots=True)
class Room:
    """A page: its file and address, its title, and the rights of which it takes one."""

    name: str
    title: str
    rights: tuple[Right, ...]


def rooms() -> tuple[Room, ...]:
    """All pages, in the order in which they are offered; the first that is allowed opens first."""
    return (
        Room("upload", _("Upload"), (Right.INTAKE,)),
        Room("triage", _("Worklist"), (Right.WORKLIST,)),
        Room("review", _("Review"), (Right.FILMS,)),
        Room("readers", _("Doctors and AI"), (Right.STATISTICS,)),
        Room("release", _("Copies"), (Right.RELEASE,)),
        Room("audit", _("Audit trail"), (Right.TRAIL,)),
        Room("administration", _("Administration"), (Right.ACCOUNTS, Right.SITE)),
        Room("model", _("Model"), (Right.MODEL,)),
        Room("account", _("Account"), (Right.OWN,)),
    )


def navigate() -> tuple[StreamlitPage, tuple[Right, ...]]:
    """Offer the pages that the account may open; returns the one asked for, and what it takes.

    One that it may not open keeps its address, so that whoever types it reads why.
    """
    offered = rooms()
    first = next((room for room in offered if session.may(*room.rights)), offered[0])
    pages = {
        st.Page(
            f"pages/{room.name}.py",
            title=room.title,
            url_path=room.name,
            default=room is first,
            visibility="visible" if session.may(*room.rights) else "hidden",
        ): room.rights
        for room in offered
    }
    page = st.navigation(list(pages), position="top")
    return page, pages[page]
