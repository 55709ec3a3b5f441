"""The computer Lightbox runs on: its disk, its rights, its clock.

What is written so that it lasts, who may read it, what is left of a process that was killed, and
what time it is. Knows no records, no films and no third-party package.
"""
