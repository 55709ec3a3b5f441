"""Jobs on a page: how far they have come, what may be done to them, what became of each file."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from imaging.entities import Assessment, JobFile, Status
from imaging.errors import NotFoundError
from imaging.jobs import JobKind, JobProgress, JobState
from imaging.worklist_query import WorklistQuery
from pages.ui import blind, cases, findings, resources, state, table, takeaway, words
from pages.ui.i18n import _, ngettext
from pages.ui.messages import in_words
from pages.ui.plain import plain

_EVERY = 1.0  # seconds between two looks at a job
_FRESH = 0.9  # seconds that one look serves all who watch
_PAGE = 100  # files
_MOST_TAKEN = 5000  # files of a job whose results are made on a page


def render_job(*, folded: bool = False) -> None:
    """Show the job the address line names: its progress, then what became of its files.

    Folded, the outcomes take one line until they are opened.
    """
    job_id = st.query_params.get("job", "")
    if not job_id:
        return
    job = resources.repository().job_progress(job_id)
    if not job.finished:
        follow(job)
        return
    if folded:
        with st.expander(summary(job)):
            _render_outcomes(job)
    else:
        st.subheader(summary(job), anchor=False)
        _render_outcomes(job)


def render_unfinished() -> None:
    """Show every job that still runs, whoever queued it, except the one in the address."""
    for job in resources.repository().unfinished_jobs():
        if job.job_id != st.query_params.get("job", ""):
            follow(job)


def follow(job: JobProgress) -> None:
    """Show a job's progress, looking again every second until it is done."""
    st.fragment(_render_progress, run_every=_EVERY)(job.job_id, job.source)


def _render_progress(job_id: str, source: str) -> None:
    finished = False
    with in_words():
        job = replace(_polled(job_id), source=source)
        finished = job.finished
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(job.done / job.total if job.total else 0.0, _how_far(job))
            if job.total > 1 or job.kind is not JobKind.UPLOAD:
                _render_buttons(job)
    if finished:
        st.rerun()


@st.cache_data(ttl=_FRESH, show_spinner=False)
def _polled(job_id: str) -> JobProgress:
    """A job's progress for everybody who watches it: counts alone, nothing of a patient."""
    return replace(resources.repository().job_progress(job_id), source="", account="")


def _render_buttons(job: JobProgress) -> None:
    """Pause or go on, and end it."""
    repository = resources.repository()
    if job.state is JobState.PAUSED:
        if st.button(_("Go on"), key=f"resume-{job.job_id}"):
            repository.resume(job.job_id)
            _polled.clear()
            resources.worker().wake()
            st.rerun(scope="fragment")
    elif st.button(_("Pause"), key=f"pause-{job.job_id}"):
        repository.pause(job.job_id)
        _polled.clear()
        st.rerun(scope="fragment")
    if st.button(_("Cancel"), key=f"cancel-{job.job_id}", help=_("What is done stays.")):
        repository.cancel(job.job_id)
        st.rerun()


def _how_far(job: JobProgress) -> str:
    """Where it comes from, how many are done, at what rate, how long it will take."""
    parts = [plain(job.source)] if job.source else []
    parts.append(_("{done} of {total} files done").format(done=job.done, total=job.total))
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
    if job.state is not JobState.PAUSED and job.rate and job.seconds_left:
        parts.append(_("{rate} a second").format(rate=f"{job.rate:.1f}"))
        parts.append(_("about {time} left").format(time=_duration(job.seconds_left)))
    return " \u00b7 ".join(parts)


def _duration(seconds: float) -> str:
    """Seconds, minutes or hours, in one whole number."""
    if seconds < 90:
        return _("{count} s").format(count=max(1, round(seconds)))
    if seconds < 90 * 60:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{count} h").format(count=round(seconds / 3600))


def summary(job: JobProgress) -> str:
    """How many files, and how many of each outcome; the outcome itself for one alone."""
    parts = [f"{words.outcome(s)}: {job.counts[s]}" for s in Status if job.counts.get(s)]
    if job.state is JobState.CANCELLED:
        parts.append(_("cancelled"))
    if job.total == 1 and len(job.counts) == 1:
        return words.outcome(next(iter(job.counts)))
    text = ngettext("{count} file done.", "{count} files done.", job.done)
    return " \u00b7 ".join([text.format(count=job.done), *parts])


