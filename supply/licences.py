"""The licence of each package, as an SPDX expression: from its metadata, or stated here.

A package whose metadata says nothing that is understood has to be stated: then `make sbom` ends
with its name.
"""

from __future__ import annotations

from importlib import metadata

_NVIDIA = "LicenseRef-NVIDIA-Proprietary"
_STATED = {
    # not installed on every platform, so that the list is the same everywhere
    "colorama": "BSD-3-Clause",
    "cuda-bindings": "Apache-2.0",
    "cuda-pathfinder": "Apache-2.0",
    "cuda-toolkit": "NOASSERTION",  # an empty package of NVIDIA's, whose metadata name no licence
    "nvidia-cusolver": _NVIDIA,
    "nvidia-nvtx": "Apache-2.0",
    "openvino": "Apache-2.0",
    "openvino-telemetry": "Apache-2.0",
    "pywin32-ctypes": "BSD-3-Clause",
    "triton": "MIT",
    # metadata hold the text, or a word that stands for several
    "contourpy": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "matplotlib": "LicenseRef-Matplotlib",  # as the PSF's
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "sqlcipher3": "Zlib",
}
_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "NVIDIA Proprietary Software": _NVIDIA,
}
_SPDX = (
    "Apache-2.0",
    "BSD-3-Clause",
    "LGPL-2.1-or-later",
    _NVIDIA,
    "MIT",
    "MPL-2.0",
    "MPL-2.0 AND MIT",
    "PSF-2.0",
)
INSIDE = {
    "cryptography": "OpenSSL (Apache-2.0)",
    "opencv-python-headless": "FFmpeg (LGPL-2.1-or-later)",
    "psycopg-binary": "libpq (PostgreSQL), OpenSSL (Apache-2.0)",
    "sqlcipher3": "SQLCipher (BSD-3-Clause), SQLite (blessing), OpenSSL (Apache-2.0)",
    "shapely": "GEOS (LGPL-2.1-or-later)",
}
"""Libraries of other licences that lie within wheels."""


def licence_of(name: str) -> str:
    """A package's licence as an SPDX expression; "" where nothing that is understood says so."""
    if name in _STATED:
        return _STATED[name]
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if expressions := about.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = about.get_all("Classifier") or []
    said = list(about.get_all("License") or [])
    said += [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License ::")]
    found = (word if word in _SPDX else _WORDS.get(word, "") for word in said)
    return next(filter(None, found), "")
