"""The trail reaches a real rsyslog over TLS, whole, in order, and waits for it where it is away."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lxml import etree  # type: ignore[import-untyped]

from imaging.review.records import AuditEvent
from imaging.store import Anchor, Repository
from imaging.syslog.audit_message import ANCHOR
from imaging.syslog.relay import Relay
from imaging.syslog.transport import Collector
from tests.imaging.store.test_audit import film, tamper, version
from tests.imaging.syslog.test_audit_message import SCHEMA
from tests.stored import outcome_of, store

RSYSLOG = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin:/sbin")
PATIENCE = 20.0  # seconds

pytestmark = pytest.mark.skipif(
    RSYSLOG is None and os.environ.get("LIGHTBOX_REQUIRE_PEERS") != "1",
    reason="apt-get install rsyslog rsyslog-gnutls",
)


def make_certificate(folder: Path, name: str) -> None:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "rsyslog"
    made.mkdir()
    make_certificate(made, "ward")
    make_certificate(made, "stranger")
    return made


@pytest.fixture
def collector(folder: Path) -> Collector:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Collector("127.0.0.1", port, ca=folder / "ward.pem")


@contextmanager
def rsyslog(folder: Path, collector: Collector) -> Iterator[Path]:
    """A running rsyslog that listens on that port; yields the file it writes messages to."""
    written = folder / "audit.log"
    (folder / "rsyslog.conf").write_text(
        f"""
global(workDirectory="{folder}" maxMessageSize="64k" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{folder}/ward.pem"
  defaultNetstreamDriverCertFile="{folder}/ward.pem"
  defaultNetstreamDriverKeyFile="{folder}/ward.key")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="fields" type="string"
  string="%pri% %protocol-version% %app-name% %msgid% %structured-data%%msg%\\n")
ruleset(name="audit") {{ action(type="omfile" file="{written}" template="fields") }}
input(type="imtcp" port="{collector.port}" address="127.0.0.1" ruleset="audit")
"""
    )
    assert RSYSLOG is not None, "rsyslog is required here: apt-get install rsyslog rsyslog-gnutls"
    process = subprocess.Popen(
        [RSYSLOG, "-n", "-f", folder / "rsyslog.conf", "-i", folder / "pid"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait(lambda: is_open(collector.port))
        yield written
    finally:
        process.terminate()
        process.wait(PATIENCE)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def anchors_in(written: Path) -> list[Anchor]:
    """The line that each message tells of; every message must keep the schema."""
    found = []
    for line in written.read_text().splitlines() if written.exists() else []:
        header, _, text = line.partition("\ufeff")
        assert header.split()[1:] == ["1", "lightbox", "DICOM+RFC3881", "-"]
        message = etree.fromstring(text)
        SCHEMA.assertValid(message)
        (uri,) = (
            o.get("ParticipantObjectID")
            for o in message.findall("ParticipantObjectIdentification")
            if o.get("ParticipantObjectTypeCodeRole") == "13"
        )
        found.append(Anchor.parse(uri.removeprefix(ANCHOR)))
    return found


@pytest.fixture
def filled(repository: Repository) -> Repository:
    store(repository, outcome_of(film()), account="anna")
    repository.reviews.add(version())
    return repository


def test_the_trail_arrives_and_its_cut_end_is_found_by_what_arrived(
    filled: Repository, folder: Path, collector: Collector
) -> None:
    relay = Relay(filled, collector)
    with rsyslog(folder, collector) as written:
        assert relay.step()
        wait(lambda: len(anchors_in(written)) == 3)
        assert "DOE" not in written.read_text() and "looks ill" not in written.read_text()
        assert filled.audit.relayed(collector.name).number == 0  # nothing is acknowledged yet
        assert relay.step()
        assert filled.audit.relayed(collector.name).number == 3
        filled.audit.record(AuditEvent.VIEW, account="anna", study_instance_uid="1.2.3")
        assert relay.step()
        wait(lambda: len(anchors_in(written)) == 4)
        relay.drop()
    arrived = anchors_in(written)
    assert [anchor.number for anchor in arrived] == [1, 2, 3, 4]
    assert filled.audit.verify(anchors=arrived).intact
    tamper(filled, "DELETE FROM audit WHERE number > 3")
    faults = filled.audit.verify(anchors=arrived[-1:]).faults
    assert any("cut off" in fault and "line 4" in fault for fault in faults)


def test_while_the_collector_is_away_nothing_waits_and_nothing_is_lost(
    filled: Repository, folder: Path, collector: Collector
) -> None:
    relay = Relay(filled, collector)
    assert not relay.step()
    told = filled.audit.relayed(collector.name)
    assert told.number == 0 and "cannot be reached" in told.trouble
    began = time.monotonic()
    filled.reviews.add(version(1))
    assert time.monotonic() - began < 2
    with rsyslog(folder, collector) as written:
        assert relay.step() and relay.step()
        wait(lambda: len(anchors_in(written)) == 4)
        assert not filled.audit.relayed(collector.name).trouble
    filled.reviews.add(version(2))
    wait(lambda: not relay.step())  # its end is seen
    with rsyslog(folder, collector) as written:
        wait(relay.step)
        wait(lambda: {a.number for a in anchors_in(written)} == {1, 2, 3, 4, 5})
        relay.drop()


def test_a_collector_that_is_somebody_else_gets_nothing(
    filled: Repository, folder: Path, collector: Collector
) -> None:
    wrong = replace(collector, ca=folder / "stranger.pem")
    relay = Relay(filled, wrong)
    with rsyslog(folder, collector) as written:
        assert not relay.step()
        assert "certificate is not trusted" in filled.audit.relayed(wrong.name).trouble
    assert anchors_in(written) == []


def test_the_thread_sends_by_itself(filled: Repository, folder: Path, collector: Collector) -> None:
    relay = Relay(filled, collector)
    with rsyslog(folder, collector) as written:
        relay.start()
        wait(lambda: len(anchors_in(written)) == 3)
        relay.stop()
