"""Whose picture this is: the patient banner and the same identity in one line."""

from __future__ import annotations

from imaging.entities import Instance, SourceKind
from pages.ui import labels, session
from pages.ui.i18n import _


def identity_line(instance: Instance) -> str:
    """The patient's ID, to be repeated beside an answer."""
    if instance.source is SourceKind.FILM:
        return _("No patient data in this file")
    patient_id = labels.HIDDEN if session.identity_hidden() else instance.patient.patient_id
    return _("Patient ID {patient_id}").format(patient_id=patient_id or labels.NOTHING)


def facts(instance: Instance) -> tuple[tuple[str, str], ...]:
    """Terms and values of the banner on a film; identifying ones masked on request."""
    return tuple((term, value or labels.NOTHING) for term, value in _facts(instance))


def _facts(instance: Instance) -> list[tuple[str, str]]:
    patient, acquisition = instance.patient, instance.acquisition
    if instance.source is SourceKind.FILM:
        return [(_("File"), _mask(instance.file_name)), (_("Size"), _size(instance))]
    born = labels.date(patient.birth_date)
    when = f"{labels.date(acquisition.study_date)} {labels.clock(acquisition.study_time)}".strip()
    description = acquisition.study_description or acquisition.series_description
    return [
        (_("Name"), _mask(labels.patient_name(patient.name))),
        (_("Patient ID"), _mask(patient.patient_id)),
        (_("Born, age"), ", ".join(part for part in (_mask(born), labels.age(patient)) if part)),
        (_("Sex"), labels.sex(patient.sex)),
        (_("Study"), when),
        (_("Description"), description),
        (_("Accession"), _mask(acquisition.accession_number)),
        (_("Modality, view"), " ".join((acquisition.modality, acquisition.view_position)).strip()),
    ]


def _mask(value: str) -> str:
    return labels.HIDDEN if value and session.identity_hidden() else value


def _size(instance: Instance) -> str:
    return f"{instance.geometry.columns} \u00d7 {instance.geometry.rows}"


def marks(instance: Instance) -> tuple[str, ...]:
    """Warnings that must not be overlooked about this picture."""
    texts = []
    if instance.acquisition.synthetic:
        texts.append(_("SYNTHETIC - no patient"))
    if instance.source is SourceKind.FILM:
        texts.append(_("No patient data in this file"))
    return tuple(texts)
