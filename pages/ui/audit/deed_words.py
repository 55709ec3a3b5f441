"""What the audit trail records, in the reader's language; the trail itself keeps its codes."""

from __future__ import annotations

from imaging.review.records import AuditEvent
from pages.ui.i18n import _


def deed_word(deed: AuditEvent) -> str:
    """A deed as the page tells it."""
    return {
        AuditEvent.SIGN_IN: _("sign-in"),
        AuditEvent.SIGN_IN_REFUSED: _("sign-in refused"),
        AuditEvent.BREAK_GLASS: _("break-glass"),
        AuditEvent.SIGN_OUT: _("sign-out"),
        AuditEvent.ACCOUNT: _("account"),
        AuditEvent.SITE: _("site"),
        AuditEvent.RECEIVE: _("receive"),
        AuditEvent.DERIVE: _("derive"),
        AuditEvent.SCORE: _("score"),
        AuditEvent.VIEW: _("view"),
        AuditEvent.LIST: _("list"),
        AuditEvent.JOB: _("job"),
        AuditEvent.DESCRIBE: _("describe"),
        AuditEvent.FIRST_READ: _("first read"),
        AuditEvent.CHANGE: _("change"),
        AuditEvent.SIGN: _("sign"),
        AuditEvent.IDENTIFY: _("identify"),
        AuditEvent.SEPARATE: _("separate"),
        AuditEvent.EXPORT: _("export"),
        AuditEvent.DELETE: _("delete"),
        AuditEvent.BACKUP: _("backup"),
        AuditEvent.ENCRYPTION: _("encryption"),
        AuditEvent.RESTORE: _("restore"),
        AuditEvent.CLOCK: _("clock"),
        AuditEvent.SEEN: _("seen"),
        AuditEvent.AI: _("AI switched"),
        AuditEvent.SEAL: _("seal"),
    }[deed]
