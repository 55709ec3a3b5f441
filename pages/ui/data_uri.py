"""Small pictures inside the page's own text: they have no address anyone could fetch."""

from __future__ import annotations

import base64


def data_uri(png: bytes) -> str:
    """A PNG file as the address of an <img>."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
