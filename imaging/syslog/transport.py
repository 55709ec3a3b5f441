"""Messages to a syslog collector: RFC 5424 in the frames of RFC 5425, over TLS 1.2 or newer.

PS3.15 A.6: facility 10 (security), severity 5 (4 for what was refused or broke the glass), MSGID
"DICOM+RFC3881", and the message in UTF-8 behind a byte order mark.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_FACILITY, _NOTICE, _WARNING = 10, 5, 4
_PATIENCE = 10.0  # seconds for a connection, and for a message
_APP, _MSGID = "lightbox", "DICOM+RFC3881"


@dataclass(frozen=True, slots=True)
class Collector:
    """Where messages go.

    Attributes
    ----------
    host : str
        Name, as its certificate has it.
    port : int
    ca : Path | None
        Certificates (PEM) that are trusted; None means those of this computer.
    certificate : Path | None
        Our own certificate and key (PEM, one file), where the collector asks for one.
    """

    host: str
    port: int
    ca: Path | None = None
    certificate: Path | None = None

    @classmethod
    def of(cls, address: str, ca: Path | None = None, certificate: Path | None = None) -> Collector:
        """The collector of a "host:port", as `Settings.syslog` has it."""
        host, _, port = address.rpartition(":")
        return cls(host, int(port), ca, certificate)

    @property
    def name(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"


class Connection:
    """An open connection to a collector.

    Raises
    ------
    OSError
        If it cannot be reached, or its certificate is not trusted (`ssl.SSLError` is one).
    """

    def __init__(self, collector: Collector) -> None:
        context = ssl.create_default_context(cafile=collector.ca and str(collector.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if collector.certificate is not None:
            context.load_cert_chain(collector.certificate)
        plain = socket.create_connection((collector.host, collector.port), _PATIENCE)
        try:
            self._socket = context.wrap_socket(plain, server_hostname=collector.host)
        except BaseException:
            plain.close()
            raise

    def send(self, message: bytes) -> None:
        """Send one message in its frame (RFC 5425 4.3)."""
        self._socket.sendall(f"{len(message)} ".encode() + message)

    def insist_on_open(self) -> None:
        """Raise `ConnectionError` where the collector has closed: syslog acknowledges nothing.

        A collector never speaks, so whatever there is to read is its end.
        """
        readable, _, _ = select.select([self._socket], [], [], 0)
        if not readable:
            return
        self._socket.settimeout(0)
        try:
            if self._socket.recv(1) == b"":
                raise ConnectionError("closed")
        except ssl.SSLWantReadError:
            return  # a session ticket, which TLS 1.3 sends behind the handshake
        finally:
            self._socket.settimeout(_PATIENCE)

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._socket.close()


def syslog_message(text: str, at: datetime, *, warning: bool = False) -> bytes:
    """A message of RFC 5424.

    Parameters
    ----------
    text : str
        An audit message (XML).
    at : datetime
        When it happened, with a time zone.
    warning : bool
        Whether somebody should look: something was refused, or an emergency claimed.
    """
    priority = _FACILITY * 8 + (_WARNING if warning else _NOTICE)
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    host = "".join(c for c in socket.gethostname() if "!" <= c <= "~")[:255] or "-"
    header = f"<{priority}>1 {stamp} {host} {_APP} {os.getpid()} {_MSGID} - "
    return header.encode() + b"\xef\xbb\xbf" + text.encode()
