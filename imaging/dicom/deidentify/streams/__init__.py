"""Compressed frames without what is no picture: comments, cameras' notes, what stands behind.

Rule of the room: bytes in, bytes out. Only segments that a decoder needs are kept; a stream that
cannot be walked to its end is an error, never passed on as it is.
"""
