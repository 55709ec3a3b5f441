"""Every deed as a DICOM audit message that keeps the schema of PS3.15 A.5.1, and names nobody."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree  # type: ignore[import-untyped]

from imaging.review.records import AuditEntry, AuditEvent
from imaging.syslog.audit_message import audit_messages
from imaging.syslog.transport import syslog_message

AT = datetime(2026, 11, 29, 18, 0, 0, 123456, tzinfo=UTC)
SCHEMA = etree.RelaxNG(etree.parse(str(Path(__file__).with_name("audit_message.rng"))))
OF_STUDIES = {
    AuditEvent.RECEIVE,
    AuditEvent.SCORE,
    AuditEvent.VIEW,
    AuditEvent.SIGN,
    AuditEvent.EXPORT,
    AuditEvent.DELETE,
}


def line_of(deed: AuditEvent, study: str = "1.2.3", detail: str = "version 2 final") -> AuditEntry:
    return AuditEntry(57, AT, "anna", deed, study, detail, "0" * 64, "4f3a" * 16)


def parsed(line: AuditEntry, patient_id: str = "4711-42") -> list[Any]:
    texts = audit_messages(line, source="lightbox@ward", patient_ids={"1.2.3": patient_id})
    return [etree.fromstring(text) for text in texts]


@pytest.mark.parametrize("deed", AuditEvent)
def test_every_deed_keeps_the_schema(deed: AuditEvent) -> None:
    study = "1.2.3" if deed in OF_STUDIES else ""
    (message,) = parsed(line_of(deed, study))
    SCHEMA.assertValid(message)
    objects = {
        o.find("ParticipantObjectIDTypeCode").get("csd-code"): o.get("ParticipantObjectID")
        for o in message.findall("ParticipantObjectIdentification")
    }
    assert objects["12"] == f"urn:lightbox:audit:57:{'4f3a' * 16}"
    if study:
        assert objects["110180"] == "1.2.3" and objects["2"] == "4711-42"
    requestors = [
        p for p in message.findall("ActiveParticipant") if p.get("UserIsRequestor") == "true"
    ]
    assert [p.get("UserID") for p in requestors] == ["anna"]


def test_the_schema_would_find_a_message_that_breaks_it() -> None:
    (message,) = parsed(line_of(AuditEvent.VIEW))
    message.find("EventIdentification/EventID").attrib.pop("originalText")
    assert not SCHEMA.validate(message)
    (message,) = parsed(line_of(AuditEvent.VIEW))
    for name in message.iter("ParticipantObjectName"):
        name.getparent().remove(name)
        break
    assert not SCHEMA.validate(message)


def test_what_happened_is_said_in_the_standard_s_codes() -> None:
    def said(deed: AuditEvent) -> tuple[str, str, list[str], str]:
        event = parsed(line_of(deed))[0].find("EventIdentification")
        types = [code.get("csd-code") for code in event.findall("EventTypeCode")]
        outcome = event.get("EventOutcomeIndicator")
        return event.find("EventID").get("csd-code"), event.get("EventActionCode"), types, outcome

    assert said(AuditEvent.VIEW) == ("110103", "R", [], "0")
    assert said(AuditEvent.SIGN) == ("110103", "U", [], "0")
    assert said(AuditEvent.SIGN_IN_REFUSED) == ("110114", "E", ["110122"], "4")
    assert said(AuditEvent.BREAK_GLASS) == ("110113", "E", ["110127"], "0")
    assert said(AuditEvent.SIGN_OUT) == ("110114", "E", ["110123"], "0")
    assert said(AuditEvent.EXPORT) == ("110106", "R", [], "0")
    assert said(AuditEvent.DELETE) == ("110105", "D", [], "0")


def test_a_list_is_a_message_a_study() -> None:
    line = line_of(AuditEvent.LIST, "", "worklist, 2 studies: 1.2.3 1.2.4")
    messages = parsed(line)
    for message in messages:
        SCHEMA.assertValid(message)
    ids = [
        [o.get("ParticipantObjectID") for o in m.findall("ParticipantObjectIdentification")][:2]
        for m in messages
    ]
    assert ids == [["1.2.3", "4711-42"], ["1.2.4", "unknown"]]


def test_what_a_reader_typed_stays_here_and_control_characters_break_nothing() -> None:
    line = line_of(AuditEvent.DELETE, detail="asked for by her mother")
    (message,) = parsed(line, patient_id="47\x0011<>&")
    SCHEMA.assertValid(message)
    whole = etree.tostring(message).decode()
    assert base64.b64encode(b"asked for by her mother").decode() not in whole
    assert "mother" not in whole and "4711&lt;&gt;&amp;" in whole


def test_a_syslog_message_is_one_of_rfc_5424() -> None:
    said = syslog_message("<AuditMessage/>", AT)
    head, _, text = said.partition(b"\xef\xbb\xbf")
    fields = head.decode().split(" ")
    assert fields[:2] == ["<85>1", "2026-11-29T18:00:00.123456Z"]
    assert fields[3] == "lightbox" and fields[5:] == ["DICOM+RFC3881", "-", ""]
    assert text == b"<AuditMessage/>"
    assert syslog_message("x", AT, warning=True).startswith(b"<84>1 ")
