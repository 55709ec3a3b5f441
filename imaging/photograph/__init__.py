"""Photographs of films: where the film lies in one, and the straight film that is cut out of it.

Rule of the room: arrays and corners alone. It knows no file, no study and no screen, changes no
picture it is given, and never mirrors by itself.
"""
