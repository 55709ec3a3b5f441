"""How results leave: one study or a whole batch, gathered from the store and written by `export`.

Rule of the room: it joins `store` and `export`; what a document says is decided there, who may
have it by the callers.
"""
