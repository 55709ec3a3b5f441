"""Films for training and evaluation: read, framed, augmented, corrupted on purpose.

Rule of the room: splits are by patient; what is random takes a generator.
"""
