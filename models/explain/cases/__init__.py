"""Similar films with known outcome: the reference collection and a site's own.

Rule of the room: embeddings and labels, never a picture of another patient in a shared cache.
"""
