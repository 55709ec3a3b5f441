"""The network and all it needs: training, calibration, attribution, and the assessing workflow.

Rule of the room: the only place with torch and captum; tensors never leave it. It may import
`imaging`, never `pages` or streamlit.
"""

import imaging.telemetry  # noqa: F401
