"""Whose picture this is: the patient banner, the same identity in one line, and how two differ."""

from __future__ import annotations

from imaging.entities import Instance, Patient, SourceKind
from imaging.person import Comparison, Match
from pages.ui import labels, session
from pages.ui.i18n import _


def identity_line(instance: Instance) -> str:
    """The patient's ID, to be repeated beside an answer; of a film, what tells it from others."""
    if instance.source is SourceKind.FILM and instance.typed is None:
        return f"{_('No patient data in this file')} \u00b7 {_mask(instance.file_name)}"
    if instance.typed is not None:
        return f"{_typed_identity(instance)} \u00b7 {_mask(instance.file_name)}"
    patient_id = _mask(labels.patient_number(instance.patient))
    return _("Patient ID {patient_id}").format(patient_id=patient_id or labels.NOTHING)


def difference(compared: Comparison, one: Patient, other: Patient) -> str:
    """How two identities differ, trait by trait: "Same number, other issuer: A / B"."""
    numbers = _pair(one.patient_id, other.patient_id)
    parts = [
        {
            Match.EQUAL: _("Same number"),
            Match.CLOSE: _("Same number, its issuer named on one side only"),
            Match.PARTLY: _("Same number, other issuer{pair}").format(
                pair=_pair(*(p.issuer or p.issuer_uid for p in (one, other)))
            ),
            Match.DIFFERENT: _("Other number{pair}").format(pair=numbers),
            Match.SILENT: _("No number to compare"),
        }[compared.number],
        {
            Match.CLOSE: _("name given in part{pair}"),
            Match.PARTLY: _("other name{pair}"),
            Match.DIFFERENT: _("other name{pair}"),
            Match.SILENT: _("no name to compare"),
        }.get(compared.name, "").format(
            pair=_pair(*(labels.patient_name(p.name) for p in (one, other)))
        ),
        {
            Match.DIFFERENT: _("other birth date{pair}"),
            Match.SILENT: _("no birth date to compare"),
        }.get(compared.birth_date, "").format(
            pair=_pair(*(labels.date(p.birth_date) for p in (one, other)))
        ),
    ]
    if compared.sex in (Match.DIFFERENT, Match.CLOSE):
        sexes = f": {labels.sex(one.sex)} / {labels.sex(other.sex)}"  # names nobody
        parts.append(_("sex differs{pair}").format(pair=sexes))
    return ", ".join(part for part in parts if part)


def _pair(one: str, other: str) -> str:
    """Two values side by side, for the end of a phrase; left out while identities are hidden."""
    return (
        ""
        if session.identity_hidden()
        else f": {one or labels.NOTHING} / {other or labels.NOTHING}"
    )


def identity_facts(patient: Patient) -> tuple[tuple[str, str], ...]:
    """Terms and values of who somebody is; masked on request."""
    stated = (
        (_("Name"), _mask(labels.patient_name(patient.name))),
        (_("Patient ID"), _mask(labels.patient_number(patient))),
        (_("Born"), _mask(labels.date(patient.birth_date))),
        (_("Sex"), labels.sex(patient.sex)),
    )
    return tuple((term, value or labels.NOTHING) for term, value in stated)


def facts(instance: Instance) -> tuple[tuple[str, str], ...]:
    """Terms and values of the banner on a film; identifying ones masked on request."""
    return tuple((term, value or labels.NOTHING) for term, value in _facts(instance))


def _facts(instance: Instance) -> list[tuple[str, str]]:
    patient, acquisition = instance.patient, instance.acquisition
    if instance.source is SourceKind.FILM:
        file = [(_("File"), _mask(instance.file_name)), (_("Size"), _size(instance))]
        return [*_typed_facts(instance), *file] if instance.typed else file
    born = labels.date(patient.birth_date)
    when = f"{labels.date(acquisition.study_date)} {labels.clock(acquisition.study_time)}".strip()
    description = acquisition.study_description or acquisition.series_description
    return [
        (_("Name"), _mask(labels.patient_name(patient.name))),
        (_("Patient ID"), _mask(labels.patient_number(patient))),
        (_("Born, age"), ", ".join(part for part in (_mask(born), labels.age(patient)) if part)),
        (_("Sex"), labels.sex(patient.sex)),
        (_("Study"), when),
        (_("Description"), description),
        (_("Accession"), _mask(acquisition.accession_number)),
        (_("Modality, view"), " ".join((acquisition.modality, acquisition.view_position)).strip()),
    ]


def _typed_facts(instance: Instance) -> list[tuple[str, str]]:
    """What was typed of a film without a header, as far as anything was."""
    patient, acquisition = instance.patient, instance.acquisition
    born = _mask(labels.date(patient.birth_date))
    terms = [
        (_("Name"), _mask(labels.patient_name(patient.name))),
        (_("Patient ID"), _mask(patient.patient_id)),
        (_("Born, age"), ", ".join(part for part in (born, labels.age(patient)) if part)),
        (_("Sex"), labels.sex(patient.sex)),
        (_("Study"), labels.date(acquisition.study_date)),
        (_("View"), acquisition.view_position),
    ]
    return [(term, value) for term, value in terms if value]


def _typed_identity(instance: Instance) -> str:
    """Name or number as typed, and the age: "Diallo, Amina (typed), 3 years"."""
    patient = instance.patient
    who = _mask(labels.patient_name(patient.name) or patient.patient_id)
    who = labels.typed(who) if who else _("Patient not named")
    return ", ".join(part for part in (who, labels.age(patient)) if part)


def _mask(value: str) -> str:
    return labels.HIDDEN if value and session.identity_hidden() else value


def _size(instance: Instance) -> str:
    return f"{instance.geometry.columns} \u00d7 {instance.geometry.rows}"


def marks(instance: Instance) -> tuple[str, ...]:
    """Warnings that must not be overlooked about this picture."""
    texts = []
    if instance.acquisition.synthetic:
        texts.append(_("SYNTHETIC - no patient"))
    if instance.typed is not None:
        by = _("Typed by {reader}").format(reader=instance.typed.reader or instance.typed.account)
        texts.append(by)
    elif instance.source is SourceKind.FILM:
        texts.append(_("No patient data in this file"))
    made = instance.derivation
    if made is not None and made.is_region:
        by = _("marked by {reader}").format(reader=made.reader)
        texts.append(f"{labels.region_name(instance)}: {by}")
    elif made is not None:
        texts.append(_("FROM A PHOTOGRAPH: cropped and straightened"))
        if made.mirrored:
            texts.append(_("MIRRORED BY A DOCTOR: left and right are swapped"))
    return tuple(texts)
