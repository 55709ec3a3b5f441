"""The report on paper: who, what the reader found, what the network said, what was measured."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import (
    Flowable,
    Image,
    KeepTogether,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from imaging.entities import RESEARCH_USE, Assessment, Instance
from imaging.export import wording
from imaging.export.case import ExportCase, ExportedFile
from imaging.export.codes import CALLS
from imaging.export.common import local, short
from imaging.export.pdf_sheet import MARGIN, WIDTH, Sheet
from imaging.export.photograph import origin_line
from imaging.rendering import composite_overlay, thumbnail
from imaging.review.records import ReadFinding, Stage, Trial

_LOST = (
    "An original of this study is missing from the data folder, or was altered there: no picture "
    "of it can be shown. What is stated above is as it was written."
)
_FINEST = 1400  # pixels of the longer side of a picture on paper


def pdf_report(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write the report as A4 pages; each says that it is for research, and the review's stage.

    Notes
    -----
    Characters no font of this computer has are printed as their code points, with a note.
    """
    sheet = Sheet()
    story: list[Flowable] = [
        sheet.text("Lightbox report", size=16),
        sheet.text(wording.status_line(case), size=11),
        sheet.text(RESEARCH_USE, size=11),
        *_facts(sheet, case),
        *_changes(sheet, case),
        *_findings(sheet, case),
        *_answers(sheet, case),
        *_trials(sheet, case),
        *_measurements(sheet, case),
        *_pictures(sheet, case),
    ]
    story += [sheet.text(note) for note in sheet.setter.notes]
    story.append(sheet.text(f"Exported {local(now):%Y-%m-%d %H:%M}."))
    if case.anchor:
        story.append(sheet.text(wording.anchor_line(case.anchor)))
    buffer = BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title="Lightbox report",
        author="Lightbox",
        subject=RESEARCH_USE,
        invariant=True,
    )
    foot = _footer(sheet, case)
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    content = buffer.getvalue()
    version = case.review.version if case.review else 0
    name = f"pdf-{short(f'{case.record.study_instance_uid}/{version}')}.pdf"
    return [ExportedFile(name, content)]


def _facts(sheet: Sheet, case: ExportCase) -> list[Flowable]:
    """Patient and study."""
    first = case.record.instances[0]
    patient, acquisition = first.patient, first.acquisition
    groups = (" ".join(group.replace("^", " ").split()) for group in patient.name.split("="))
    name = " = ".join(filter(None, groups))
    born = wording.date_words(patient.birth_date)
    study = (
        acquisition.study_description,
        wording.date_words(acquisition.study_date),
        wording.time_words(acquisition.study_time),
    )
    examination = (acquisition.modality, acquisition.body_part, acquisition.view_position)
    age = "" if patient.age_years is None else f"{patient.age_years:.3g} years"
    pairs = [
        ("Patient", name or "not stated in the file"),
        ("Patient ID", patient.patient_id),
        ("Born, sex, age", ", ".join(x for x in (born, patient.sex, age) if x)),
        ("Study", " ".join(study).strip()),
        ("Accession number", acquisition.accession_number),
        ("Examination", " ".join(examination).strip()),
        ("Study Instance UID", case.record.study_instance_uid),
        ("Images", str(len(case.record.instances))),
    ]
    pairs += [("Patient data", line) for line in wording.typed_lines(case.record)]
    pairs += [("Note", origin_line(film)) for film in case.record.instances if film.derivation]
    if acquisition.synthetic:
        pairs.append(("Note", "Synthetic picture; it shows no person."))
    rows = [("", ""), *((label, value) for label, value in pairs if value)]
    return [Spacer(1, 6), sheet.table(rows, (0.25, 0.75))]


def _changes(sheet: Sheet, case: ExportCase) -> list[Flowable]:
    """What is written otherwise than in the file."""
    if not case.changes:
        return []
    lines = [change.sentence for change in case.changes]
    return [sheet.text(wording.CHANGED, size=11), *map(sheet.text, lines)]


def _findings(sheet: Sheet, case: ExportCase) -> list[Flowable]:
    """The reader's word."""
    review = case.review
    head = sheet.text("Reader's findings", size=12)
    if review is None or not review.findings:
        return [head, sheet.text("No finding was stated by a reader.")]
    if review.stage is Stage.DRAFT:
        head = sheet.text("Reader's findings (draft, not signed)", size=12)
    rows = [("Finding", "Reader", "Against the network", "Note")]
    rows += [_finding_row(finding) for finding in review.findings]
    story = [head, sheet.table(rows, (0.25, 0.12, 0.28, 0.35))]
    return [*story, sheet.text(f"Note: {review.note}")] if review.note else story


def _finding_row(finding: ReadFinding) -> tuple[str, str, str, str]:
    """The row of a reader's finding."""
    call = CALLS[finding.call].meaning
    if finding.replaces:
        call = f"{call}: {wording.finding_label(finding.replaces)}"
    word = "present" if finding.present else "absent"
    return wording.finding_label(finding.code), word, call, finding.note


def _answers(sheet: Sheet, case: ExportCase) -> list[Flowable]:
    """The network's answer about each image."""
    story: list[Flowable] = [sheet.text("Network's answer (AI-generated)", size=12)]
    if not case.answers:
        return [*story, sheet.text("The network was not asked.")]
    for instance, assessment in case.answers:
        story.append(KeepTogether(_answer(sheet, instance, assessment)))
    return story


