"""Records and originals: the only place with SQLAlchemy. Speaks entities, never rows."""

from imaging.store.access.accounts import Accounts
from imaging.store.audit import AuditTrail, AuditVerdict, ExportCheck, Line
from imaging.store.repository import Repository
from imaging.store.seals.row_seals import Seals, seal_file
from imaging.store.seals.seal_key import Anchor
from imaging.store.seals.watch import TrailWatch

__all__ = [
    "Accounts",
    "Anchor",
    "AuditTrail",
    "AuditVerdict",
    "ExportCheck",
    "Line",
    "Repository",
    "Seals",
    "TrailWatch",
    "seal_file",
]
