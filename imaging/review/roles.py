"""What somebody is in the house, which says what he may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A role of an account; one account may have several."""

    READER = "reader"  # reads films, answers and maps; drafts
    SIGNER = "signer"  # signs what a reader may draft
    TECHNOLOGIST = "technologist"  # quality and refusals, no findings
    RESEARCHER = "researcher"  # de-identified copies only
    ADMINISTRATOR = "administrator"  # accounts, peers, thresholds; no patients
    AUDITOR = "auditor"  # the audit trail


EVERYDAY = frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.READER, Role.SIGNER})
"""What one reader who works alone, and the first account, is."""
