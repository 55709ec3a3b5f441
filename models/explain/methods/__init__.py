"""Attribution methods, a function and a row of `METHODS` each; `explainer` is the entry point.

Rule of the room: signed maps over the network's input; a map is judged in `checks`, not here.
"""
