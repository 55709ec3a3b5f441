"""Pixels for the server, from processes of little memory: no file that came is decoded in it.

Rule of the room: what pages and exports need of a file's content is asked for here. `worker` runs
in the child and knows decoders; whoever asks knows messages, arrays and entities alone.
"""

from imaging.decoding.image import DistantImage, Source, read_image, shared_pool

__all__ = ["DistantImage", "Source", "read_image", "shared_pool"]
