"""Jobs on a page: how far they have come and what may be done to them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from imaging.entities import Status
from imaging.jobs import LOW, NORMAL, URGENT, JobKind, JobProgress, JobState
from imaging.review.rights import Right
from imaging.worklist.query import WorklistQuery
from pages.ui import labels, poll, resources, session
from pages.ui.deeds import deed, fragment, only
from pages.ui.escape import plain
from pages.ui.i18n import _, ngettext
from pages.ui.messages import in_words
from pages.ui.worklist import job_files

_EVERY = 1.0  # seconds between two looks at a job
_FRESH = 0.9  # seconds that one look serves all who watch


def find_job() -> JobProgress | None:
    """The job the address line names, as it stands now."""
    job_id = st.query_params.get("job", "")
    return resources.repository().jobs.progress(job_id) if job_id else None


@only(Right.BATCHES)
def render_running() -> None:
    """Every batch that goes on, by its numbers alone: folders and files may name patients."""
    unfinished = resources.repository().jobs.unfinished()
    if unfinished:
        st.markdown(f"**{_('Batches')}**")
    for job in unfinished:
        follow(replace(job, source=""))


def find_others() -> list[JobProgress]:
    """Every job that still runs, whoever queued it, except the one in the address.

    A page that lists what jobs bring must ask before it reads its list. A job that ends in between
    is then followed for a moment, and its end draws the page anew; asked afterwards, nobody would
    follow it, and the list would lack its last studies for good.
    """
    own = st.query_params.get("job", "")
    return [job for job in resources.repository().jobs.unfinished() if job.job_id != own]


def render_job(job: JobProgress | None, *, folded: bool = False) -> None:
    """Show a job: its progress, and what became of its files so far.

    Folded, the files of a finished job take one line until it is opened; those of another always.
    """
    if job is None:
        return
    if not job.finished:
        follow(job)
        if job.done:
            _render_so_far(job)
    elif folded:
        with st.expander(summary(job)):
            job_files.render_files(job)
    else:
        st.subheader(summary(job), anchor=False)
        job_files.render_files(job)


def _render_so_far(job: JobProgress) -> None:
    """The files of a job that goes on, once they are asked for; they stand still while read."""
    folded = st.expander(_("Files so far"), key=f"files-{job.job_id}", on_change="rerun")
    if folded.open:
        with folded:
            st.button(_("Look again"), key=f"look-{job.job_id}")
            job_files.render_files(job)


def follow(job: JobProgress) -> None:
    """Show a job's progress, looking again every second until it is done."""
    _render_progress(job.job_id, job.source)


@fragment(Right.INTAKE, Right.BATCHES)
def _render_progress(job_id: str, source: str) -> None:
    finished = False
    with in_words():
        job = replace(_poll_progress(job_id), source=source)
        finished = job.finished
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(job.done / job.total if job.total else 0.0, how_far(job))
            if job.total > 1 or job.kind is not JobKind.UPLOAD:
                _render_buttons(job)
    if finished:
        poll.redraw()
    poll.beat(f"job-{job_id}", every=_EVERY)


@st.cache_data(ttl=_FRESH, show_spinner=False)
def _poll_progress(job_id: str) -> JobProgress:
    """A job's progress for everybody who watches it: counts alone, nothing of a patient."""
    return replace(resources.repository().jobs.progress(job_id), source="", account="")


def _render_buttons(job: JobProgress) -> None:
    """See its files, put it before others, pause or go on, and end it."""
    repository = resources.repository()
    if session.may(Right.INTAKE):
        shown = job.job_id == st.query_params.get("job", "")
        if not shown and st.button(_("Files"), key=f"open-{job.job_id}"):
            open_job(job.job_id)
    _render_priority(job)
    if job.state is JobState.PAUSED:
        if st.button(_("Resume"), key=f"resume-{job.job_id}"):
            repository.jobs.resume(job.job_id, account=session.account().name)
            _poll_progress.clear()
            resources.worker().wake()
            st.rerun(scope="fragment")
    elif st.button(_("Pause"), key=f"pause-{job.job_id}"):
        repository.jobs.pause(job.job_id, account=session.account().name)
        _poll_progress.clear()
        st.rerun(scope="fragment")
    if st.button(_("Cancel"), key=f"cancel-{job.job_id}", help=_("What is done stays.")):
        repository.jobs.cancel(job.job_id, account=session.account().name)
        poll.redraw()


