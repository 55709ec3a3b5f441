"""What Lightbox is made of: the bill of materials, and the catalogue that tests its words.

Rule of the room: it reads the compiled lists, the installed packages' own words and the template of
messages; of the product nothing imports it.
"""

import imaging.telemetry  # noqa: F401
