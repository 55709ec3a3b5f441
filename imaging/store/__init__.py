"""Records and originals: the only place with SQLAlchemy. Speaks entities, never rows."""

from imaging.store.accounts import Accounts
from imaging.store.audit import AuditVerdict
from imaging.store.repository import Repository

__all__ = ["Accounts", "AuditVerdict", "Repository"]
