"""From pixel data to grey levels: description, codecs, modality and VOI LUTs, colour.

Rule of the room: arrays out, the clause of PS3.3 or PS3.5 beside each step. It knows `header`
alone.
"""
