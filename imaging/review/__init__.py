"""What readers state, draft, sign and compare.

Rule of the room: pure rules over entities; no files, no database, no screen. It knows the files of
`imaging/` itself and no other room.
"""
