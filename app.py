"""Lightbox: `streamlit run app.py` (or `make run`) starts here.

Streamlit imports this file once, before it serves anybody, and runs it as ``__main__`` for every
visitor: there it is the router. With the server begins the work that was left in the store.
"""

from __future__ import annotations

import imaging.telemetry  # noqa: F401

# isort: split

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import request_response

from imaging.commands.prepare import insist_on_guard
from imaging.errors import AssistantError
from imaging.host.rights import restrict_process
from imaging.review.records import Account
from models.batch.priority import interactive
from pages.ui import autosave, background, deeds, resources
from pages.ui.account import presence, sign_in
from pages.ui.account.pages import navigate
from pages.ui.account.provider_route import ENDED, ProviderDoor
from pages.ui.account.route import DOOR, OPEN, Door
from pages.ui.escape import plain
from pages.ui.frame import ICON, render_frame, run_routed
from pages.ui.i18n import _, sentence, speak_to
from pages.ui.intake import uploader
from pages.ui.intake.route import intake_routes
from pages.ui.language import browser
from pages.ui.messages import in_words, show_notice, telling_of_waits
from pages.ui.server import no_lookups
from pages.ui.viewer.route import pixel_route
from pages.ui.wall.middleware import Rules, Wall
from pages.ui.wall.openings import Openings, opened_address
from pages.ui.wall.origins import own_hosts


def main() -> None:
    """Run the page that was asked for."""
    st.set_page_config(page_title="Lightbox", page_icon=ICON, layout="wide")

    failure: AssistantError | None = None
    reader: Account | None = None
    try:
        reader = sign_in.find_reader()
    except AssistantError as exc:
        failure = exc
    speak_to(reader)
    page, rights = navigate()
    render_frame()
    browser.render_language()
    with in_words():
        if failure is not None:
            raise failure
        if reader is None:
            sign_in.render_ended()
        else:
            reason = resources.repository().read_only
            if reason:
                st.error(_("Open for reading only.") + " " + plain(sentence(reason)))
            else:
                with st.spinner(_("Loading the AI ...")):
                    resources.worker()
            if page.url_path != "review":
                background.stop_low_priority()
            presence.render_presence()
            trouble = resources.backup_trouble()
            if trouble:
                st.warning(_("The daily backup failed.") + " " + plain(sentence(trouble)))
            autosave.render_waiting()
            with run_routed(), interactive(), telling_of_waits(), deeds.or_sign_in(*rights):
                page.run()
            show_notice()  # where the page has no place of its own for it


if __name__ == "__main__":
    main()
else:
    restrict_process()
    no_lookups.forbid()
    address = str(st.get_option("server.address") or "")
    base_path = str(st.get_option("server.baseUrlPath") or "")
    certificate = str(st.get_option("server.sslCertFile") or "")
    settings = insist_on_guard(address, certificate)
    secure = bool(certificate) or settings.behind_tls
    port = int(st.get_option("server.port"))
    provider = resources.provider()
    door = Door(
        resources.repository,
        Openings(opened_address(address, port, base_path, secure=bool(certificate))),
        single_reader=settings.single_reader,
        provider=provider,
        recovery_key=resources.first_recovery_key,
        secure=secure,
        behind_proxy=settings.behind_tls,
        base_path=base_path,
    )
    by_provider = (
        ProviderDoor(
            provider,
            door,
            resources.repository,
            secure=secure,
            behind_proxy=settings.behind_tls,
            base_path=base_path,
        ).routes()
        if provider
        else []
    )
    rules = Rules(
        hosts=own_hosts(address, settings.hosts),
        find=sign_in.find_token,
        without_sign_in=(DOOR, OPEN),
        from_servers=(ENDED,) if provider else (),
        door=request_response(door.show),
        secure=secure,
        behind_proxy=settings.behind_tls,
        base_path=base_path,
    )
    intake = intake_routes(
        sign_in.admits_upload,
        resources.repository,
        lambda: resources.worker().wake(),
        most_bytes=uploader.most_bytes(),
        base_path=base_path,
    )

    @asynccontextmanager
    async def serving(_app: st.App) -> AsyncIterator[None]:
        """From a server's start to its end; whoever only imports this file starts nothing."""
        door.tell()
        with resources.run_worker():
            yield

    # Streamlit looks for these very words; without them it would serve the pages without a wall.
    app = st.App(
        __file__,
        routes=[
            *door.routes(),
            *by_provider,
            pixel_route(sign_in.admits, base_path),
            presence.presence_route(base_path),
            *intake,
        ],
        middleware=[Middleware(Wall, rules=rules)],
        lifespan=serving,
    )
