"""What was done between a file's bytes and the screen, step by step, and what is odd about it.

Rule of the room: it describes and cautions; it changes no pixel.
"""
