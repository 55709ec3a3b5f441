"""What every explanation needs: the film as the network sees it, the target, baselines, lungs, zones.

Rule of the room: no method and no check; the other rooms of `explain` build on it.
"""