def open_job(job_id: str) -> None:
    """Name a job in the address line and show it."""
    st.query_params["job"] = job_id
    st.session_state[f"files-{job_id}"] = True
    poll.redraw()


def _render_priority(job: JobProgress) -> None:
    """How soon it is worked on, as the store has it: another reader may have changed it."""
    key = f"priority-{job.job_id}"
    names = {URGENT: _("Urgent"), NORMAL: _("Normal"), LOW: _("Low")}
    st.session_state[key] = max((level for level in names if level <= job.priority), default=LOW)
    st.selectbox(
        _("Priority"),
        list(names),
        format_func=names.__getitem__,
        key=key,
        on_change=_set_priority,
        args=(job.job_id, key),
        label_visibility="collapsed",
        width=120,
    )


@deed(Right.INTAKE, Right.BATCHES)
def _set_priority(job_id: str, key: str) -> None:
    """Write down what was chosen (a widget's callback)."""
    resources.repository().jobs.set_priority(
        job_id, int(st.session_state[key]), account=session.account().name
    )
    _poll_progress.clear()
    resources.worker().wake()


def how_far(job: JobProgress) -> str:
    """Where it comes from, how many are done, at what rate, how long it will take."""
    parts = [plain(job.source)] if job.source else []
    parts.append(_("{done} of {total} files done").format(done=job.done, total=job.total))
    parts += _arrived(job)
    failed = job.counts.get(Status.ERROR, 0)
    if failed:
        text = ngettext("{count} could not be read", "{count} could not be read", failed)
        parts.append(text.format(count=failed))
    if job.state is JobState.PAUSED:
        parts.append(_("paused"))
    elif job.state is JobState.LISTING and job.kind is JobKind.WATCH:
        parts.append(_("watched"))
    elif job.state is JobState.LISTING:
        parts.append(_("still looking for files"))
    if job.state is JobState.RUNNING and job.rate and job.seconds_left:
        parts.append(_("{rate} a second").format(rate=f"{job.rate:.1f}"))
        parts.append(_("about {time} left").format(time=_format_duration(job.seconds_left)))
    return " \u00b7 ".join(parts)


def _arrived(job: JobProgress) -> list[str]:
    """How many of the files a browser announced have come, unless all have."""
    if job.arrived == job.announced:
        return []
    text = _("{arrived} of {announced} files arrived")
    return [text.format(arrived=job.arrived, announced=job.announced)]


def _format_duration(seconds: float) -> str:
    """Seconds, minutes or hours, in one whole number."""
    if seconds < 90:
        return _("{count} s").format(count=max(1, round(seconds)))
    if seconds < 90 * 60:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{count} h").format(count=round(seconds / 3600))


def summary(job: JobProgress) -> str:
    """How many files, and how many of each outcome; the outcome itself for one alone.

    What did not arrive, what was here before and what is no film are counted apart.
    """
    counts: dict[Status, int] = {s: n for s, n in job.counts.items() if s is not Status.HELPER}
    parts = [labels.pair(labels.outcome(s), str(counts[s])) for s in Status if counts.get(s)]
    apart = _arrived(job)
    if job.duplicates:
        text = ngettext("{count} duplicate", "{count} duplicates", job.duplicates)
        apart.append(text.format(count=job.duplicates))
    if job.helpers:
        apart.append(labels.no_films(job.helpers))
    if job.state is JobState.CANCELLED:
        apart.append(_("cancelled"))
    done = job.done - job.helpers
    if done == 1 and len(counts) == 1 and not apart:
        return labels.outcome(next(iter(counts)))
    text = ngettext("{count} file done.", "{count} files done.", done)
    return " \u00b7 ".join([text.format(count=done), *parts, *apart])


@only(Right.RESCORE)
def render_rescore(query: WorklistQuery, count: int) -> None:
    """Ask the installed networks about the listed studies; what they answered stays answered."""
    text = ngettext(
        "Re-run AI on {count} study",
        "Re-run AI on {count} studies",
        count,
    )
    hint = _("For a model that was installed since. A study with priority keeps it.")
    if st.button(text.format(count=count), disabled=not count, help=hint, key="rescore"):
        repository = resources.repository()
        uids = repository.worklist.study_uids(query)
        st.query_params["job"] = repository.jobs.add_rescore(uids, account=session.account().name)
        resources.worker().wake()
        poll.redraw()
