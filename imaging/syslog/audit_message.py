"""A line of the trail as DICOM audit messages (PS3.15 A.5.1, the schema; A.5.3, the events).

What is sent: who (the sign-in name), when, what kind of deed, the Study Instance UID, the Patient
ID where PS3.15 makes it mandatory, what the line itself says, and its number and digest, which
anchor the trail at the collector. Never a patient's name or birth date, nor what a reader typed:
the reason of a deletion stays here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from imaging.review.records import AuditEntry, AuditEvent

_DCM, _RFC3881 = "DCM", "RFC-3881"
_SUCCESS, _MINOR_FAILURE = "0", "4"  # EventOutcomeIndicator
_PERSON, _SYSTEM = "1", "2"  # ParticipantObjectTypeCode
_PATIENT, _REPORT, _SECURITY_RESOURCE = "1", "3", "13"  # ParticipantObjectTypeCodeRole
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNKNOWN = "unknown"
ANCHOR = "urn:lightbox:audit:"  # before the number and digest of a line

Code = tuple[str, str, str]
"""Code value, coding scheme, meaning."""


@dataclass(frozen=True, slots=True)
class _Event:
    """EventID, EventActionCode and EventTypeCode of a deed (PS3.16 CID 400 to 403)."""

    id: Code
    action: str
    type: Code | None = None


def _dcm(value: str, meaning: str) -> Code:
    return value, _DCM, meaning


_ACCESSED = _dcm("110103", "DICOM Instances Accessed")
_IMPORT, _EXPORT = _dcm("110107", "Import"), _dcm("110106", "Export")
_PATIENT_RECORD = _dcm("110110", "Patient Record")
_AUTHENTICATION = _dcm("110114", "User Authentication")
_ALERT = _dcm("110113", "Security Alert")
_LOGIN, _LOGOUT = _dcm("110122", "Login"), _dcm("110123", "Logout")
_EVENTS = {
    AuditEvent.SIGN_IN: _Event(_AUTHENTICATION, "E", _LOGIN),
    AuditEvent.SIGN_IN_REFUSED: _Event(_AUTHENTICATION, "E", _LOGIN),
    AuditEvent.BREAK_GLASS: _Event(_ALERT, "E", _dcm("110127", "Emergency Override Started")),
    AuditEvent.SIGN_OUT: _Event(_AUTHENTICATION, "E", _LOGOUT),
    AuditEvent.ACCOUNT: _Event(_ALERT, "E", _dcm("110137", "User security Attributes Changed")),
    AuditEvent.SITE: _Event(_ALERT, "E", _dcm("110131", "Software Configuration")),
    AuditEvent.AI: _Event(_ALERT, "E", _dcm("110131", "Software Configuration")),
    AuditEvent.JOB: _Event(_ALERT, "E", _dcm("110132", "Use of Restricted Function")),
    AuditEvent.SEAL: _Event(_ALERT, "E", _dcm("110129", "Security Configuration")),
    AuditEvent.CLOCK: _Event(_ALERT, "E", _dcm("110129", "Security Configuration")),
    AuditEvent.ENCRYPTION: _Event(_ALERT, "E", _dcm("110129", "Security Configuration")),
    AuditEvent.BACKUP: _Event(_ALERT, "E", _dcm("110132", "Use of Restricted Function")),
    AuditEvent.RESTORE: _Event(_ALERT, "E", _dcm("110132", "Use of Restricted Function")),
    AuditEvent.RECEIVE: _Event(_IMPORT, "C"),
    AuditEvent.DERIVE: _Event(_IMPORT, "C"),
    AuditEvent.SCORE: _Event(_ACCESSED, "C"),
    AuditEvent.VIEW: _Event(_ACCESSED, "R"),
    AuditEvent.SEEN: _Event(_ACCESSED, "R"),
    AuditEvent.LIST: _Event(_ACCESSED, "R"),
    AuditEvent.FIRST_READ: _Event(_ACCESSED, "C"),
    AuditEvent.CHANGE: _Event(_ACCESSED, "U"),
    AuditEvent.SIGN: _Event(_ACCESSED, "U"),
    AuditEvent.SEPARATE: _Event(_ACCESSED, "U"),
    AuditEvent.DESCRIBE: _Event(_PATIENT_RECORD, "U"),
    AuditEvent.IDENTIFY: _Event(_PATIENT_RECORD, "U"),
    AuditEvent.EXPORT: _Event(_EXPORT, "R"),
    AuditEvent.DELETE: _Event(_dcm("110105", "DICOM Study Deleted"), "D"),
}
_SOURCE_ROLE, _DESTINATION_ROLE = (
    _dcm("110153", "Source Role ID"),
    _dcm("110152", "Destination Role ID"),
)
_APPLICATION = _dcm("110150", "Application")
_SOURCE_MEDIA, _DESTINATION_MEDIA = (
    _dcm("110155", "Source Media"),
    _dcm("110154", "Destination Media"),
)


def studies_of(line: AuditEntry) -> tuple[str, ...]:
    """The studies that a line is about: its own, or those of a list."""
    if line.deed is AuditEvent.LIST:
        return tuple(line.detail.partition(": ")[2].split())
    return (line.study_instance_uid,) if line.study_instance_uid else ()


def audit_messages(
    line: AuditEntry, *, source: str, patient_ids: Mapping[str, str]
) -> tuple[str, ...]:
    """The messages that tell of a line: one, or one a study where a list showed several.

    Parameters
    ----------
    line : AuditEntry
    source : str
        AuditSourceID: which installation tells.
    patient_ids : mapping
        Study Instance UID to Patient ID, of the studies that are stored.

    Returns
    -------
    tuple of str
        XML, without a declaration (PS3.15 A.5.1).
    """
    studies: tuple[str, ...] = studies_of(line) or ("",)
    return tuple(_message(line, study, source, patient_ids.get(study, "")) for study in studies)


def _message(line: AuditEntry, study: str, source: str, patient_id: str) -> str:
    event = _EVENTS[line.deed]
    root = ET.Element("AuditMessage")
    refused = line.deed is AuditEvent.SIGN_IN_REFUSED
    identification = ET.SubElement(
        root,
        "EventIdentification",
        EventActionCode=event.action,
        EventDateTime=line.at.isoformat(timespec="microseconds"),
        EventOutcomeIndicator=_MINOR_FAILURE if refused else _SUCCESS,
    )
    _code(identification, "EventID", event.id)
    if event.type is not None:
        _code(identification, "EventTypeCode", event.type)
    _participants(root, line, event, source)
    audit_source = ET.SubElement(root, "AuditSourceIdentification", AuditSourceID=_clean(source))
    ET.SubElement(audit_source, "AuditSourceTypeCode", {"csd-code": "4"})  # application server
    if study:
        study_id = _dcm("110180", "Study Instance UID")
        _object(root, study, _SYSTEM, _REPORT, study_id, name="study")
        number = ("2", _RFC3881, "Patient Number")
        # the schema insists on a name or a query; the patient's is not sent
        _object(root, patient_id or _UNKNOWN, _PERSON, _PATIENT, number, name="withheld")
    log = _object(
        root,
        f"{ANCHOR}{line.number}:{line.digest}",
        _SYSTEM,
        _SECURITY_RESOURCE,
        ("12", _RFC3881, "URI"),
        name="Security Audit Log",
    )
    said = "" if line.deed in (AuditEvent.DELETE, AuditEvent.LIST) else line.detail
    _detail(log, "deed", line.deed.value)
    if said:
        _detail(log, "detail", said)
    return ET.tostring(root, encoding="unicode")


def _participants(root: ET.Element, line: AuditEntry, event: _Event, source: str) -> None:
    """Who did it, the process that did it for them, and the medium where files came or went."""
    roles = {_EXPORT: _SOURCE_ROLE, _IMPORT: _DESTINATION_ROLE}
    media = {_EXPORT: _DESTINATION_MEDIA, _IMPORT: _SOURCE_MEDIA}
    _participant(root, line.account or _UNKNOWN, roles.get(event.id), requestor=True)
    _participant(root, source, _APPLICATION, requestor=False)
    if event.id in media:
        element = _participant(root, "files", media[event.id], requestor=False)
        medium = ET.SubElement(element, "MediaIdentifier")
        _code(medium, "MediaType", _dcm("110033", "Media Character Data"))


def _participant(root: ET.Element, user: str, role: Code | None, *, requestor: bool) -> ET.Element:
    element = ET.SubElement(
        root, "ActiveParticipant", UserID=_clean(user), UserIsRequestor=str(requestor).lower()
    )
    if role is not None:
        _code(element, "RoleIDCode", role)
    return element


def _object(
    root: ET.Element, id_: str, kind: str, role: str, id_type: Code, *, name: str
) -> ET.Element:
    element = ET.SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=_clean(id_),
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )
    _code(element, "ParticipantObjectIDTypeCode", id_type)
    ET.SubElement(element, "ParticipantObjectName").text = name
    return element


def _detail(element: ET.Element, kind: str, value: str) -> None:
    encoded = base64.b64encode(value.encode()).decode()  # xsd:base64Binary
    ET.SubElement(element, "ParticipantObjectDetail", type=kind, value=encoded)


def _code(parent: ET.Element, tag: str, code: Code) -> None:
    value, scheme, meaning = code
    ET.SubElement(
        parent, tag, {"csd-code": value, "codeSystemName": scheme, "originalText": meaning}
    )


def _clean(text: str) -> str:
    """Characters that XML 1.0 cannot hold, left out."""
    return _NOT_XML.sub("", text)
