"""The audit trail on the page: every deed it can record has a word."""

from imaging.review.records import AuditEvent
from pages.ui.audit.deed_words import deed_word


def test_every_deed_has_a_word_of_its_own() -> None:
    assert len({deed_word(deed) for deed in AuditEvent}) == len(AuditEvent)
