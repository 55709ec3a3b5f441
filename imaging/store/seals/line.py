"""A line of the audit trail: what its digest covers."""

from __future__ import annotations

import hashlib

from imaging.store.schema.tables import AuditTable
from imaging.store.seals.row_seals import canonical

BEGINNING = "0" * 64  # what the first line is chained to


def digest(row: AuditTable) -> str:
    """SHA-256 (hex) over a line's canonical JSON, the digest of the line before included.

    Lines from before there were seals have none in it, so that old trails verify.
    """
    line = {
        "number": row.number,
        "at": row.at,
        "account": row.account,
        "deed": row.deed,
        "study_instance_uid": row.study_instance_uid,
        "detail": row.detail,
        "previous": row.previous,
    }
    if row.seals:
        line["seals"] = row.seals
    return hashlib.sha256(canonical(line).encode()).hexdigest()


def is_chained(row: AuditTable) -> bool:
    """Whether a line has the digest of what it says."""
    try:
        return bool(row.digest == digest(row))
    except TypeError:  # somebody put bytes where text was
        return False
