"""What happened while studies were read, and whether AI may be heard: events, and the switches.

Rule of the room: events are appended, each with its line of the audit trail; nothing here changes
an answer, a review or a film.
"""
