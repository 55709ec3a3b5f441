"""Export of a batch's results: tables, one report per study, a summary; made beside the page."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import streamlit as st

from imaging.delivery.batch import FORMATS, MOST_TOP, TOO_LARGE, TOP, Wish, export_batch
from imaging.delivery.batch_rows import job_batch
from imaging.entities import RESEARCH_USE, Job
from imaging.errors import ExportError
from imaging.export import LEFT_OUT
from imaging.export.batch.summary import PicturePair
from imaging.host.temporary import results_folder
from imaging.review.rights import Right
from models.explain.contact_sheet import picture_pairs
from models.inference.image_selection import because
from pages.ui import background, resources, session
from pages.ui.deeds import only
from pages.ui.download import render_download
from pages.ui.escape import plain
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.messages import in_words
from pages.ui.review import first_read

DEFAULTS = ("xlsx", "pdf")
SLOT = "takeaway"  # one a session: the export of another batch is forgotten
_MOST_REASONS = 5
_MOST = 150 << 20  # bytes that travel through the page's own connection
_KINDS = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pdf": "application/pdf",
    ".html": "text/html",
    ".zip": "application/zip",
}


@dataclass(frozen=True, slots=True)
class BatchDownload:
    """The file the browser saves, and what was left out of it."""

    name: str
    content: bytes
    left_out: tuple[str, ...]

    @property
    def media_type(self) -> str:
        """Of the file, by its name."""
        return _KINDS.get(Path(self.name).suffix, "application/octet-stream")


@only(Right.EXPORT)
def render_batch_export(job: Job) -> None:
    """Draw the choice of forms, the progress and the file to save, under a finished job.

    A reader who reads blind is asked to read first: results hold the network's answers.
    """
    with in_words():
        if _is_hidden(job):
            st.caption(_("Results can be exported once you have read these studies."))
            return
        with st.popover(_("Export results"), key=f"takeaway-{job.job_id}"):
            wish = _render_wish(job)
            key: Hashable = (job.job_id, wish)
            task = background.current(SLOT, key)
            busy = task is not None and not task.done and not task.stopped
            wanted = st.button(
                _("Create files"), disabled=busy or not wish.formats, key=f"prepare-{job.job_id}"
            )
            if wanted:
                _begin(job, wish, key)
            background.render_wait(SLOT, _("Collecting the results ..."))
            _render_save(job, key)
            st.caption(_(RESEARCH_USE))


def _is_hidden(job: Job) -> bool:
    """True while an answer among the results must wait for this reader's own."""
    revealed = first_read.revealed_studies()
    uids = {file.study_instance_uid for file in job.files} - {""}
    return any(
        uid not in revealed and first_read.hides(resources.repository().studies.get(uid))
        for uid in uids
    )


def _render_wish(job: Job) -> Wish:
    """Draw the choices of what to export; returns them."""
    chosen = st.pills(
        _("File types"),
        FORMATS,
        selection_mode="multi",
        default=DEFAULTS,
        format_func=_label,
        key=f"takeaway-forms-{job.job_id}",
    )
    names = st.toggle(_("Include patient names"), key=f"takeaway-names-{job.job_id}")
    st.caption(
        _("File names, ages, study dates and accession numbers are in the results either way.")
        + " "
        + _("A file's name may hold a patient's.")
    )
    top = st.number_input(
        _("Most urgent studies shown with pictures in the summary"),
        min_value=0,
        max_value=MOST_TOP,
        value=TOP,
        key=f"takeaway-top-{job.job_id}",
    )
    return Wish(tuple(form for form in FORMATS if form in chosen), names, int(top))


def _label(form: str) -> str:
    return {
        "csv": _("Table (CSV)"),
        "parquet": _("Table (Parquet)"),
        "xlsx": _("Table (Excel)"),
        "sr": _("One structured report per study (DICOM SR)"),
        "pdf": _("Summary (PDF)"),
        "html": _("Summary (HTML)"),
    }[form]


def _begin(job: Job, wish: Wish, key: Hashable) -> None:
    """Start the work; it knows no session, so all it needs is fetched here."""
    repository, account = resources.repository(), session.account().name
    explainers = resources.explainers() if wish.pictures else None
    pictures = picture_pairs(repository, explainers) if explainers else _no_picture
    home, private = resources.settings().home, repository.originals.encrypted

    def work(report: background.OnProgress) -> BatchDownload:
        with results_folder(home, room=2 * _MOST, private=private) as folder:
            results = export_batch(
                repository,
                job_batch(repository, job, because),
                wish,
                folder,
                account=account,
                pictures=pictures,
                on_progress=report,
            )
            return _pack(results.files, results.left_out, job)

    background.forget(SLOT)
    background.start(SLOT, key, work)


def _no_picture(_study_instance_uid: str) -> PicturePair | None:
    return None


def _pack(files: Sequence[Path], left_out: tuple[str, ...], job: Job) -> BatchDownload:
    """A single file as it is, several as one archive; raises `ExportError` for too much."""
    if sum(file.stat().st_size for file in files) > _MOST:
        raise ExportError(TOO_LARGE)
    if len(files) == 1 and not left_out:
        return BatchDownload(files[0].name, files[0].read_bytes(), left_out)
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
        if left_out:
            archive.writestr(LEFT_OUT, "\n".join(left_out) + "\n")
    return BatchDownload(f"lightbox-{job.job_id[:8]}.zip", buffer.getvalue(), left_out)


def _render_save(job: Job, key: Hashable) -> None:
    """The file to save, once it is there; raises what the work raised."""
    task = background.current(SLOT, key)
    download: BatchDownload | None = task.result if task is not None else None
    if download is None:
        return
    label = _("Save {name}").format(name=download.name)
    render_download(
        label,
        download.name,
        download.content,
        download.media_type,
        key=f"takeaway-save-{job.job_id}",
    )
    _render_left_out(download.left_out)


def _render_left_out(lines: Sequence[str]) -> None:
    """How much is missing and why, each reason once; which studies, the archive's list says."""
    if not lines:
        return
    told = ngettext(
        "{count} could not be exported (see the list in the archive).",
        "{count} could not be exported (see the list in the archive).",
        len(lines),
    )
    st.warning(told.format(count=len(lines)))
    reasons = Counter(line.partition(": ")[2] or line for line in lines)
    for reason, count in reasons.most_common(_MOST_REASONS):
        st.caption(f"{count} \u00d7 {plain(sentence(reason))}")
