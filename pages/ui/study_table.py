"""Tables of studies and files; choosing a row opens its study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from imaging.entities import (
    Answer,
    Assessment,
    Finding,
    Instance,
    JobFile,
    ModelIdentity,
    Patient,
    SourceKind,
    Status,
)
from imaging.review.rights import Right
from imaging.study import WorklistItem
from imaging.text import escape_formula
from models.inference.assessments import promises_nothing
from pages.ui import labels, navigation, session
from pages.ui.data_uri import data_uri
from pages.ui.i18n import _, sentence

Row = Mapping[str, str | float | None]

_ROW, _HEAD, _MOST = 44, 38, 566  # pixels; a row shows a film


def worklist_row(
    item: WorklistItem, *, revealed: bool = True, thumbnail: bytes | None = None
) -> Row:
    """A study as the worklist shows it; the network's answer only when it is revealed."""
    hidden = session.identity_hidden()
    age_sex = (labels.age(item.patient), labels.sex(item.patient.sex))
    finding = item.finding if revealed else None
    outcome = _("AI is off") if item.ai_off else labels.outcome(item.status)
    answer = _answer(finding, item.answer, item.status) or outcome
    waits = labels.waiting(item.received_at)
    if item.read:
        waits = labels.NOTHING
    elif item.overdue:
        waits = f"{labels.LATE} {waits}"
    said: Row = {
        _("Urgency"): labels.urgency(item, revealed=revealed and not item.ai_off),
        _("AI finding"): answer if revealed or item.finding is None else _("after your read"),
        _("Probability"): None if promises_nothing(item.message) else _probability(finding),
        _("Model, threshold"): _source(item.model, finding),
    }
    if not session.may(Right.FINDINGS):
        said = {_("Outcome"): outcome}
    return {
        _("Image"): _picture(thumbnail),
        **said,
        _("Waiting"): waits,
        _("Patient"): _describe_patient(
            item.patient, item.source, item.file_name, typed=item.typed
        ),
        _("Age, sex"): ", ".join(part for part in age_sex if part),
        _("Modality"): item.acquisition.modality,
        _("Study date"): labels.date(item.acquisition.study_date),
        _("Reading"): labels.reading(item),
        _("Reason"): sentence(item.message),
        _("File"): labels.HIDDEN if hidden else labels.file_name(item.file_name),
    }


def outcome_row(
    file: JobFile,
    assessment: Assessment | None,
    instance: Instance | None = None,
    *,
    revealed: bool = True,
    thumbnail: bytes | None = None,
) -> Row:
    """A file as the intake shows it; the network's answer only when it is revealed."""
    finding = assessment.primary if assessment and revealed else None
    model = assessment.model if assessment else None
    hidden = session.identity_hidden()
    named = instance is not None and _describe_patient(
        instance.patient, instance.source, "", typed=instance.typed is not None
    )
    promised = assessment is None or not promises_nothing(assessment.messages)
    said: Row = {
        _("AI finding"): _answer(finding, assessment.answer if assessment else None, file.status),
        _("Probability"): _probability(finding) if promised else None,
        _("Model, threshold"): _source(model, finding),
    }
    return {
        _("Image"): _picture(thumbnail),
        _("File"): labels.HIDDEN if hidden else labels.file_name(file.file_name),
        _("Patient"): named or "",
        _("Outcome"): labels.outcome(file.status),
        **(said if session.may(Right.FINDINGS) else {}),
        _("Reason"): " ".join(filter(None, (_duplicate(file), sentence(file.message)))),
    }


def _picture(thumbnail: bytes | None) -> str | None:
    """A small picture (JPEG) inside the page's own data: it has no address anyone could fetch."""
    return data_uri(thumbnail, "jpeg") if thumbnail else None


