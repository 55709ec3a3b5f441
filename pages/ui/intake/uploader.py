"""The uploader: counts what was picked or dropped, sends it, and tells what did not arrive.

What it does in the browser is `uploader.js`; here are its words and what the server knows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from imaging.jobs import Loss
from imaging.review.rights import Right
from pages.ui import labels, resources, session
from pages.ui.deeds import deed, only
from pages.ui.i18n import _
from pages.ui.intake import route
from pages.ui.wall.own_routes import place

_FOLDER = Path(__file__).parent
_HTML = """
<div class="intake" data-state="ready">
  <div class="zone" data-part="zone">
    <div class="label"><span data-part="label"></span><small data-part="limit"></small></div>
    <button type="button" data-part="{first}"></button>
    <button type="button" data-part="{second}"></button>
    <input type="file" multiple tabindex="-1" data-part="files-input">
    <input type="file" webkitdirectory tabindex="-1" data-part="folder-input">
  </div>
  <div class="progress" data-part="progress" hidden>
    <progress data-part="bar"></progress>
    <span role="status" data-part="status"></span>
    <button type="button" data-part="stop"></button>
  </div>
  <div class="missing" role="alert" data-part="missing" hidden>
    <p><strong data-part="count"></strong></p>
    <div data-part="list"></div>
    <button type="button" data-part="retry"></button>
    <button type="button" data-part="dismiss"></button>
  </div>
</div>
"""
_MEGABYTE = 2**20


def _define(name: str, first: str, second: str) -> Callable[..., Any]:
    return st.components.v2.component(
        name,
        html=_HTML.format(first=first, second=second),
        css=(_FOLDER / "uploader.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "uploader.js").read_text(encoding="utf-8"),
    )


_files_first = _define("lightbox_uploader", "files", "folder")
_folder_first = _define("lightbox_folder_uploader", "folder", "files")


def most_bytes() -> int:
    """The largest file that may come through the browser (``server.maxUploadSize``)."""
    return int(st.get_option("server.maxUploadSize")) * _MEGABYTE


@only(Right.INTAKE)
def render_uploader(key: str, *, folder_first: bool = False) -> None:
    """Draw the uploader; a drop whose files begin to arrive is named in the address line.

    What is missing of any drop of this reader is told until somebody dismisses it.

    Parameters
    ----------
    key : str
        Unique on the page.
    folder_first : bool
        Whether a whole folder is the usual thing to hand in here.
    """
    draw = _folder_first if folder_first else _files_first
    draw(
        key=key,
        data={
            "ticket": route.ticket(session.token(), session.account().name),
            "address": place(str(st.get_option("server.baseUrlPath") or ""), route.PATH),
            "part": route.PART,
            "hidden": session.identity_hidden(),
            "drops": describe_missing(),
            "words": words(),
        },
        on_opened_change=partial(_name_job, key),
        on_dismissed_change=partial(_dismiss, key),
        on_stale_change=lambda: None,
    )


def describe_missing() -> list[dict[str, Any]]:
    """What is missing of this reader's drops, as the browser reads it."""
    repository = resources.repository()
    account = session.account().name
    missing = repository.drops.missing_of(account)
    return [
        {
            "job": job_id,
            "arrived": repository.jobs.progress(job_id).arrived,
            "count": count,
            "files": [
                {"number": f.number, "name": f.name, "size": f.size, "loss": f.loss.value}
                for f in missing.get(job_id, ())
            ],
        }
        for job_id, count in repository.drops.count_missing(account).items()
    ]


@deed(Right.INTAKE)
def _name_job(key: str) -> None:
    """Put the job of a drop into the address (a widget's callback)."""
    st.query_params["job"] = str(st.session_state[key].opened)


@deed(Right.INTAKE)
def _dismiss(key: str) -> None:
    """Tell no more what is missing of a drop (a widget's callback)."""
    drops = resources.repository().drops
    for job_id in st.session_state[key].dismissed or ():
        drops.dismiss(str(job_id), account=session.account().name)


def words() -> dict[str, Any]:
    """The uploader's words by name; names in braces are filled in by the browser."""
    limit = st.get_option("server.maxUploadSize")
    return {
        "label": _("Drop images here: DICOM, PNG, JPEG, TIFF or NIfTI, or archives of them"),
        "limit": _("Files or folders, up to {limit} MB a file").format(limit=limit),
        "files": _("Choose files"),
        "folder": _("Choose a folder"),
        "stop": _("Stop sending"),
        "dismiss": _("Dismiss"),
        "retry": _("Retry"),
        "chooseAgain": _("Choose them again"),
        "arrived": _("{arrived} of {all} files arrived."),
        "arrivedOne": _("{arrived} of {all} file arrived."),
        "looking": _("Looking through folders: {count} files so far"),
        "again": _("The connection was cut; trying again ..."),
        "closed": _("This server takes no files through the browser; reload the page."),
        "missing": _("{count} files did not arrive:"),
        "missingOne": _("{count} file did not arrive:"),
        "more": _("and {count} more"),
        "hiddenName": labels.HIDDEN,
        "losses": _losses(str(limit)),
    }


def _losses(limit: str) -> dict[str, str]:
    """Why files did not arrive, and what to do next."""
    return {
        Loss.LARGE.value: _(
            "Larger than the {limit} MB this server takes through a browser. Copy it to a "
            "folder of the server and add that under Worklist, Add a folder; whoever runs "
            "Lightbox says which folders are allowed."
        ).format(limit=limit),
        Loss.UNREADABLE.value: _(
            "The browser could not read it: it was moved, is being written, or you may not open it."
        ),
        Loss.CUT.value: _("The connection was cut before it had arrived."),
        Loss.STOPPED.value: _("You stopped before it was sent."),
        Loss.SILENT.value: _("The page was closed, or this computer slept, before it was sent."),
        Loss.UNKEPT.value: _(
            "The server could not keep it; its disk may be full. Tell whoever runs Lightbox."
        ),
    }
