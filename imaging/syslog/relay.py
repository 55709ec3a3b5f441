"""The thread that sends the trail to a collector, behind the deeds and never in their way.

Syslog acknowledges nothing. So lines count as sent once the connection still stands at the next
look, seconds later; after a break, those before it are sent again. A collector may see a line
twice, which its number tells, and never misses one.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading

from imaging.errors import StoreError
from imaging.review.records import AuditEvent
from imaging.store import Repository
from imaging.syslog.audit_message import audit_messages, studies_of
from imaging.syslog.transport import Collector, Connection, syslog_message

log = logging.getLogger(__name__)
_EVERY = 2.0  # seconds between two looks
_AT_ONCE = 500  # lines of one look
_LONGEST_PAUSE = 60.0  # seconds before a collector that is away is asked again
_NOT_TRUSTED = "its certificate is not trusted"
_AWAY = "it cannot be reached"


class Relay:
    """Sends the audit trail of a store to a collector.

    Parameters
    ----------
    repository : Repository
    collector : Collector
    """

    def __init__(self, repository: Repository, collector: Collector) -> None:
        self._trail, self._collector = repository.audit, collector
        self._ended = threading.Event()
        self._connection: Connection | None = None
        self._sent = 0
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="lightbox-syslog", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was not sent is sent after the next start."""
        self._ended.set()
        self._thread.join(_EVERY)

    def _run(self) -> None:
        pause = 0.0
        while not self._ended.wait(pause):
            went_well = self.step()
            pause = _EVERY if went_well else min(max(pause, _EVERY) * 2, _LONGEST_PAUSE)
        self.drop()

    def step(self) -> bool:
        """Look once: count what was sent, send what is new; False where the collector is away.

        It raises nothing: why it failed stands in the store, and on the Account page.
        """
        try:
            try:
                self._send()
            except OSError as exc:
                self.drop()
                reason = _NOT_TRUSTED if isinstance(exc, ssl.SSLError) else _AWAY
                self._note_trouble(f"{reason} ({type(exc).__name__})")
                return False
        except StoreError as exc:
            self.drop()
            log.warning("the audit trail was not sent: %s", exc)
            return False
        except Exception as exc:  # a fault of ours must not end the thread; its type alone
            self.drop()
            log.exception("the audit trail was not sent: %s", type(exc).__name__)
            return False
        return True

    def _send(self) -> None:
        name = self._collector.name
        if self._connection is None:
            self._sent = self._trail.relayed(name).number
            self._connection = Connection(self._collector)
            self._trouble = ""
        else:
            self._connection.insist_on_open()
        self._trail.note_relayed(name, self._sent)  # it stood since they were sent
        lines = self._trail.lines_after(self._sent, _AT_ONCE)
        uids = {uid for line in lines for uid in studies_of(line)}
        patient_ids = self._trail.patient_ids(sorted(uids))
        source = f"lightbox@{socket.gethostname()}"
        for line in lines:
            warning = line.deed in (AuditEvent.SIGN_IN_REFUSED, AuditEvent.BREAK_GLASS)
            for text in audit_messages(line, source=source, patient_ids=patient_ids):
                self._connection.send(syslog_message(text, line.at, warning=warning))
            self._sent = line.number

    def _note_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:  # once, not at every look
            self._trail.note_trouble(self._collector.name, trouble)
            self._trouble = trouble

    def drop(self) -> None:
        """End the connection; the next look opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
