"""Tables of studies and files; choosing a row opens its study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

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
from imaging.worklist.order import Grade, without_signals
from imaging.worklist.query import Sort
from models.inference.assessments import promises_nothing
from pages.ui import labels, navigation, session
from pages.ui.data_uri import data_uri
from pages.ui.grid.component import Column, Mark, Order, Place, Row, Value, render_grid
from pages.ui.i18n import _, sentence

Values = Mapping[str, Value]


def worklist_row(
    item: WorklistItem, *, revealed: bool = True, thumbnail: bytes | None = None
) -> Values:
    """A study as the worklist shows it; the network's answer only when it is revealed."""
    hidden = session.identity_hidden()
    finding = item.finding if revealed else None
    outcome = _("AI is off") if item.ai_off else labels.outcome(item.status)
    answer = _answer(finding, item.answer, item.status) or outcome
    waits = labels.waiting(item.received_at)
    if item.read or item.prior_of:
        waits = labels.NOTHING
    elif item.overdue:
        waits = _("{time}, overdue").format(time=waits)
    said: dict[str, Value] = {
        _("Urgency"): labels.urgency(item, revealed=revealed and not item.ai_off),
        _("AI finding"): answer if revealed or item.finding is None else _("after your read"),
        _("Score"): None if promises_nothing(item.message) else _probability(finding),
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
        _("Age"): labels.age(item.patient),
        _("Sex"): labels.sex(item.patient.sex),
        _("Exam"): labels.exam(item.acquisition),
        _("Modality"): item.acquisition.modality,
        _("Study date"): labels.date(item.acquisition.study_date),
        _("Reading"): labels.reading(item),
        _("Reason"): sentence(item.message if revealed else _reason_untold(item)),
        _("File"): labels.HIDDEN if hidden else labels.file_name(item.file_name),
    }


def _reason_untold(item: WorklistItem) -> str:
    """A row's reason before its answer is revealed: none of an answer, no word on earlier ones."""
    return without_signals(item.message) if item.finding is None else ""


def outcome_row(
    file: JobFile,
    assessment: Assessment | None,
    instance: Instance | None = None,
    *,
    revealed: bool = True,
    thumbnail: bytes | None = None,
) -> Values:
    """A file as the intake shows it; the network's answer only when it is revealed."""
    finding = assessment.primary if assessment and revealed else None
    model = assessment.model if assessment else None
    hidden = session.identity_hidden()
    named = instance is not None and _describe_patient(
        instance.patient, instance.source, "", typed=instance.typed is not None
    )
    promised = assessment is None or not promises_nothing(assessment.messages)
    said: dict[str, Value] = {
        _("AI finding"): _answer(finding, assessment.answer if assessment else None, file.status),
        _("Score"): _probability(finding) if promised else None,
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


@dataclass(frozen=True, slots=True)
class Listed:
    """What a table knows of the list that its rows are a page of.

    ``place`` is where they stand in it, ``order`` how all of it is sorted, ``on_sorted_change`` the
    callback that hears which header was pressed, ``on_folded_change`` the one for priors.
    """

    place: Place
    order: Order
    on_sorted_change: Callable[[], None]
    on_folded_change: Callable[[], None]


def render_table(
    rows: Sequence[Row],
    *,
    key: str,
    several: bool = False,
    page: Listed | None = None,
) -> list[str]:
    """Draw rows; pressing one opens its study.

    With `several`, rows are ticked instead: returns their studies. Without `page` they are files.
    """
    values, source = _take_shared_source([row.values for row in rows])
    on_sorted_change = page.on_sorted_change if page and not several else None
    on_folded_change = page.on_folded_change if page and not several else None
    chosen = render_grid(
        [replace(row, values=own) for row, own in zip(rows, values, strict=True)],
        _columns(files=page is None),
        key=f"{key}-several" if several else key,
        words={
            "label": _("Files") if page is None else _("Studies"),
            "tick": _("Choose this image"),
            "fold": _("Hide earlier"),
            "unfold": _("{count} earlier"),
        },
        several=several,
        place=page.place if page else None,
        order=page.order if page else None,
        legend=_legend(values) if page else (),
        note=_("Scores by {source}").format(source=source) if source else "",
        on_sorted_change=on_sorted_change,
        on_folded_change=on_folded_change,
        fills=page is not None,
    )
    if chosen.opened and not several:
        navigation.open_study(chosen.opened)
    return list(chosen.ticked)


def _legend(rows: Sequence[Values]) -> list[tuple[Mark, str]]:
    """What the shapes mean, of those grades that are on screen; none where no grade is."""
    marks = [mark for row in rows if isinstance(mark := row.get(_("Urgency")), Mark)]
    shown = {mark.grade for mark in marks} - {Grade.READ, Grade.PRIOR}
    means = {
        Grade.CRITICAL: _("a finding is suspected that this site calls critical"),
        Grade.URGENT: _("a finding is suspected that this site calls urgent"),
        Grade.PRIORITY: _("a finding is suspected"),
        Grade.UNSURE: _("the AI cannot tell"),
        Grade.ROUTINE: _("nothing is suspected; does not rule it out"),
        Grade.UNSUITABLE: _("read it without the AI"),
        Grade.WAITING: _("not answered yet"),
    }
    told = [
        (Mark(labels.grade_name(grade), grade.value), words)
        for grade, words in means.items()
        if grade in shown
    ]
    if any(mark.late for mark in marks):
        told.append((Mark(_("Overdue"), "late"), _("has waited longer than this site allows")))
    return told


def _take_shared_source(rows: Sequence[Values]) -> tuple[Sequence[Values], str]:
    """A source that all scores share is said once, and leaves its column; with it, or without."""
    column = _("Model, threshold")
    sources = {str(row[column]) for row in rows if row.get(column)}
    if len(sources) > 1:
        return rows, ""
    shared = [{name: value for name, value in row.items() if name != column} for row in rows]
    return shared, "".join(sources)


def _columns(*, files: bool) -> list[Column]:
    """The columns in their order; one that no row has a value of is left out."""
    reads = session.may(Right.FINDINGS)
    reason = "" if files else _("Reason")
    file = [Column(_("File"), 140, grows=True)] if files else []
    below = "" if files else _("File")
    return [
        Column(_("Image"), 50, kind="picture"),
        Column(_("Urgency"), 134, kind="mark", sort=Sort.READING, help=_("Order of reading")),
        *file,
        Column(_("Patient"), 120, below=below, grows=True, sort=Sort.PATIENT),
        Column(_("Age"), 80, below=_("Sex"), sort=Sort.AGE),
        Column(_("Exam"), 94, below=_("Modality"), sort=Sort.MODALITY),
        Column(_("Study date"), 106, sort=Sort.DATE, folds=True),
        Column(_("Outcome"), 150, below="" if reads else reason, grows=True),
        Column(_("AI finding"), 150, below=reason if reads else "", grows=True),
        Column(_("Score"), 66, kind="share"),
        Column(_("Model, threshold"), 150, kind="long", grows=True),
        Column(_("Reading"), 88, sort=Sort.STAGE),
        Column(_("Waiting"), 82, sort=Sort.RECEIVED),
        *([Column(_("Reason"), 200, grows=True)] if files else []),
    ]


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
