"""How files come in: archives and folders opened, headers scanned, decoders isolated.

Rule of the room: what a hostile file may harm runs in a process that can be killed. It joins
`dicom` and `store`, and knows no network.
"""
