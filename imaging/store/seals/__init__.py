"""Seals of the audit trail: what its lines tell of, who sealed its head, and whether all fits.

Rule of the room: it reads the tables and the trail, and changes neither. What a line says about a
record is the SHA-256 of that record (`row_seals`); the head of the trail is signed with a key that
lies apart from the database (`seal_key`, docs/adr/0016-seals.md).
"""