def _answer(sheet: Sheet, instance: Instance, assessment: Assessment) -> list[Flowable]:
    """The answer about an image, with the network's name, version, weights and operating points."""
    lines = [f"Image {short(instance.identity.sop_instance_uid)}"]
    firm = [f for f in assessment.findings if not f.exploratory and assessment.answers(f)]
    parts = [assessment.about(f) for f in firm] or [assessment]
    for part in parts:
        if part.answer is not None:
            lead = f"{part.primary.label}: " if part.primary else ""
            lines.append(f"Answer: {lead}{wording.ANSWERS[part.answer]}")
    calibrated = instance.derivation is None
    lines += [
        f"{f.label}: {wording.answer_line(f, calibrated=calibrated)}" for f in assessment.findings
    ]
    if assessment.disagreement is not None:
        lines.append(f"Largest disagreement between its networks: {assessment.disagreement:.3f}")
    lines += [wording.conformal_line(part) for part in parts]
    lines += [origin_line(instance), *assessment.messages]
    if assessment.model is not None:
        lines += [f"Model {wording.model_line(assessment.model)}", wording.engine_line(assessment)]
    return [sheet.text(line) for line in lines if line] + [Spacer(1, 4)]


def _trials(sheet: Sheet, case: ExportCase) -> list[Flowable]:
    """The reader's trials with the eraser, and what the network said then."""
    trials = case.review.trials if case.review else ()
    if not trials:
        return []
    rows = [("Image", "Tried", "Whole film", "What is left", "Model, time")]
    rows += [_trial_row(trial) for trial in trials]
    return [
        sheet.text("Tried with the eraser (AI-generated answers)", size=12),
        sheet.table(rows, (0.12, 0.3, 0.17, 0.17, 0.24)),
        sheet.text(
            "A film with a part taken out is no film of a patient: these answers say what the "
            "network's answer hangs on, not what the patient has."
        ),
    ]


def _trial_row(trial: Trial) -> tuple[str, str, str, str, str]:
    """The row of a trial, its steps numbered as they were taken."""
    steps = "\n".join(f"{at}. {step}" for at, step in enumerate(trial.regions, start=1))
    label = wording.finding_label(trial.code)
    before, after = (
        f"{label}: {wording.ANSWERS[answer]}, probability {probability:.3f}"
        for answer, probability in (
            (trial.answer_before, trial.before),
            (trial.answer_after, trial.after),
        )
    )
    model_and_time = f"{wording.model_line(trial.model)}, {local(trial.at):%Y-%m-%d %H:%M}"
    return short(trial.sop_instance_uid), steps, before, after, model_and_time


def _measurements(sheet: Sheet, case: ExportCase) -> list[Flowable]:
    """Every mark with its measurements."""
    marks = case.review.annotations if case.review else ()
    if not marks:
        return []
    rows = [("Mark", "Kind", "Image, frame", "Measured", "Finding")]
    for mark in marks:
        place = f"{short(mark.sop_instance_uid)}, {mark.frame + 1}"
        measured = ", ".join(wording.measure_line(measure) for measure in mark.measures)
        finding = wording.finding_label(mark.finding) if mark.finding else ""
        rows.append((mark.label, mark.shape.value, place, measured, finding))
    head = sheet.text("Measurements and marks", size=12)
    return [head, sheet.table(rows, (0.2, 0.12, 0.18, 0.3, 0.2))]


def _pictures(sheet: Sheet, case: ExportCase) -> list[Flowable]:
    """Each explained film beside its overlay; else the films that were gathered."""
    story: list[Flowable] = [sheet.text("Pictures", size=12)]
    for map_ in case.shown_maps:
        picture = case.picture(map_.sop_instance_uid, map_.frame)
        film = picture.shown
        overlay = composite_overlay(
            film, map_.values, limit=map_.limit, signed=True, seen=map_.seen
        )
        caption = (
            f"Film as acquired, and AI-generated overlay: {map_.method} for "
            f"{wording.finding_label(map_.target)} (orange for, blue against). "
            f"{wording.map_line(map_)} Model {wording.model_line(map_.model)}. {RESEARCH_USE}"
        )
        caption = " ".join([caption, *picture.notes])
        pair = Table([[_image(film), _image(np.asarray(overlay))]], hAlign="LEFT")
        story.append(KeepTogether([pair, sheet.text(caption)]))
    story += [sheet.text(wording.map_line(map_)) for map_ in case.maps if not map_.shown]
    if not case.shown_maps:
        for picture in case.pictures[:4]:
            story.append(_image(picture.shown))
            story += [sheet.text(note) for note in picture.notes]
    if any(film.identity.sop_instance_uid not in case.contents for film in case.record.instances):
        story.append(sheet.text(_LOST))
    return story


def _image(values: Any) -> Image:
    """A picture half a page wide."""
    rows, columns = values.shape[:2]
    png = thumbnail(values, size=min(_FINEST, max(rows, columns)))
    scale = min(0.48 * WIDTH / columns, 110 * mm / rows)
    return Image(BytesIO(png), width=columns * scale, height=rows * scale)


def _footer(sheet: Sheet, case: ExportCase) -> Any:
    """The footer of every page."""
    stage = case.review.stage.value.upper() if case.review else "NOT READ"
    study = short(case.record.study_instance_uid)

    def draw(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(sheet.setter.base, 8)
        canvas.drawString(MARGIN, 10 * mm, f"{RESEARCH_USE}. {stage}. Study {study}")
        canvas.drawRightString(A4[0] - MARGIN, 10 * mm, f"Page {document.page}")
        if case.anchor:
            canvas.setFont(sheet.setter.base, 6)
            canvas.drawString(MARGIN, 7 * mm, f"Audit trail {case.anchor}")
        canvas.restoreState()

    return draw
