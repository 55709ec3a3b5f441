"""The networks themselves: residual and multi-scale blocks, ensemble, localiser, gate.

Rule of the room: torch modules, their input and their weights; they know `checkpoint` and `rules`.
"""
