"""Reports and presentation states: objects that hold no picture of their own.

Rule of the room: they are read into documents and annotations; images only to be referred to.
"""
