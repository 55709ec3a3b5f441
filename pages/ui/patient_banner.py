"""Whose picture this is: the patient banner and the same identity in one line."""

from __future__ import annotations

from imaging.entities import Instance, SourceKind
from pages.ui import labels, session
from pages.ui.i18n import _


def identity_line(instance: Instance) -> str:
    """The patient's ID, to be repeated beside an answer."""
    if instance.source is SourceKind.FILM:
        return _("No patient data in this file")
    known = labels.HIDDEN if session.identity_hidden() else instance.patient.patient_id
    return _("Patient ID {patient_id}").format(patient_id=known or labels.NOTHING)


def facts(instance: Instance) -> tuple[tuple[str, str], ...]:
    """Terms and values of the banner on a film; identifying ones masked on request."""
    return tuple((term, value or labels.NOTHING) for term, value in _facts(instance))


def _facts(instance: Instance) -> list[tuple[str, str]]:
    patient, taken = instance.patient, instance.acquisition
    if instance.source is SourceKind.FILM:
        return [(_("File"), _masked(instance.file_name)), (_("Size"), _size(instance))]
    born = labels.date(patient.birth_date)
    when = f"{labels.date(taken.study_date)} {labels.clock(taken.study_time)}".strip()
    description = taken.study_description or taken.series_description
    return [
        (_("Name"), _masked(labels.patient_name(patient.name))),
        (_("Patient ID"), _masked(patient.patient_id)),
        (_("Born, age"), ", ".join(part for part in (_masked(born), labels.age(patient)) if part)),
        (_("Sex"), labels.sex(patient.sex)),
        (_("Study"), when),
        (_("Description"), description),
        (_("Accession"), _masked(taken.accession_number)),
        (_("Modality, view"), " ".join((taken.modality, taken.view_position)).strip()),
    ]


def _masked(value: str) -> str:
    return labels.HIDDEN if value and session.identity_hidden() else value


def _size(instance: Instance) -> str:
    return f"{instance.geometry.columns} \u00d7 {instance.geometry.rows}"


def marks(instance: Instance) -> tuple[str, ...]:
    """What must not be overlooked about this picture."""
    found = []
    if instance.acquisition.synthetic:
        found.append(_("SYNTHETIC - no patient"))
    if instance.source is SourceKind.FILM:
        found.append(_("No patient data in this file"))
    return tuple(found)