def _render_outcomes(job: JobProgress) -> None:
    """The table of a finished job, with the way to Review."""
    repository = resources.repository()
    if job.total == 1:
        (only,) = repository.job_files(job.job_id, limit=1)
        if only.study_instance_uid:
            _render_single(only.study_instance_uid, only.sop_instance_uid)
            return
    statuses, offset, total = _choose_files(job)
    files = repository.job_files(job.job_id, statuses=statuses, offset=offset, limit=_PAGE)
    answers = _answers(files)
    revealed = blind.revealed_among([f.study_instance_uid for f in files])
    rows = [
        table.outcome_row(
            file,
            answers.get(file.sop_instance_uid),
            revealed=file.study_instance_uid in revealed,
        )
        for file in files
    ]
    if any(file.study_instance_uid for file in files):
        st.caption(_("Tick a row to open its review."))
    key = f"job-{job.job_id}-{offset}-{'-'.join(statuses)}"
    table.render_table(rows, [f.study_instance_uid for f in files], key=key)
    if total > _PAGE:
        last = min(offset + _PAGE, total)
        st.caption(
            _("{first} to {last} of {total}").format(first=offset + 1, last=last, total=total)
        )
    _render_retry(job)
    if job.total <= _MOST_TAKEN:
        takeaway.render_takeaway(repository.job(job.job_id))
    else:
        st.caption(
            _("The results of so many files are taken away with cli.py results {job}.").format(
                job=job.job_id
            )
        )


def _choose_files(job: JobProgress) -> tuple[tuple[Status, ...], int, int]:
    """Of which outcome, from which file on, and of how many."""
    if len(job.counts) < 2 and job.total <= _PAGE:
        return (), 0, job.total
    found = [s for s in Status if job.counts.get(s)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            _("Outcome"),
            [None, *found],
            format_func=lambda s: _("All") if s is None else f"{words.outcome(s)}: {job.counts[s]}",
            key=f"job-status-{job.job_id}",
            width=280,
        )
        total = job.counts[chosen] if chosen else job.done
        pages = max(1, -(-total // _PAGE))
        page = 1
        if pages > 1:
            page = st.number_input(
                _("Page"), 1, pages, key=f"job-page-{job.job_id}-{chosen}", width=140
            )
    return (chosen,) if chosen else (), (int(page) - 1) * _PAGE, total


def _render_retry(job: JobProgress) -> None:
    """Have what could not be read tried again; the file may be there by now."""
    failed = job.counts.get(Status.ERROR, 0)
    count = resources.repository().retryable(job.job_id) if failed else 0
    if not count:
        return
    text = ngettext("Try {count} file again", "Try {count} files again", count)
    if st.button(text.format(count=count), key=f"retry-{job.job_id}"):
        resources.repository().retry_failed(job.job_id)
        resources.worker().wake()
        st.rerun()


def render_rescore(query: WorklistQuery, count: int) -> None:
    """Ask the installed networks about the listed studies; what they answered stays answered."""
    text = ngettext(
        "Ask the installed network about {count} listed study",
        "Ask the installed network about {count} listed studies",
        count,
    )
    told = _("For a network that was installed since. A study that was raised stays raised.")
    if st.button(text.format(count=count), disabled=not count, help=told, key="rescore"):
        repository = resources.repository()
        uids = repository.study_uids(query)
        st.query_params["job"] = repository.add_rescore(uids, account=state.account().name)
        resources.worker().wake()
        st.rerun()


def _render_single(study_instance_uid: str, sop_instance_uid: str) -> None:
    """One film alone: its answer at once, and the button to its review."""
    record = resources.repository().study(study_instance_uid)
    if blind.hides(record):
        st.caption(_("The network has answered. Read the film first: its answer follows yours."))
    for instance, assessment in zip(record.instances, record.assessments, strict=True):
        if instance.identity.sop_instance_uid == sop_instance_uid and not blind.hides(record):
            findings.render_answer(instance, assessment)
    if st.button(_("Review"), type="primary", shortcut="N", key="review-single"):
        cases.open_study(study_instance_uid)


def _answers(files: tuple[JobFile, ...]) -> dict[str, Assessment]:
    """The network's answer about every answered file, by SOP Instance UID."""
    repository, found = resources.repository(), {}
    for uid in {f.study_instance_uid for f in files if f.status in (Status.OK, Status.WARNED)}:
        try:
            assessments = repository.study(uid).assessments
        except NotFoundError:
            continue
        for assessment in assessments:
            if assessment is not None and assessment.primary is not None:
                found[assessment.sop_instance_uid] = assessment
    return found
