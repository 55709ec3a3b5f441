"""What a reader saw, for the audit trail: once a session each, a page of a list in one line."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from imaging.errors import StoreError
from imaging.review.records import AuditEvent
from imaging.store import Line
from pages.ui import resources, session

log = logging.getLogger(__name__)
PRIOR, SIMILAR = "as a prior", "as a similar case"


def note_views(study_instance_uids: Iterable[str], how: str = "") -> None:
    """Write down that studies were looked at, those that this session has not seen so yet.

    Parameters
    ----------
    study_instance_uids : iterable of str
    how : str
        `PRIOR`, `SIMILAR`; empty for a study that was opened.
    """
    reader = session.account().name
    new = _new(study_instance_uids, f"viewed{how}")
    _record([Line(AuditEvent.VIEW, reader, uid, how) for uid in new], new, f"viewed{how}")


def note_list(study_instance_uids: Iterable[str], where: str) -> None:
    """Write down, in one line, which studies a list showed that this session has not listed yet.

    Parameters
    ----------
    study_instance_uids : iterable of str
    where : str
        "worklist", "job".
    """
    new = _new(study_instance_uids, "listed")
    if new:
        detail = f"{where}, {len(new)} studies: {' '.join(new)}"
        line = Line(AuditEvent.LIST, session.account().name, "", detail)
        _record([line], new, "listed")


def _record(lines: Sequence[Line], uids: Iterable[str], what: str) -> None:
    """Write lines down; while that cannot be done they go to the log, and are written once it can.

    A report that can be read is not withheld from who needs it.
    """
    try:
        resources.repository().audit.record_all(lines)
    except StoreError as exc:
        for uid in uids:
            session.not_yet(f"{what}-{uid}")
        account = session.account().name
        log.warning("account %s saw studies, not in the audit trail: %s", account, exc)


def _new(uids: Iterable[str], what: str) -> list[str]:
    return [uid for uid in dict.fromkeys(uids) if uid and session.first_time(f"{what}-{uid}")]
