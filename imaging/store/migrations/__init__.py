"""Tables of one release become those of the next: alembic's scripts, run when a store opens.

Rule of the room: a script that has been released is never changed; `revise` writes the next one.
"""
