"""The files of a job with their outcomes, page by page, and what may be done with all of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from imaging.entities import Assessment, Instance, JobFile, SourceKind, Status
from imaging.errors import NotFoundError
from imaging.intake.helper_files import SENTENCE
from imaging.jobs import JobProgress
from imaging.study import StudyRecord
from pages.ui import labels, navigation, network_answer, poll, resources, session, study_table, who
from pages.ui.account import ai_switches
from pages.ui.audit import moments, sights
from pages.ui.data_uri import render_picture
from pages.ui.escape import plain
from pages.ui.grid.component import Row
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.review import first_read
from pages.ui.worklist import batch_export

_PAGE = 100  # files
_CARD = 120  # pixels, of the picture beside an answer
_MOST_HELPERS = 500  # names
_MOST_TAKEN = 5000  # files of a job whose results are made on a page


def render_files(job: JobProgress) -> None:
    """The table of a job's files, with the way to Review; of a single one its answer."""
    repository = resources.repository()
    if job.helpers:
        _render_helpers(job)
    if job.total == job.helpers:
        return
    if job.total - job.helpers == 1 and job.finished:
        (only,) = repository.jobs.files(job.job_id, limit=1)
        if only.study_instance_uid and only.status is not Status.ERROR:
            _render_single(only.study_instance_uid, only.sop_instance_uid)
            return
    statuses, offset, total = _choose_files(job)
    files = repository.jobs.files(job.job_id, statuses=statuses, offset=offset, limit=_PAGE)
    records = _load_records(files)
    films = _films(records)
    _render_held(records)
    sights.note_list([file.study_instance_uid for file in files], "job")
    pictures = repository.originals.thumbnails(list(films))
    revealed = first_read.revealed_among([f.study_instance_uid for f in files])
    told = [
        file.study_instance_uid
        for file in files
        if films.get(file.sop_instance_uid, (None, None))[1]
    ]
    moments.note_listed([uid for uid in told if uid in revealed], "job")
    rows = []
    for file in files:
        uid = file.sop_instance_uid
        instance, answer = films.get(uid, (None, None))
        values = study_table.outcome_row(
            file,
            answer,
            instance,
            revealed=file.study_instance_uid in revealed,
            thumbnail=pictures.get(uid),
        )
        rows.append(Row(file.study_instance_uid, values))
    if any(file.study_instance_uid for file in files):
        st.caption(_("Click a study to open it."))
    key = f"job-{job.job_id}-{offset}-{'-'.join(statuses)}"
    unnamed = any(film.source is SourceKind.FILM for film, _answer in films.values())
    who.render_table(rows, key=key, unnamed=unnamed)
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
            _("So many results are exported at a terminal: cli.py results {job}.").format(
                job=job.job_id
            )
        )


def _render_helpers(job: JobProgress) -> None:
    """The files that are no films in one line, their names once it is opened."""
    with st.expander(labels.no_films(job.helpers), key=f"helpers-{job.job_id}"):
        files = resources.repository().jobs.files(
            job.job_id, statuses=(Status.HELPER,), limit=_MOST_HELPERS
        )
        hidden = session.identity_hidden()
        st.caption(sentence(SENTENCE))
        st.text("\n".join(labels.HIDDEN if hidden else file.file_name for file in files))
        if job.helpers > len(files):
            st.caption(_("and {count} more").format(count=job.helpers - len(files)))


def _choose_files(job: JobProgress) -> tuple[tuple[Status, ...], int, int]:
    """Of which outcome, from which file on, and of how many; without helper files."""
    films = job.total - job.helpers
    present = [s for s in Status if job.counts.get(s) and s is not Status.HELPER]
    if len(present) < 2 and films <= _PAGE:
        return (), 0, films
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
        total = job.counts[chosen] if chosen else films
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
        resources.repository().jobs.retry_failed(job.job_id, account=session.account().name)
        resources.worker().wake()
        poll.redraw()


def _render_single(study_instance_uid: str, sop_instance_uid: str) -> None:
    """One film alone: its answer at once, and the button to its review."""
    record = resources.repository().studies.get(study_instance_uid)
    _render_held([record])
    sights.note_list([study_instance_uid], "job")
    if first_read.hides(record):
        st.caption(_("The AI has answered. Read the image first: its answer follows yours."))
    for instance, assessment in zip(record.instances, record.assessments, strict=True):
        if instance.identity.sop_instance_uid != sop_instance_uid:
            continue
        left, right = st.columns([1, 4], gap="small")
        with left:
            _render_picture(instance)
        with right:
            if record.ai_off is not None:
                ai_switches.render_off(record)
            elif not first_read.hides(record):
                moments.note_answer(study_instance_uid, assessment)
                network_answer.render_answer(instance, assessment)
            who.render_wait(record, instance)
            who.render_film(record, instance, expanded=True)
    if st.button(_("Review"), type="primary", shortcut="N", key="review-single"):
        navigation.open_study(study_instance_uid)


def _render_picture(instance: Instance) -> None:
    """The film, small, with its file's name: which of the films at hand this is."""
    uid = instance.identity.sop_instance_uid
    picture = resources.repository().originals.thumbnails([uid]).get(uid)
    if picture:
        render_picture(picture, "jpeg", width=_CARD)
    shown = labels.HIDDEN if session.identity_hidden() else labels.file_name(instance.file_name)
    st.caption(plain(shown))


def _load_records(files: tuple[JobFile, ...]) -> list[StudyRecord]:
    """The studies the files belong to, as they are now."""
    records = []
    for uid in {f.study_instance_uid for f in files if f.study_instance_uid}:
        with suppress(NotFoundError):
            records.append(resources.repository().studies.get(uid))
    return records


def _render_held(records: Sequence[StudyRecord]) -> None:
    """Say that a study is held: two files with two names look like two patients in a table."""
    held = sum(record.held for record in records)
    if held:
        text = ngettext(
            "The files of {count} study name more than one patient: open it and say whose it is. "
            "Until then nothing of it can be signed or exported.",
            "The files of {count} studies name more than one patient: open them and say whose "
            "they are. Until then nothing of them can be signed or exported.",
            held,
        )
        st.warning(text.format(count=held))


def _films(records: Sequence[StudyRecord]) -> dict[str, tuple[Instance, Assessment | None]]:
    """Every stored film of the studies with the network's answer, by SOP Instance UID."""
    films = {}
    for record in records:
        for instance, assessment in zip(record.instances, record.assessments, strict=True):
            answered = assessment if assessment and assessment.primary else None
            films[instance.identity.sop_instance_uid] = instance, answered
    return films
