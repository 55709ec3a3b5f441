"""Small pictures inside the page's own text: they have no address anyone could fetch."""

from __future__ import annotations

import base64
from html import escape

import streamlit as st


def data_uri(content: bytes, kind: str = "png") -> str:
    """A PNG or JPEG file (`kind` "png" or "jpeg") as the address of an <img>."""
    return f"data:image/{kind};base64," + base64.b64encode(content).decode()


def render_picture(
    content: bytes, kind: str = "png", *, width: int | None = None, caption: str = ""
) -> None:
    """Draw a PNG or JPEG file, where ``st.image`` would lay it on an address of `/media`.

    Parameters
    ----------
    content, kind
        See `data_uri`.
    width : int, optional
        Pixels on the screen, never wider than its column; the whole column without.
    caption : str
        Plain text below, which also describes the picture to who cannot see it.
    """
    size = "100%" if width is None else f"min(100%, {width}px)"
    words = escape(caption)
    below = f'<figcaption class="lb-small">{words}</figcaption>' if words else ""
    picture = f'<img src="{data_uri(content, kind)}" alt="{words}" style="width: {size}">'
    st.html(f'<figure class="lb-picture">{picture}{below}</figure>')
