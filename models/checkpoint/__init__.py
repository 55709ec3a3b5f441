"""Installed models: cards, settings of networks, where checkpoints lie.

Rule of the room: no torch, so that serving starts without it.
"""
