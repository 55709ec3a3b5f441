"""One script per screen: read widgets, call one workflow, render the entity it returns.

Rule of the room: streamlit and words on screen live here (and in app.py) alone; no maths, queries
or file parsing. A page stays under 100 lines; what pages share lies in `pages/ui`.
"""

import imaging.telemetry  # noqa: F401
