"""Whether a map can be believed: deletion, stability, agreement, place, and the verdict on all.

Rule of the room: a check returns figures; `verdict` alone turns them into words, by stored limits.
"""
