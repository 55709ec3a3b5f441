"""Records and originals: the only place with SQLAlchemy. Speaks entities, never rows."""

from imaging.store.repository import Repository

__all__ = ["Repository"]
