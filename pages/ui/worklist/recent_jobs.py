"""The newest jobs, so that a job is found again without its address."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from imaging.jobs import JobKind, JobProgress
from pages.ui import labels, resources, session
from pages.ui.escape import plain
from pages.ui.i18n import _, ngettext
from pages.ui.worklist import jobs

OPEN = "recent-jobs"
_MOST = 20  # jobs


def render_recent() -> None:
    """The newest jobs, once they are asked for: the reader's own, or everybody's."""
    folded = st.expander(_("Recent jobs"), key=OPEN, on_change="rerun")
    if not folded.open:
        return
    with folded:
        alone = bool(resources.settings().single_reader)
        everybody = alone or st.toggle(_("Of all doctors"), key="recent-jobs-of-all")
        recent = resources.repository().jobs.recent(
            account=None if everybody else session.account().name, limit=_MOST
        )
        if not recent:
            st.caption(_("No file was handed in yet."))
        for job in recent:
            _render_row(job, named=everybody and not alone)


def _render_row(job: JobProgress, *, named: bool) -> None:
    """When, what, whose, what became of it; and the way to its files."""
    parts = [labels.moment(job.created_at), _kind(job.kind)]
    what = job.source or _first_file(job)
    parts += [plain(text) for text in (job.account if named else "", what) if text]
    parts.append(jobs.summary(job) if job.finished else jobs.how_far(replace(job, source="")))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button(_("Open"), key=f"recent-{job.job_id}"):
            jobs.open_job(job.job_id)
        st.caption(" \u00b7 ".join(parts))


def _first_file(job: JobProgress) -> str:
    """What an upload is known by: its first file, and how many came with it."""
    files = resources.repository().jobs.files(job.job_id, limit=1)
    if not files or session.identity_hidden():  # a file is often named after its patient
        return ""
    name, others = labels.file_name(files[0].file_name), job.total - 1
    if others < 1:
        return name
    more = ngettext("{name} and {count} more", "{name} and {count} more", others)
    return more.format(name=name, count=others)


def _kind(kind: JobKind) -> str:
    return {
        JobKind.UPLOAD: _("Upload"),
        JobKind.FOLDER: _("Folder"),
        JobKind.WATCH: _("Watched folder"),
        JobKind.RESCORE: _("AI run again"),
    }[kind]
