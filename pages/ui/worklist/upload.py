"""Taking films in without a browser's uploader: a folder of the server, or the examples."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from imaging.intake.expand import expand
from imaging.intake.folder_scan import allowed_folder
from imaging.jobs import HANDFUL, LOW, NORMAL, URGENT, JobKind
from imaging.review.rights import Right
from pages.ui import poll, resources, session
from pages.ui.deeds import only
from pages.ui.i18n import _


def queue(files: Sequence[tuple[str, bytes]]) -> None:
    """Queue files, wake the worker and name the job in the address line.

    Somebody waits for a handful of files: they go before any folder.
    """
    expanded, refused = expand(files)
    priority = URGENT if len(expanded) <= HANDFUL else NORMAL
    st.query_params["job"] = resources.repository().jobs.add(
        expanded, refused=refused, account=session.account().name, priority=priority
    )
    resources.worker().wake()


@only(Right.INTAKE)
def render_server_folder() -> None:
    """A folder that the server can read: queued once, or watched for new files."""
    roots = resources.settings().roots
    if not roots:
        st.caption(_("To add a folder of this server, ask whoever runs Lightbox to allow it."))
        return
    with st.form("server-folder", border=False):
        wanted = st.text_input(
            _("Folder of this server"), placeholder=roots[0], key="server-folder-path"
        )
        watched = st.checkbox(_("Watch it: take new files as they are complete"))
        submitted = st.form_submit_button(_("Add the folder"))
    if not submitted or not wanted.strip():
        return
    folder = allowed_folder(wanted, resources.settings())
    st.query_params["job"] = resources.repository().jobs.open(
        JobKind.WATCH if watched else JobKind.FOLDER,
        folder,
        account=session.account().name,
        priority=LOW if watched else NORMAL,
    )
    resources.worker().wake()
    poll.redraw()


@only(Right.INTAKE)
def render_examples() -> None:
    """One click for someone with no film at hand."""
    paths = sorted(resources.EXAMPLES.glob("*.dcm"))
    if not paths:
        st.caption(_("No synthetic examples are installed."))
    elif st.button(_("Load synthetic examples"), key="examples"):
        queue([(path.name, path.read_bytes()) for path in paths])
        poll.redraw()
