"""Encryption at rest: the keys of a data folder, who opens it, and how SQLite is read with them.

Knows no tables and no films; the database, the originals and the backups ask it for their keys.
"""
