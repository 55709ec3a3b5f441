"""The corners of a film in its photograph, dragged by mouse, finger or arrow keys.

Rule of the room: a picture and four corners go in, four corners come back, checked. What the
corners are for is the page's business.
"""
