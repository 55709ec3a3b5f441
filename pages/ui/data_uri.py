"""Small pictures inside the page's own text: they have no address anyone could fetch."""

from __future__ import annotations

import base64


def data_uri(content: bytes, kind: str = "png") -> str:
    """A PNG or JPEG file (`kind` "png" or "jpeg") as the address of an <img>."""
    return f"data:image/{kind};base64," + base64.b64encode(content).decode()
