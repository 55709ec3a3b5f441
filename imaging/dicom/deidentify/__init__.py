"""Copies of DICOM files that name nobody: PS3.15 annex E, pseudonyms, burned-in text.

Rule of the room: what is not known to be harmless is removed. Only copies are written.
"""
