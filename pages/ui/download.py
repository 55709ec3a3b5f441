"""Handing a file to the browser without giving it an address.

Streamlit's own download button puts the bytes where anyone who knows the address may fetch them,
signed in or not; here they travel inside the page's connection.
"""

from __future__ import annotations

import json
import struct

import streamlit as st

_BUTTON = """
export default function ({ data, parentElement }) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const button = parentElement.querySelector("button");
  button.textContent = head.label;
  button.onclick = () => {
    const blob = new Blob([bytes.subarray(4 + length)], { type: head.type });
    const address = URL.createObjectURL(blob);
    const link = document.createElement("a");
    link.href = address;
    link.download = head.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
}
"""
_CSS = """
button { font: 400 .9rem var(--st-font); padding: .35rem .8rem; cursor: pointer;
  color: var(--st-background-color); background: var(--st-primary-color);
  border: 0; border-radius: var(--st-base-radius); }
button:focus-visible { outline: 2px solid var(--st-text-color); }
"""
_download = st.components.v2.component(
    "lightbox_download", html="<button type='button'></button>", css=_CSS, js=_BUTTON
)


def render_download(label: str, name: str, content: bytes, kind: str, *, key: str) -> None:
    """Draw a button that saves `content` under `name`.

    Parameters
    ----------
    label : str
        What the button says.
    name : str
        File name offered to the browser.
    content : bytes
        The file.
    kind : str
        Media type, such as ``application/zip``.
    key : str
        Unique on the page.
    """
    head = json.dumps({"label": label, "name": name, "type": kind}).encode()
    _download(key=key, data=struct.pack("<I", len(head)) + head + content)
