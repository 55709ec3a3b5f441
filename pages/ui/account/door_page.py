"""The pages before Lightbox: a form or a sentence, in its colours, that runs and loads nothing."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse, Response

from imaging.entities import RESEARCH_USE
from pages.ui import theme
from pages.ui.i18n import _, spoken
from pages.ui.wall.headers import script_hash

LONGEST_FIELD = 1024
_TITLE = "Lightbox"
_STYLE = """
:root { color-scheme: light dark; }
:root.dark { color-scheme: dark; }
:root.light { color-scheme: light; }
body { margin: 0; background: light-dark(%(background_light)s, %(background_dark)s);
  color: light-dark(%(text_light)s, %(text_dark)s);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
header { text-align: right; padding: 0.7rem 1.2rem; }
header span { padding: 0.2rem 0.8rem; border: 1px solid; border-radius: 0.35rem; font-weight: 600;
  color: light-dark(%(orange_light)s, %(orange_dark)s); }
main { max-width: 26rem; margin: 8vh auto; padding: 0 1.2rem; }
h1 { font-size: 1.35rem; }
label { display: block; margin: 0.9rem 0; }
input { display: block; box-sizing: border-box; width: 100%%; padding: 0.5rem; font: inherit;
  border: 1px solid light-dark(%(gray_light)s, %(gray_dark)s); border-radius: 0.35rem;
  background: light-dark(%(field_light)s, %(field_dark)s); color: inherit; }
button { padding: 0.5rem 1.2rem; font: inherit; border: 0; border-radius: 0.35rem;
  background: light-dark(%(primary_light)s, %(primary_dark)s);
  color: light-dark(%(background_light)s, %(background_dark)s); }
a.button { display: inline-block; padding: 0.5rem 1.2rem; border-radius: 0.35rem;
  text-decoration: none; background: light-dark(%(primary_light)s, %(primary_dark)s);
  color: light-dark(%(background_light)s, %(background_dark)s); }
summary { cursor: pointer; }
button.other { margin-left: 0.8rem; background: none; color: inherit;
  border: 1px solid light-dark(%(gray_light)s, %(gray_dark)s); }
.problem { font-weight: 600; }
.key { font: 600 1.3rem/1.8 ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: inherit; }
svg { display: block; background: #fff; }
code { font-size: 1.1rem; overflow-wrap: anywhere; }
"""
_COLOURS = {
    "background": "backgroundColor",
    "field": "secondaryBackgroundColor",
    "text": "textColor",
    "gray": "grayColor",
    "orange": "orangeTextColor",
    "primary": "primaryColor",
}


def page(words: str, chosen: str, status: int, *, onward: str = "") -> Response:
    """A page in the colours of the workstation.

    Parameters
    ----------
    words : str
        HTML.
    chosen : str
        The colours' cookie.
    status : int
    onward : str
        The address that the browser goes on to by itself, of another site too (where the answer to
        a form could not lead: CSP 3, 6.4.2); empty for none.
    """
    style = _STYLE % {
        f"{name}_{shown}": theme.colour(option, shown)
        for name, option in _COLOURS.items()
        for shown in (theme.DARK, theme.LIGHT)
    }
    kind = "" if chosen == theme.BROWSER else chosen if chosen in theme.CHOICES else theme.DARK
    policy = (
        f"default-src 'none'; style-src {script_hash(style)}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    tag = spoken().replace("_", "-")
    return HTMLResponse(
        f'<!doctype html><html lang="{tag}" class="{kind}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>'
        f"{_TITLE}</title>{_refresh(onward)}"
        f'<style>{style}</style></head><body class="door">'
        f'<header><span role="note">{escape(_(RESEARCH_USE))}</span></header>'
        f"<main><p><strong>{_TITLE}</strong><br>{escape(_about())}</p>{words}</main></body></html>",
        status_code=status,
        headers={"Content-Security-Policy": policy},
    )


def _about() -> str:
    """What Lightbox is, in a line."""
    return _("Shows X-rays with an AI's answer beside them, for a doctor to check and sign.")


def _refresh(address: str) -> str:
    target = escape(address, quote=True)
    return f'<meta http-equiv="refresh" content="0; url={target}">' if address else ""


def link(address: str, words: str) -> str:
    """A link that looks like a form's button."""
    return f'<p><a class="button" href="{escape(address, quote=True)}">{escape(words)}</a></p>'


def form(action: str, title: str, words: str, *fields: str, button: str, other: str = "") -> str:
    """A form; the return key presses the first of its buttons."""
    action = escape(action, quote=True)
    return (
        f'<h1>{escape(title)}</h1><p>{escape(words)}</p><form method="post" action="{action}">'
        f"{''.join(fields)}<button>{escape(button)}</button>{other}</form>"
    )


def note(words: str) -> str:
    """A sentence that says what is wrong; empty for none."""
    return f'<p class="problem" role="alert">{escape(words)}</p>' if words else ""


def field(name: str, label: str, kind: str, fills: str) -> str:
    """A field of a form; `fills` is what a password manager puts in (HTML, 4.10.18.7.1)."""
    return (
        f'<label>{escape(label)}<input name="{name}" type="{kind}" autocomplete="{fills}" '
        f'maxlength="{LONGEST_FIELD}" required></label>'
    )


def hidden(name: str, value: str) -> str:
    """A field of a form that nobody sees."""
    return f'<input type="hidden" name="{name}" value="{escape(value, quote=True)}">'
