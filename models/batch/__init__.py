"""Piles of files worked off: a coordinator claims them, processes of this computer or Ray judge.

Rule of the room: a worker may die at any moment and no outcome is lost or written twice
(docs/adr/0014-pipeline.md).
"""
