"""What Lightbox is made of: the bill of materials and the licences of what it installs.

Rule of the room: it reads the compiled lists and the installed packages' own words, and nothing of
the product; nothing imports it.
"""

import imaging.telemetry  # noqa: F401
