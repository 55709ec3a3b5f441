"""From films to an installed checkpoint: train, tune, choose, assemble, calibrate.

Rule of the room: validation films choose; the test split is never opened here.
"""
