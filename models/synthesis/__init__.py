"""Drawn chest films that show nobody, for examples and tests.

Rule of the room: made from parameters alone; `near_copy` proves that none is a real film.
"""
