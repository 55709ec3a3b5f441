"""The documents beside the films: reports as text, and films as a presentation state shows them.

All of it is a stranger's text and marks: shown escaped, read-only, and never as the reader's own.
"""

from __future__ import annotations

from html import escape

import streamlit as st

from imaging.decoding import DistantImage, Source
from imaging.decoding.files import films_of_state, read_report
from imaging.decoding.image import DistantStaging
from imaging.delivery.originals import source_of
from imaging.documents import Document, DocumentKind, Report, ReportLine
from imaging.entities import Instance
from imaging.errors import AssistantError
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import labels, patient_banner, resources, session
from pages.ui.deeds import deed, only
from pages.ui.escape import plain
from pages.ui.i18n import _, sentence
from pages.ui.messages import in_words
from pages.ui.viewer import Pane, Scene, render_viewer


def render_alone(record: StudyRecord) -> None:
    """A study without a film to look at: whose it is, what cannot be read, and its documents."""
    if not record.waiting:
        st.info(
            _(
                "This study has no image that can be shown, so there is nothing to read or "
                "to sign. What it holds is listed below; an image that comes later joins it."
            )
        )
    st.html(f"<div>{escape(_whose(record.files[0]))}</div>")
    render_unreadable(record)
    for document in _of(record, DocumentKind.PRESENTATION):
        st.warning(plain(_without_film(document)))
    render_reports(record, expanded=True)


def render_unreadable(record: StudyRecord) -> None:
    """The films of a study that cannot be read, each with its reason."""
    for film in record.unreadable:
        name = "" if session.identity_hidden() else f"{film.instance.file_name}: "
        st.warning(plain(name + sentence(film.reason)))


@only(Right.FINDINGS)
def render_reports(record: StudyRecord, *, expanded: bool = False) -> None:
    """The reports of a study, each folded until it is opened."""
    for number, document in enumerate(_of(record, DocumentKind.REPORT), 1):
        with st.expander(
            plain(_numbered(_("Report {number}"), number, document)), expanded=expanded
        ):
            if session.identity_hidden():
                st.caption(_("A report may name the patient; it is shown with identities only."))
            else:
                with in_words():
                    _render_report(record, document)


@only(Right.FINDINGS)
def render_choice(record: StudyRecord) -> Document | None:
    """A list of the study's presentations; None for the film as the reader left it."""
    presentations = _of(record, DocumentKind.PRESENTATION)
    if not presentations:
        return None
    key = f"presentation-{record.study_instance_uid}"
    chosen = st.selectbox(
        _("Presentation"),
        range(len(presentations) + 1),
        format_func=lambda at: _label(at, presentations[at - 1]) if at else _("As you left it"),
        key=key,
        label_visibility="collapsed",
        on_change=_turn_to_film,
        args=(record, key),
        width=320,
    )
    return presentations[chosen - 1] if chosen else None


def stage(document: Document, image: DistantImage) -> DistantStaging | None:
    """The film as a presentation shows it, or None with a sentence on screen why not."""
    try:
        return image.under(_source(document))
    except AssistantError as exc:
        st.warning(plain(sentence(str(exc))))
        return None


def render_staged(document: Document, staging: DistantStaging, *, bindings: dict[str, str]) -> None:
    """Draw a film as a presentation shows it, read-only, and the words the presentation holds."""
    instance = staging.image.instance
    pane = Pane(
        key="0",
        image=staging.image,
        title=_name(document),
        banner=patient_banner.facts(instance),
        marks=patient_banner.marks(instance),
    )
    scene = Scene(
        panes=(pane,),
        annotations=staging.annotations,
        presentations=(staging.presentation,),
        bindings=bindings,
        editable=False,
    )
    uid = document.identity
    key = f"viewer-{uid.study_instance_uid}-{uid.sop_instance_uid}"
    render_viewer(scene, key=key, sign_in=session.token())
    st.caption(
        _("Read-only. What you draw and set yourself is kept under \u201cAs you left it\u201d.")
    )
    for remark in (*staging.remarks, *staging.image.remarks):
        st.warning(plain(sentence(remark)))
    if staging.texts and not session.identity_hidden():
        lines = (_("Words of this presentation:"), *staging.texts)
        st.html("".join(f'<div class="lb-small">{escape(text)}</div>' for text in lines))


