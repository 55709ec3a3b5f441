"""The trail checked beside the server's work: at its start, and once a day."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from imaging.errors import AssistantError
from imaging.store.seals.verify import AuditVerdict

log = logging.getLogger(__name__)
_DAY = 24 * 60 * 60.0  # seconds


class TrailWatch:
    """Checks a trail in a thread of its own, and keeps the last verdict.

    Parameters
    ----------
    verify : callable
        `AuditTrail.verify` of the store.

    Attributes
    ----------
    verdict : AuditVerdict | None
        The last one; None until the first check is done.
    checked_at : datetime | None
        When that was (UTC).
    """

    def __init__(self, verify: Callable[[], AuditVerdict]) -> None:
        self._verify = verify
        self._done = threading.Event()
        self.verdict: AuditVerdict | None = None
        self.checked_at: datetime | None = None

    def start(self) -> None:
        """Begin; the thread ends with the process."""
        threading.Thread(target=self._run, name="lightbox-audit", daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Return after the first check, or after so many seconds."""
        self._done.wait(seconds)

    def check(self) -> None:
        """Check now; what is found stands in the log too."""
        verdict = self._verify()
        self.verdict, self.checked_at = verdict, datetime.now(UTC)
        for fault in verdict.faults:
            log.error("audit trail: %s", fault)

    def _run(self) -> None:
        while True:
            try:
                self.check()
            except AssistantError as exc:
                log.warning("the audit trail was not checked: %s", exc)
            self._done.set()
            threading.Event().wait(_DAY)
