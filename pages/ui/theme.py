"""Dark or light: the colours both themes give what is ours, and the reader's choice of theme.

Colours stand in `.streamlit/config.toml` alone. The choice is the workstation's, not the reader's:
a reading room is dark whoever sits in it. So a cookie holds it; dark without one.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

DARK, LIGHT, BROWSER = "dark", "light", "browser"
CHOICES = (DARK, LIGHT, BROWSER)
COOKIE = "lightbox_theme"

_CHOSEN = "theme-chosen"
_NAMES = (  # of our CSS variables and of the theme options they take
    "backgroundColor",
    "secondaryBackgroundColor",
    "textColor",
    "borderColor",
    "primaryColor",
    "grayColor",
    "grayTextColor",
    "blueColor",
    "orangeColor",
    "orangeBackgroundColor",
    "orangeTextColor",
    "redTextColor",
)
_VIEWER = ("background", "secondary-background", "text", "border", "primary")
# Streamlit reads the theme's name for a path when a page loads, and cannot be told later: it is
# written for every page, and one load follows where the colours on screen are the other ones.
_APPLY = """
export default function ({ data }) {
  const app = document.querySelector(".stApp");
  document.cookie = `${data.cookie}=${data.wanted}; Path=/; SameSite=Strict; Max-Age=31536000`;
  // popovers hang outside the app, and Streamlit tells only the app which colours are meant
  const shown = document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const wanted = data.wanted === "browser" ? system : data.wanted;
  const name = { dark: "Dark", light: "Light", browser: "System" }[data.wanted];
  const base = location.pathname.replace(/[^/]*$/, "");
  try {
    for (const path of [location.pathname, ...data.pages.map((page) => base + page)])
      localStorage.setItem(`stActiveTheme-${path}-v2`, JSON.stringify(name));
    if (shown === wanted) sessionStorage.removeItem(data.cookie);
    else if (sessionStorage.getItem(data.cookie) !== wanted) {
      sessionStorage.setItem(data.cookie, wanted);  // once, should it not help
      location.reload();
    }
  } catch { /* a browser that keeps nothing has its own theme */ }
}
"""
_theme = st.components.v2.component("lightbox_theme", js=_APPLY)


def colour(name: str, theme: str = "") -> str:
    """A colour of a theme, such as ``blueColor``; of the theme on screen unless one is named."""
    shown = theme or (LIGHT if st.context.theme.type == LIGHT else DARK)
    return str(st.get_option(f"theme.{shown}.{name}"))


def style_sheet() -> str:
    """The themes' colours as CSS variables ``--lb-...``, for whichever theme is on screen.

    The viewer keeps the dark ones: beside a film, a light bar takes the eye's contrast away.
    """
    both = (
        f"--lb-{_css_name(n)}: light-dark({colour(n, LIGHT)}, {colour(n, DARK)});" for n in _NAMES
    )
    dark = (f"--st-{n}-color: {colour(_option(n), DARK)};" for n in _VIEWER)
    return (
        f"<style>:root {{ {' '.join(both)} }}\n"
        '.st-key-film [data-testid="stBidiComponentIsolated"] '
        f"{{ color-scheme: dark; {' '.join(dark)} }}</style>"
    )


def _css_name(option: str) -> str:
    """``grayTextColor`` -> ``gray-text``."""
    kebab = "".join(f"-{c.lower()}" if c.isupper() else c for c in option)
    return kebab.removesuffix("-color")


def _option(css_name: str) -> str:
    """``secondary-background`` -> ``secondaryBackgroundColor``."""
    first, *rest = css_name.split("-")
    return first + "".join(word.title() for word in rest) + "Color"


def current_choice() -> str:
    """The choice of this workstation."""
    choice = st.session_state.get(_CHOSEN) or st.context.cookies.get(COOKIE)
    return choice if choice in CHOICES else DARK


def choose(choice: str) -> None:
    """Keep another choice; the next `render_choice` takes it to the browser."""
    st.session_state[_CHOSEN] = choice


def render_choice() -> None:
    """Tell the browser which theme to show."""
    pages = [path.stem for path in (Path(__file__).parents[1]).glob("[a-z]*.py")]
    with st.container(key="theme"):
        data = {"cookie": COOKIE, "wanted": current_choice(), "pages": ["", *pages]}
        _theme(key="theme-choice", data=data)
