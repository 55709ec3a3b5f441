"""Lightbox: `streamlit run app.py` (or `make run`) starts here.

Streamlit imports this file once, before it serves anybody, and runs it as ``__main__`` for every
visitor: there it is the router. With the server begins the work that was left in the store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from imaging.commands.prepare import insist_on_guard
from imaging.host.rights import restrict_process
from imaging.store.database import waiting_at_most
from pages.ui import autosave, background, resources
from pages.ui.account import sign_in
from pages.ui.deeds import AT_MOST
from pages.ui.escape import plain
from pages.ui.frame import ICON, render_frame, run_routed
from pages.ui.i18n import _, sentence
from pages.ui.intake import uploader
from pages.ui.intake.route import intake_routes
from pages.ui.messages import in_words, show_notice
from pages.ui.viewer.route import pixel_route


def main() -> None:
    """Run the page that was asked for."""
    st.set_page_config(page_title="Lightbox", page_icon=ICON, layout="wide")

    page = st.navigation(
        [
            st.Page("pages/upload.py", title=_("Upload"), url_path="upload", default=True),
            st.Page("pages/triage.py", title=_("Worklist"), url_path="triage"),
            st.Page("pages/review.py", title=_("Review"), url_path="review"),
            st.Page("pages/readers.py", title=_("Readers"), url_path="readers"),
            st.Page("pages/model.py", title=_("Model"), url_path="model"),
            st.Page("pages/account.py", title=_("Account"), url_path="account"),
        ],
        position="top",
    )
    render_frame()
    with in_words():
        if sign_in.find_reader() is None:
            sign_in.render_sign_in_page()
        else:
            reason = resources.repository().read_only
            if reason:
                st.error(_("Open for reading only.") + " " + plain(sentence(reason)))
            else:
                with st.spinner(_("Loading the network ...")):
                    resources.worker()
            if page.url_path != "review":
                background.stop_low_priority()
            trouble = resources.backup_trouble()
            if trouble:
                st.warning(_("The daily backup failed.") + " " + plain(sentence(trouble)))
            autosave.render_waiting()
            with run_routed(), background.interactive(), waiting_at_most(AT_MOST):
                page.run()
            show_notice()  # where the page has no place of its own for it


@asynccontextmanager
async def serving(_app: st.App) -> AsyncIterator[None]:
    """From a server's start to its end; whoever only imports this file starts nothing."""
    with resources.run_worker():
        yield


if __name__ == "__main__":
    main()
else:
    restrict_process()
    insist_on_guard(str(st.get_option("server.address") or ""))
    base_path = str(st.get_option("server.baseUrlPath") or "")
    pixels = pixel_route(sign_in.admits, base_path)
    intake = intake_routes(
        sign_in.admits,
        resources.repository,
        lambda: resources.worker().wake(),
        most_bytes=uploader.most_bytes(),
        base_path=base_path,
    )
    app = st.App(__file__, routes=[pixels, *intake], lifespan=serving)
