"""The files of a job with their outcomes, page by page, and what may be done with all of them."""

from __future__ import annotations

import streamlit as st

from imaging.entities import Assessment, JobFile, Status
from imaging.errors import NotFoundError
from imaging.jobs import JobProgress
from pages.ui import labels, navigation, network_answer, resources, study_table
from pages.ui.i18n import _, ngettext
from pages.ui.review import first_read
from pages.ui.worklist import batch_export

_PAGE = 100  # files
_MOST_TAKEN = 5000  # files of a job whose results are made on a page


def render_files(job: JobProgress) -> None:
    """The table of a job's files, with the way to Review; of a single one its answer."""
    repository = resources.repository()
    if job.total == 1 and job.finished:
        (only,) = repository.jobs.files(job.job_id, limit=1)
        if only.study_instance_uid and only.status is not Status.ERROR:
            _render_single(only.study_instance_uid, only.sop_instance_uid)
            return
    statuses, offset, total = _choose_files(job)
    files = repository.jobs.files(job.job_id, statuses=statuses, offset=offset, limit=_PAGE)
    answers = _answers(files)
    revealed = first_read.revealed_among([f.study_instance_uid for f in files])
    rows = [
        study_table.outcome_row(
            file,
            answers.get(file.sop_instance_uid),
            revealed=file.study_instance_uid in revealed,
        )
        for file in files
    ]
    if any(file.study_instance_uid for file in files):
        st.caption(_("Tick a row to open its review."))
    key = f"job-{job.job_id}-{offset}-{'-'.join(statuses)}"
    study_table.render_table(rows, [f.study_instance_uid for f in files], key=key)
    if total > _PAGE:
        last = min(offset + _PAGE, total)
        st.caption(
            _("{first} to {last} of {total}").format(first=offset + 1, last=last, total=total)
        )
    _render_retry(job)
    if job.total <= _MOST_TAKEN:
        batch_export.render_batch_export(repository.jobs.get(job.job_id))
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
    present = [s for s in Status if job.counts.get(s)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            _("Outcome"),
            [None, *present],
            format_func=lambda s: (
                _("All") if s is None else f"{labels.outcome(s)}: {job.counts[s]}"
            ),
            key=f"job-status-{job.job_id}",
            width=280,
        )
        total = job.counts[chosen] if chosen else job.total
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
    count = resources.repository().jobs.retryable(job.job_id) if failed else 0
    if not count:
        return
    text = ngettext("Try {count} file again", "Try {count} files again", count)
    if st.button(text.format(count=count), key=f"retry-{job.job_id}"):
        resources.repository().jobs.retry_failed(job.job_id)
        resources.worker().wake()
        st.rerun()


def _render_single(study_instance_uid: str, sop_instance_uid: str) -> None:
    """One film alone: its answer at once, and the button to its review."""
    record = resources.repository().studies.get(study_instance_uid)
    if first_read.hides(record):
        st.caption(_("The network has answered. Read the film first: its answer follows yours."))
    for instance, assessment in zip(record.instances, record.assessments, strict=True):
        if instance.identity.sop_instance_uid == sop_instance_uid and not first_read.hides(record):
            network_answer.render_answer(instance, assessment)
    if st.button(_("Review"), type="primary", shortcut="N", key="review-single"):
        navigation.open_study(study_instance_uid)


def _answers(files: tuple[JobFile, ...]) -> dict[str, Assessment]:
    """The network's answer about every answered file, by SOP Instance UID."""
    repository, answers = resources.repository(), {}
    for uid in {f.study_instance_uid for f in files if f.status in (Status.OK, Status.WARNED)}:
        try:
            assessments = repository.studies.get(uid).assessments
        except NotFoundError:
            continue
        for assessment in assessments:
            if assessment is not None and assessment.primary is not None:
                answers[assessment.sop_instance_uid] = assessment
    return answers
