"""The report as DICOM: Comprehensive SR with TID 1500, Measurement Report (PS3.16)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from highdicom.sr import (
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes as standard
from pydicom.uid import ComprehensiveSRStorage
from pydicom.valuerep import DT

from imaging.entities import RESEARCH_USE
from imaging.errors import ExportError
from imaging.export import codes, report_words, wording
from imaging.export.case import ExportCase, ExportedFile
from imaging.export.common import (
    SOFTWARE,
    VERSION,
    coded,
    derive_uid,
    equipment,
    local,
    person_name,
    scheme,
    series,
    stamp,
    to_file,
)
from imaging.export.photograph import origin_line
from imaging.export.report import Report, report_of
from imaging.export.source import point_to, source_dataset, stand_in
from imaging.export.study.groups import Group, comment, mark_group, network_groups, reader_group
from imaging.review.records import Review

_NOBODY = "Neither a doctor nor the AI has said anything yet. Enter a finding first."
_NO_DOCTOR = "No doctor has said anything yet. Enter a finding first."


def structured_report(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write findings, answers, marks and measurements as one SR document.

    Notes
    -----
    Flags (PS3.3 C.17.2): a final review is COMPLETE, FINAL and VERIFIED; a preliminary one is
    COMPLETE, PRELIMINARY, UNVERIFIED; a draft, or no review, is PARTIAL, PRELIMINARY, UNVERIFIED.
    An amendment names its predecessor, whose UID follows from study and version.
    """
    said = report_of(case)
    originals = [source_dataset(case, i) for i in case.record.instances]
    sources = {str(ds.SOPInstanceUID): stand_in(ds) for ds in originals}
    report = MeasurementReport(
        observation_context=_observers(case.review),
        procedure_reported=coded(_procedure(case)),
        imaging_measurements=_groups(case, said, sources),
    )
    comment(report[0], f"{RESEARCH_USE}. {report_words.status_line(said)}")
    comment(report[0], said.indication, codes.INDICATION)
    comment(report[0], report_words.comparison_line(said), codes.COMPARISON)
    if case.review is not None:
        comment(report[0], "\n".join(report_words.finding_lines(said)), codes.FINDINGS)
        comment(report[0], "\n".join(report_words.impression_lines(said)), codes.IMPRESSION)
    for line in wording.typed_lines(case.record):
        comment(report[0], line)
    for instance in case.record.instances:
        comment(report[0], origin_line(instance, case.record.instances))
    comment(report[0], wording.changes_text(case))
    written = local(case.review.created_at if case.review else now)
    signed = bool(case.review and case.review.signed)
    ds = ComprehensiveSR(
        evidence=list(sources.values()),
        content=report,
        sop_instance_uid=report_uid(case, case.review),
        instance_number=max(1, case.review.version if case.review else 1),
        is_complete=signed,
        is_final=case.final,
        previous_versions=_predecessors(case),
        content_date=written.date(),
        content_time=written.time(),
        coding_schemes=scheme(),
        **_verification(case, sources),
        **series("sr", case.record.study_instance_uid),
        **equipment(*(a.model for _, a in case.answers if a.model)),
    )
    for original in originals:
        point_to(ds, original, None)
    if case.final and case.review:
        at = local(case.review.created_at)
        ds.VerifyingObserverSequence[0].VerificationDateTime = DT(at)
    return [to_file("sr", stamp(ds, now, case.changes))]


def report_uid(case: ExportCase, review: Review | None) -> str:
    """SOP Instance UID of the report on one version of the review.

    It follows from study and version alone, so that an amendment can name its predecessor. What
    the network said after that version was written makes another document: its time is added.
    """
    moments = [a.created_at for _, a in case.answers if a.created_at is not None]
    later = [at for at in moments if review is None or at > review.created_at]
    times = sorted(at.isoformat() for at in later)
    version = review.version if review else 0
    return derive_uid("sr", case.record.study_instance_uid, version, *times)


def _groups(case: ExportCase, said: Report, sources: dict[str, Dataset]) -> list[Group]:
    """Everything said and drawn, the reader first."""
    review = case.review
    marks = {mark.uid: mark for mark in review.annotations} if review else {}
    findings = said.findings
    finding_of_mark = {uid: finding.code for finding in findings for uid in finding.regions}
    for mark in marks.values():
        case.instance(mark.sop_instance_uid)  # refuses a mark on a film of another study
    groups = [reader_group(finding, marks, sources, said.compared) for finding in findings]
    groups += [
        mark_group(m, sources[m.sop_instance_uid], m.finding or finding_of_mark.get(m.uid, ""))
        for m in marks.values()
    ]
    for (instance, assessment), answered in zip(case.answers, said.answers, strict=True):
        source = sources[instance.identity.sop_instance_uid]
        groups += network_groups(assessment, answered, source)
    if not groups:
        off = wording.ai_off_line(case.record)
        raise ExportError(f"{off} {_NO_DOCTOR if off else _NOBODY}".strip())
    return groups


def _procedure(case: ExportCase) -> Any:
    """The procedure that was done, by modality."""
    modality = case.record.instances[0].acquisition.modality
    return codes.PROCEDURES.get(modality, codes.RADIOGRAPHY)


def _observers(review: Review | None) -> ObservationContext:
    """The reader, where there is one, and this software (TID 1002)."""
    device = ObserverContext(
        observer_type=standard.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=derive_uid("device"),
            name=SOFTWARE,
            manufacturer_name=SOFTWARE,
            model_name=f"{SOFTWARE} {VERSION}",
        ),
    )
    if review is None:
        return ObservationContext(observer_device_context=device)
    person = ObserverContext(
        observer_type=standard.DCM.Person,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(
            name=person_name(review.reader or review.account)
        ),
    )
    return ObservationContext(observer_person_context=person, observer_device_context=device)


def _verification(case: ExportCase, sources: dict[str, Dataset]) -> dict[str, Any]:
    """Who stands for the report: only for a final review."""
    if not case.final or case.review is None:
        return {"is_verified": False}
    first = next(iter(sources.values()))
    return {
        "is_verified": True,
        "verifying_observer_name": person_name(case.review.reader),
        "verifying_organization": first.get("InstitutionName") or "Not stated",
    }


def _predecessors(case: ExportCase) -> list[Dataset] | None:
    """A stand-in for the report this one amends: highdicom reads no more than its UIDs."""
    if case.predecessor is None:
        return None
    study = case.record.study_instance_uid
    earlier = Dataset()
    earlier.SOPClassUID = ComprehensiveSRStorage
    earlier.SOPInstanceUID = derive_uid("sr", study, case.predecessor.version)
    earlier.StudyInstanceUID = study
    earlier.SeriesInstanceUID = series("sr", study)["series_instance_uid"]
    return [earlier]
