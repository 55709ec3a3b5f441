"""Streamlit's look-ups of this computer's addresses, made impossible.

To tell whether a WebSocket's origin is its own, Streamlit 1.67 asks an address on the internet by
which one this computer is seen, and which of its interfaces leads there; it blocks every reader
until DNS has answered. Neither is needed: a page of this server names the host it was opened at
(`Origin` equals `Host`, RFC 6454 and RFC 6455 10.2), and every other origin is foreign.
"""

from __future__ import annotations

from streamlit import config, net_util

_ASKING = ("get_external_ip", "get_internal_ip", "_make_blocking_http_get")


def forbid() -> None:
    """No address is looked up from now on, and no page sends usage figures, in this process.

    Raises
    ------
    AttributeError
        If this Streamlit asks by other names: then it must not serve.
    """
    for name in _ASKING:
        getattr(net_util, name)
        setattr(net_util, name, _ask_nobody)
    config.set_option("browser.gatherUsageStats", False)


def _ask_nobody(*_what: object, **_how: object) -> None:
    """Return what Streamlit takes for: not known."""
