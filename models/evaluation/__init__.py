"""How good the installed network is: answers, gate, shortcuts, robustness, explanations.

Rule of the room: the served path is measured; figures are stored and never typed.
"""