def _describe_patient(patient: Patient, source: SourceKind, file_name: str, *, typed: bool) -> str:
    """Name or number; of a film that nobody named, its file, by which it is told from others."""
    hidden = session.identity_hidden()
    name = labels.patient_name(patient.name) or patient.patient_id
    if name:
        shown = labels.HIDDEN if hidden else name
        return labels.typed(shown) if typed else shown
    if source is not SourceKind.FILM:
        return labels.HIDDEN if hidden else ""
    shown = labels.HIDDEN if hidden else labels.file_name(file_name)
    return _("Unnamed: {file}").format(file=shown) if file_name else _("Unnamed")


def _duplicate(file: JobFile) -> str:
    """Where the bytes of a file were before; empty where they were new."""
    return {
        "job": _("Duplicate: the same file is in this batch already."),
        "store": _("Duplicate: the same file was handed in before; it is kept once."),
    }.get(file.duplicate, "")


def render_table(
    rows: Sequence[Row], studies: Sequence[str], *, key: str, several: bool = False
) -> list[str]:
    """Draw rows; choosing one opens the study of the same position ("" has none).

    With `several`, rows are ticked instead: returns their studies.
    """
    shown = [_defuse_formulas(row) for row in _say_source_once(rows)]
    names = {name for row in shown for name in row}
    chosen = st.dataframe(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row" if several else "single-row",
        key=f"{key}-several" if several else key,
        height=min(_HEAD + _ROW * len(rows), _MOST),
        row_height=_ROW,
        column_config={name: kind for name, kind in _columns().items() if name in names},
    )
    ticked = [studies[row] for row in chosen.selection.rows if row < len(studies) and studies[row]]
    if ticked and not several:
        navigation.open_study(ticked[0])
    return ticked


def _defuse_formulas(row: Row) -> Row:
    """A row whose download no spreadsheet takes for a formula."""
    return {k: escape_formula(v) if isinstance(v, str) else v for k, v in row.items()}


def _say_source_once(rows: Sequence[Row]) -> Sequence[Row]:
    """Move a source that all scores share from its column to one line above the table."""
    column = _("Model, threshold")
    sources = {row[column] for row in rows if row.get(column)}
    if len(sources) > 1:
        return rows
    for source in sources:
        st.caption(_("Scores by {source}").format(source=source))
    return [{name: value for name, value in row.items() if name != column} for row in rows]


def _columns() -> dict[str, Any]:
    """Widths in pixels; a table narrower than the page is stretched in proportion."""
    widths = {
        _("Urgency"): 125,
        _("Outcome"): 180,
        _("AI finding"): 210,
        _("Model, threshold"): 255,
        _("Waiting"): 120,
        _("Patient"): 240,
        _("Age, sex"): 130,
        _("Modality"): 75,
        _("Study date"): 95,
        _("Reading"): 165,
        _("Reason"): 540,
        _("File"): 200,
    }
    probability = st.column_config.ProgressColumn(
        format="percent", min_value=0, max_value=1, width=120
    )
    film = st.column_config.ImageColumn(width=64, help=_("Press to see it larger."))
    return {_("Probability"): probability, _("Image"): film} | {
        name: st.column_config.TextColumn(width=width) for name, width in widths.items()
    }


def _answer(finding: Finding | None, given: Answer | None, status: Status | None) -> str:
    """The answer, with a sign where it comes with a reason to be careful."""
    if finding is None:
        return ""
    sign = " \u26a0" if status is Status.WARNED else ""
    return labels.answer(finding, given) + sign


def _source(model: ModelIdentity | None, finding: Finding | None) -> str:
    """The model that gave the score, and its operating point; a score never stands without."""
    if model is None or finding is None:
        return ""
    return _("{name} {version}, hash {hash}, threshold {percent}").format(
        name=model.name,
        version=model.version,
        hash=model.short_hash,
        percent=labels.percent(finding.operating_point),
    )


def _probability(finding: Finding | None) -> float | None:
    """For a bar with a whole percentage beside it; never a false 0% or 100%."""
    return round(min(max(finding.probability, 0.01), 0.99), 2) if finding else None
