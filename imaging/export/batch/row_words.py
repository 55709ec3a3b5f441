"""A result in a person's words: what the tables lead with, and the summary says of a study."""

from __future__ import annotations

from imaging.entities import Patient, Status
from imaging.export import report_words, wording
from imaging.export.batch.rows import NOT_READ, ResultRow
from imaging.language import _, sentence
from imaging.person import format_name
from imaging.worklist.order import READ, ROUTINE, level_of

_LEVELS = ("routine", "raised", "urgent", "critical")
_READINGS = {
    NOT_READ: "not read",
    "draft": "in draft",
    "preliminary": "signed as preliminary",
    "final": "signed as final",
}


def patient(row: ResultRow) -> str:
    """Name and number, as far as the row names the patient; "" where nobody asked for names."""
    parts = (format_name(row.patient_name), row.patient_id)
    named = ", ".join(part for part in parts if part)
    if named and row.patient_typed_by:
        return _("{patient} (typed by {reader})").format(patient=named, reader=row.patient_typed_by)
    return named


def age(row: ResultRow) -> str:
    """Age at the study."""
    return report_words.patient_age(Patient(age_years=row.age_years))


def sex(row: ResultRow) -> str:
    """Patient's Sex in words."""
    return report_words.patient_sex(Patient(sex=row.sex))


def urgency(row: ResultRow) -> str:
    """How urgent the study is: its level, and that the AI was unsure of it."""
    if row.urgency is None:
        return ""
    if row.urgency == READ:
        return _("read")
    level = _(_LEVELS[level_of(row.urgency)])
    return (
        _("{level}: unsure").format(level=level)
        if row.urgency > ROUTINE and row.urgency % 2 == 1
        else level
    )


def reading(row: ResultRow) -> str:
    """How far the reader has come."""
    return reading_word(row.reading)


def reading_word(name: str) -> str:
    """A value of `ResultRow.reading` in words."""
    return _(_READINGS.get(name, name))


def ai_answer(row: ResultRow) -> str:
    """The answer in words; of a refusal its reason, of a file without an answer what became of it.

    The threshold and the model stand in columns of their own.
    """
    if row.answer and row.finding_label:
        answered = _(report_words.WORDS[f"ai_{row.answer}"])
        answered = answered.format(finding=_(row.finding_label))
        if row.status == Status.WARNED:
            return _("{answer} (with caution)").format(answer=answered)
        return answered
    outcome = wording.status_word(row.status)
    return f"{outcome}: {sentence(row.message)}" if row.message else outcome
