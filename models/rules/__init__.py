"""The arithmetic of decisions: calibration, conformal sets, operating points, gate, crop boxes.

Rule of the room: numpy only, no torch, pure functions; the figures they use come from the card.
"""
