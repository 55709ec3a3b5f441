"""What an image is and where it goes.

Rule of the room: numpy arrays and the frozen entities cross its border; no torch, no streamlit.
`dicom` and `store` know `entities` and `errors`, never each other; `intake` and
`delivery` join them.
"""

import imaging.telemetry  # noqa: F401
