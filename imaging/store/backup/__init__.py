"""Backups: the records as they were at one moment, all originals, keys and settings, sealed.

`sealing` is the form of the file, `contents` what goes into it, `backups` makes, checks and
restores them. Knows the store's folder and tables; no other room's.
"""