@deed(Right.FINDINGS)
def _turn_to_film(record: StudyRecord, key: str) -> None:
    """Hang the film the chosen presentation is for, where it is there."""
    at = int(st.session_state[key])
    if not at:
        return
    document = _of(record, DocumentKind.PRESENTATION)[at - 1]
    try:
        films = films_of_state(_source(document))
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
        return
    own = {instance.identity.sop_instance_uid for instance in record.instances}
    wanted = next((uid for uid in films if uid in own), "")
    if wanted:
        session.choose_image(record.study_instance_uid, wanted)
    else:
        st.session_state[key] = 0
        session.leave_notice("warning", _without_film(document))


def _render_report(record: StudyRecord, document: Document) -> None:
    """The text, drawn once a session."""
    films = tuple(i.identity.sop_instance_uid for i in record.instances)
    html = session.picture(
        ("report", document.identity.sha256, films, st.context.locale),
        lambda: _html(read_report(_source(document)), films),
    )
    st.html(html)
    st.caption(_("The file's own text, as it was received; Lightbox has not checked it."))


def _html(report: Report, films: tuple[str, ...]) -> str:
    """A report as indented lines; every word of it escaped."""
    parts = [f"<b>{escape(report.title)}</b>", *(escape(line) for line in _describe_flags(report))]
    body = "".join(f"<div>{part}</div>" for part in parts)
    body += "".join(_line(line, films) for line in report.lines)
    if report.cut:
        body += f"<div>{escape(_('The report is longer than what is shown here.'))}</div>"
    return f'<div class="lb-document" style="overflow-wrap: anywhere">{body}</div>'


def _line(line: ReportLine, films: tuple[str, ...]) -> str:
    value = line.value
    if line.refers:
        value = (
            _("an image of this study") if line.refers in films else _("an object not shown here")
        )
    name = f"<b>{escape(line.name)}</b>" if not value else f"{escape(line.name)}: "
    style = f"padding-left: {min(line.depth, 12) * 0.9:.1f}rem; white-space: pre-line"
    return f'<div style="{style}">{name}{escape(value)}</div>'


def _describe_flags(report: Report) -> list[str]:
    """The flags of a report in words, then who verified it."""
    flags = (
        (report.final, _("Final"), _("Preliminary")),
        (report.complete, "", _("Partial")),
        (report.verified, _("Verified"), _("Not verified")),
    )
    words = [yes if flag else no for flag, yes, no in flags if flag is not None]
    line = " \u00b7 ".join(word for word in words if word)
    who = [", ".join(part for part in verifier if part) for verifier in report.verifiers]
    return [line, *who] if line else who


def _of(record: StudyRecord, kind: DocumentKind) -> list[Document]:
    return [document for document in record.documents if document.kind is kind]


def _source(document: Document) -> Source:
    return source_of(resources.repository(), document.identity.sha256)


def _when(document: Document) -> str:
    """Date and time in digits only: a label of Streamlit's may be taken for Markdown."""
    clock = labels.clock(document.time) if document.time[:4].isdigit() else ""
    return f"{labels.date(document.date)} {clock}".strip()


def _numbered(text: str, number: int, document: Document) -> str:
    label = text.format(number=number)
    return f"{label}, {_when(document)}" if _when(document) else label


def _name(document: Document) -> str:
    """Whose presentation it is."""
    who = document.author or document.title or labels.NOTHING
    return _("Presentation of {who}").format(
        who=labels.HIDDEN if session.identity_hidden() else who
    )


def _label(number: int, document: Document) -> str:
    """An option of the list, which is plain text; numbered, so that no two are the same."""
    return f"{number}. {_name(document)}" + (f", {_when(document)}" if _when(document) else "")


def _without_film(document: Document) -> str:
    return _(
        "The image of the presentation of {when} is not in this study, so it is not shown."
    ).format(when=_when(document) or labels.NOTHING)


def _whose(item: Instance | Document) -> str:
    """Who the patient is, masked on request."""
    patient = item.patient
    facts = (labels.patient_name(patient.name), patient.patient_id)
    shown = [labels.HIDDEN if session.identity_hidden() else fact for fact in facts if fact]
    return " \u00b7 ".join((*shown, labels.date(item.acquisition.study_date)))
