"""Piles of files worked off: claims coordinated, files judged in other processes, or by Ray.

Rule of the room: a worker may die at any moment and no outcome is lost or written twice
(docs/adr/0014-pipeline.md).
"""
