"""Side-by-side measurements that a reader can repeat: each prints one line of JSON.

Rule of the room: it may import every other; nothing imports it.
"""

import imaging.telemetry  # noqa: F401
