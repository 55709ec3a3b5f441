"""The steps between a file's bytes and the screen, and what is odd about the file.

Rule of the room: it describes and cautions; it changes no pixel.
"""
