"""Rows of sessions: how one begins, and how all of an account end."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from imaging.review.records import AuditEvent
from imaging.store import audit
from imaging.store.access.sessions import SESSION_LIFE, token_sha256
from imaging.store.schema.tables import AccountTable, SessionTable


def open_session(
    session: Session, row: AccountTable, now: datetime, idle: timedelta, detail: str = ""
) -> str:
    """A new token of 256 random bits; expired sessions of anybody are swept away."""
    token = secrets.token_urlsafe(32)
    session.execute(delete(SessionTable).where(SessionTable.expires_at <= now))
    session.add(new_session(token, row.name, now, idle))
    audit.append(session, AuditEvent.SIGN_IN, account=row.name, detail=detail)
    return token


def new_session(token: str, account: str, now: datetime, idle: timedelta) -> SessionTable:
    """A row for that token, which is not kept itself."""
    return SessionTable(
        token_sha256=token_sha256(token),
        account=account,
        expires_at=now + SESSION_LIFE,
        active_until=now + idle,
    )


def end_sessions(session: Session, name: str, why: str) -> None:
    """End every session of an account; a line says so where there was one."""
    of_account = SessionTable.account == name
    count = session.scalar(select(func.count()).where(of_account)) or 0
    session.execute(delete(SessionTable).where(of_account))
    if count:
        detail = f"{count} sessions {why}"
        audit.append(session, AuditEvent.SIGN_OUT, account=name, detail=detail)
