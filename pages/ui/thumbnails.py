"""The strip of thumbnails: series of this study and of the patient's earlier ones; a click opens.

A small component of its own, for Streamlit's pictures cannot be pressed. Words reach the page as
text, never as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

_STRIP = """
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".strip");
  root.replaceChildren();
  for (const group of data.groups) {
    const title = document.createElement("div");
    title.className = "title";
    title.textContent = group.title;
    root.append(title);
    for (const thumb of group.thumbs) {
      const button = document.createElement("button");
      button.type = "button";
      button.title = thumb.label;
      button.setAttribute("aria-pressed", String(thumb.key === data.chosen));
      const picture = document.createElement("img");
      picture.src = thumb.picture;
      picture.alt = "";
      const label = document.createElement("span");
      label.textContent = thumb.label;
      button.append(picture, label);
      button.onclick = () => setTriggerValue("chosen", thumb.key);
      root.append(button);
    }
  }
}
"""
_CSS = """
.strip { display: flex; flex-direction: column; gap: .3rem; max-height: calc(100dvh - 4.5rem);
  overflow-y: auto; font-family: var(--st-font); color: var(--st-text-color); }
.title { font-size: .72rem; opacity: .75; margin-top: .2rem; }
button { display: block; width: 100%; padding: .2rem; border: 2px solid var(--st-border-color);
  border-radius: .3rem; background: #000; color: #d6dbe1; cursor: pointer; font: inherit; }
button[aria-pressed="true"] { border-color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; }
span { display: block; font-size: .7rem; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }
"""
_strip = st.components.v2.component(
    "lightbox_strip", html="<nav class='strip'></nav>", css=_CSS, js=_STRIP
)


@dataclass(frozen=True, slots=True)
class Thumb:
    """A picture of the strip: its key, words below it, and the picture as a data address."""

    key: str
    label: str
    picture: str


@dataclass(frozen=True, slots=True)
class Group:
    """Thumbnails under one title: a series, or an earlier study."""

    title: str
    thumbs: tuple[Thumb, ...]


def render_strip(groups: Sequence[Group], chosen: str, *, key: str) -> str:
    """Draw the strip; returns the key of the thumbnail just pressed, else an empty string."""
    result = _strip(
        key=key,
        data={
            "chosen": chosen,
            "groups": [
                {
                    "title": group.title,
                    "thumbs": [
                        {"key": t.key, "label": t.label, "picture": t.picture} for t in group.thumbs
                    ],
                }
                for group in groups
            ],
        },
        on_chosen_change=lambda: None,
    )
    return str(result.chosen or "")
