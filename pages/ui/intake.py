"""Taking films in: drop files or a folder, follow the progress, read what became of each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from imaging.entities import Assessment, Job, Status
from imaging.errors import NotFoundError
from imaging.ingest import expand
from pages.ui import blind, cases, findings, resources, state, table, takeaway, words
from pages.ui.i18n import _, ngettext
from pages.ui.messages import in_words

FILES, FOLDER = "files", "folder"
_EVERY = 1.0  # seconds between two looks at a job


def render_intake(place: str, *, first: str = FILES) -> None:
    """Draw the uploader; what is dropped is queued at once and its job goes to the address."""
    options = (first, FOLDER if first == FILES else FILES)
    names = {FILES: _("Files"), FOLDER: _("Whole folder")}
    kind = st.segmented_control(
        _("What to add"),
        options,
        default=first,
        required=True,
        format_func=names.__getitem__,
        key=f"intake-{place}",
        label_visibility="collapsed",
    )
    dropped = st.file_uploader(
        _("Drop films here: DICOM, PNG, JPEG, TIFF or NIfTI, or archives of them"),
        accept_multiple_files=True if kind == FILES else "directory",
        key=f"{state.uploader_key(place)}-{kind}",
    )
    if dropped:
        state.empty_uploader(place)  # first, so that nothing can be queued twice
        queue([(file.name, file.getvalue()) for file in dropped])
        st.rerun()


def queue(files: Sequence[tuple[str, bytes]]) -> None:
    """Queue files, wake the worker and name the job in the address line."""
    found, refused = expand(files)
    st.query_params["job"] = resources.repository().add_job(
        found, refused=refused, account=state.account().name
    )
    resources.worker().wake()


def render_examples() -> None:
    """One click for someone with no film at hand."""
    paths = sorted(resources.EXAMPLES.glob("*.dcm"))
    if not paths:
        st.caption(_("No synthetic examples are installed."))
    elif st.button(_("Load synthetic examples"), key="examples"):
        queue([(path.name, path.read_bytes()) for path in paths])
        st.rerun()


def render_job(*, folded: bool = False) -> None:
    """Show the job the address line names: its progress, then what became of its files.

    Folded, the outcomes take one line until they are opened.
    """
    job_id = st.query_params.get("job", "")
    if not job_id:
        return
    job = resources.repository().job(job_id)
    if not job.finished:
        follow(job_id)
        return
    if folded:
        with st.expander(_summary(job)):
            _render_outcomes(job)
    else:
        st.subheader(_summary(job), anchor=False)
        _render_outcomes(job)


def render_unfinished() -> None:
    """Show every job that still runs, whoever queued it, except the one in the address."""
    for job in resources.repository().unfinished_jobs():
        if job.job_id != st.query_params.get("job", ""):
            follow(job.job_id)


def follow(job_id: str) -> None:
    """Show a job's progress, looking again every second until it is done."""
    st.fragment(_render_progress, run_every=_EVERY)(job_id)


def _render_progress(job_id: str) -> None:
    finished = False
    with in_words():
        job = resources.repository().job(job_id)
        finished = job.finished
        text = _("{done} of {total} files done").format(done=job.done, total=job.total)
        st.progress(job.done / job.total if job.total else 1.0, text)
    if finished:
        st.rerun()


def _render_outcomes(job: Job) -> None:
    """The table of a finished job, with the way to Review."""
    answers = _answers(job)
    only = job.files[0] if job.total == 1 else None
    if only is not None and only.study_instance_uid:
        _render_single(only.study_instance_uid, only.sop_instance_uid)
        return
    revealed = blind.revealed_studies()
    rows = [
        table.outcome_row(
            file,
            answers.get(file.sop_instance_uid),
            revealed=file.study_instance_uid in revealed,
        )
        for file in job.files
    ]
    if any(file.study_instance_uid for file in job.files):
        st.caption(_("Tick a row to open its review."))
    table.render_table(rows, [f.study_instance_uid for f in job.files], key=f"job-{job.job_id}")
    takeaway.render_takeaway(job)


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


def _summary(job: Job) -> str:
    """How many files, and how many of each outcome; the outcome itself for one alone."""
    if job.total == 1:
        return words.outcome(job.files[0].status)
    text = ngettext("{count} file done.", "{count} files done.", job.total)
    counts = Counter(file.status for file in job.files)
    parts = [f"{words.outcome(s)}: {counts[s]}" for s in Status if counts[s]]
    return " \u00b7 ".join([text.format(count=job.total), *parts])


def _answers(job: Job) -> dict[str, Assessment]:
    """The network's answer about every answered file, by SOP Instance UID."""
    repository, found = resources.repository(), {}
    for uid in {f.study_instance_uid for f in job.files if f.status in (Status.OK, Status.WARNED)}:
        try:
            assessments = repository.study(uid).assessments
        except NotFoundError:
            continue
        for assessment in assessments:
            if assessment is not None and assessment.primary is not None:
                found[assessment.sop_instance_uid] = assessment
    return found
