"""A pulse from the browser: has the fragment around it drawn again and again, while there is need.

Streamlit's `run_every` beats until the whole page is drawn anew, which would take what the reader
presses just then. This one ends when it is no longer drawn, and waits for an answer to each beat.
"""

from __future__ import annotations

import streamlit as st

_BEAT = 600  # milliseconds
# Not answered, as when the server was busy with the page: asked again, but not in haste.
_PULSE = """
const timers = new WeakMap();
export default function ({ data, parentElement, setTriggerValue }) {
  const beat = (wait) => timers.set(parentElement, setTimeout(() => {
    setTriggerValue("beat", data.count);
    beat(5 * data.wait);
  }, wait));
  clearTimeout(timers.get(parentElement));
  beat(data.wait);
  return () => clearTimeout(timers.get(parentElement));
}
"""
_pulse = st.components.v2.component("lightbox_pulse", js=_PULSE)


def beat(name: str) -> None:
    """Ask for the fragment that is being drawn once more, in a moment; draws nothing.

    Parameters
    ----------
    name : str
        Unique among the fragments on the page.
    """
    key = f"pulse-{name}"
    count = st.session_state.get(f"{key}-count", 0) + 1
    st.session_state[f"{key}-count"] = count
    with st.container(key=f"hidden-{key}"):
        _pulse(key=key, data={"wait": _BEAT, "count": count}, on_beat_change=lambda: None)
