"""What every explanation needs: the network's view of a film, target, baselines, lungs.

Rule of the room: no method and no check; the other rooms of `explain` build on it.
"""
