"""What a page asks for by itself: to be drawn anew, once or again and again while there is need.

`beat` has the browser send a pulse for the fragment around it.

Streamlit's `run_every` beats until the whole page is drawn anew, and takes what the reader presses
just then: of two requests it serves the page of the later one, so a beat behind a press of
"Worklist" asks for the page that is left, and leaves an empty one on the screen. This pulse ends
when it is no longer drawn, waits for an answer to each beat, and is still while the page is drawn
and for a moment after a key or a press.
"""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

_BEAT = 0.6  # seconds
# Not answered, as when the server was busy with the page: asked again, but not in haste.
_PULSE = """
const QUIET = 1000; // milliseconds after what the reader did
const pulses = new WeakMap();
let touched = -QUIET;
for (const deed of ["pointerdown", "click", "keydown", "popstate"]) {
  addEventListener(deed, () => { touched = performance.now(); }, { capture: true, passive: true });
}
const quiet = () => performance.now() - touched > QUIET
  && document.querySelector(".stApp")?.dataset.testScriptState !== "running";
export default function ({ data, parentElement, setTriggerValue }) {
  const pulse = { timer: 0 };
  const beat = (wait) => {
    pulse.timer = setTimeout(() => {
      if (!quiet()) return beat(data.wait / 4);
      setTriggerValue("beat", data.count);
      beat(5 * data.wait);
    }, wait);
  };
  clearTimeout(pulses.get(parentElement)?.timer);
  pulses.set(parentElement, pulse);
  beat(data.wait);
  return () => clearTimeout(pulse.timer); // its own: a later call may have been made by now
}
"""
_pulse = st.components.v2.component("lightbox_pulse", js=_PULSE)


def beat(name: str, *, every: float = _BEAT) -> None:
    """Ask for the fragment that is being drawn once more, in a moment; draws nothing.

    Parameters
    ----------
    name : str
        Unique among the fragments on the page.
    every : float
        Seconds until it is asked for.
    """
    key = f"pulse-{name}"
    count = st.session_state.get(f"{key}-count", 0) + 1
    st.session_state[f"{key}-count"] = count
    with st.container(key=f"hidden-{key}"):
        _pulse(
            key=key, data={"wait": round(1000 * every), "count": count}, on_beat_change=lambda: None
        )


def redraw() -> NoReturn:
    """Draw the page anew, unless the reader asked for something meanwhile: then that comes first.

    ``st.rerun`` alone would ask for this page behind the press of another, and win.
    """
    _ = "redraw" in st.session_state  # a place where Streamlit looks for a newer request
    st.rerun()
