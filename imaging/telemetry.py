"""Telemetry of every library, off: the first thing that any process of Lightbox imports.

ONNX Runtime, Ray, Streamlit and OpenVINO tell their makers of every use unless they are told not to
before they are imported. The rooms `imaging`, `models`, `pages` and `bench` import this in their
`__init__`, `app.py` and `cli.py` in their first line: whatever Python is asked to run, no library
is there earlier. Imports the standard library alone. `tests/test_nothing_leaves.py` watches the
processes themselves.
"""

from __future__ import annotations

import os
import sys

VARIABLES = {
    # onnxruntime/Privacy.md: neither uploader nor events nor a device's identifier are made.
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9",  # where it tells that they are off
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    # Hugging Face and many others ask for these; a library that comes along later finds them set.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""What says no, by the name of the variable. Whatever the environment says is overruled."""

# It has no such variable, and OpenVINO works without it: who imports it finds nothing.
_ABSENT = "openvino_telemetry"

os.environ.update(VARIABLES)
sys.modules[_ABSENT] = None  # type: ignore[assignment]
