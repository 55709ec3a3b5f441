"""Export of a study's review: DICOM objects, report, FHIR and tables."""

from __future__ import annotations

import zipfile
from io import BytesIO

import streamlit as st

from imaging.delivery.study import changes_of, deliver
from imaging.entities import RESEARCH_USE
from imaging.errors import AssistantError
from imaging.export import FORMATS, LEFT_OUT, ExportedFile
from imaging.review.rights import Right
from imaging.study import StudyRecord
from models.explain.maps import attribution_maps
from pages.ui import resources, session
from pages.ui.deeds import only
from pages.ui.download import render_download
from pages.ui.escape import plain
from pages.ui.i18n import _, sentence

LABELS = {
    "sr": "Structured report (DICOM SR)",
    "sc": "Picture with explanation (DICOM SC)",
    "gsps": "Presentation state (DICOM GSPS)",
    "map": "Explanation as data (DICOM)",
    "pdf": "Report (PDF)",
    "html": "Report (HTML)",
    "fhir": "DiagnosticReport (FHIR)",
    "csv": "Tables (CSV)",
}


@only(Right.EXPORT)
def render_export(record: StudyRecord) -> None:
    """Draw the export popover: choose formats, prepare, save."""
    uid = record.study_instance_uid
    with st.popover(_("Export"), width="stretch", key=f"export-{uid}"):
        st.caption(_describe_status(record))
        chosen = st.pills(
            _("Formats"),
            FORMATS,
            selection_mode="multi",
            default=FORMATS,
            format_func=lambda name: _(LABELS[name]),
            key=f"formats-{uid}",
        )
        pressed = st.button(_("Create files"), disabled=not chosen, key=f"prepare-{uid}")
        to_save, remarks = st.container(), st.container()  # nothing that is said hides the file
        if pressed:
            with remarks, st.spinner(_("Writing the export ...")):
                _prepare(uid, tuple(chosen))
        ready = session.prepared_export(uid)
        if ready is not None:
            name = f"lightbox-{uid[-12:]}.zip"
            with to_save:
                render_download(
                    _("Save {name}").format(name=name),
                    name,
                    ready,
                    "application/zip",
                    key=f"download-{uid}",
                )
        st.caption(_(RESEARCH_USE))


def _describe_status(record: StudyRecord) -> str:
    """The status the export will carry: final and signed, or preliminary."""
    if record.final is not None:
        return _("The signed version {version} is exported, marked final.").format(
            version=record.final.version
        )
    return _("Nothing is signed off: the export is marked preliminary and unverified.")


@only(Right.EXPORT)
def _prepare(uid: str, formats: tuple[str, ...]) -> None:
    """Write the files and keep them, as one archive, for this session."""
    repository, account = resources.repository(), session.account()
    try:
        maps = attribution_maps(repository.studies.get(uid), repository, resources.explainers())
        files = deliver(repository, uid, formats, maps=maps, account=account.name)
        changes = changes_of(repository, uid)
    except AssistantError as exc:
        st.error(plain(sentence(str(exc))))
        return
    session.set_prepared(uid, archive(files))
    for file in files:
        if file.name == LEFT_OUT:
            st.warning(plain(file.content.decode()))
    if changes:
        hidden = session.identity_hidden()
        lines = [change.discreet if hidden else change.sentence for change in changes]
        heading = _("Written otherwise than in the file; the export says so, too:")
        st.info("\n".join([heading, "", *(f"- {plain(line)}" for line in lines)]))


def archive(files: tuple[ExportedFile, ...]) -> bytes:
    """Files as one zip archive."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in files:
            zipped.writestr(file.name, file.content)
    return buffer.getvalue()
