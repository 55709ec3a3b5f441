"""A reader's own settings: blind first reads, the viewer's keys, the password."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from imaging.errors import AssistantError
from imaging.review.records import Account
from imaging.review.rights import Right
from pages.ui import resources, session, theme
from pages.ui.account import sign_in
from pages.ui.deeds import deed, only
from pages.ui.escape import plain
from pages.ui.i18n import _, languages, sentence
from pages.ui.viewer.keys import USUAL
from pages.ui.viewer.words import words

_ACROSS = 4  # columns of key fields


def render_reading(me: Account) -> None:
    """Choose whether the network's answer waits for the reader's own; lock, and sign out."""
    _render_blind(me)
    if not resources.settings().single_reader:
        with st.container(horizontal=True):
            st.button(_("Lock screen"), on_click=sign_in.lock_screen)
            st.button(_("Sign out"), on_click=sign_in.sign_out)
            st.button(
                _("Sign out everywhere"),
                on_click=sign_in.sign_out_everywhere,
                help=_("Ends your sign-in in every browser and on every computer."),
            )


@only(Right.DRAFT)
def _render_blind(me: Account) -> None:
    st.markdown(f"**{_('Reading')}**")
    st.toggle(
        _("Blind first read"),
        value=me.blind,
        key="blind",
        on_change=_set_blind,
        help=_(
            "You save your own answer before the AI's is shown. Both are kept, and the page "
            "Doctors and AI compares them. The worklist keeps its order, for safety: a study "
            "with priority stays on top even while its reason is hidden."
        ),
    )


def render_theme() -> None:
    """Dark or light, for this workstation."""
    names = {
        theme.DARK: _("Dark"),
        theme.LIGHT: _("Light"),
        theme.BROWSER: _("System"),
    }
    st.session_state.setdefault("colours", theme.current_choice())
    st.segmented_control(
        _("Theme"),
        theme.CHOICES,
        required=True,
        format_func=names.__getitem__,
        key="colours",
        on_change=_set_colours,
        help=_(
            "Dark suits a reading room, light an office. Images always lie on black. The "
            "page loads anew."
        ),
    )


def render_language(me: Account) -> None:
    """In which language this reader is spoken to, wherever the account signs in."""
    names = {"": _("System"), **languages()}
    st.session_state.setdefault("language", me.language if me.language in names else "")
    st.segmented_control(
        _("Language"),
        tuple(names),
        required=True,
        format_func=names.__getitem__,
        key="language",
        on_change=_set_language,
    )


@only(Right.FILMS)
def render_keys(me: Account) -> None:
    """The viewer's keys, one field per action; an empty field means the usual key."""
    own, labels = dict(me.bindings), words()
    with st.expander(_("Keyboard shortcuts")), st.form("keys", border=False):
        columns = st.columns(_ACROSS)
        for number, (action, usual) in enumerate(USUAL.items()):
            with columns[number % _ACROSS]:
                st.text_input(
                    labels[action],
                    own.get(action, ""),
                    max_chars=12,
                    key=f"key-{action}",
                    placeholder=_("space") if usual == " " else usual,
                )
        st.form_submit_button(_("Save shortcuts"), on_click=_set_keys)


def render_password(me: Account) -> None:
    """Change one's own password."""
    with st.expander(_("Change password")), st.form("password", border=False, clear_on_submit=True):
        old = st.text_input(_("Present password"), type="password")
        new = st.text_input(_("New password (10 characters or more)"), type="password")
        if st.form_submit_button(_("Change password")):
            _attempt(
                lambda: resources.repository().accounts.change_password(me.name, old, new),
                _("The password was changed."),
            )


@deed(Right.OWN)
def _set_colours() -> None:
    theme.choose(str(st.session_state["colours"]))


@deed(Right.OWN)
def _set_language() -> None:
    chosen = str(st.session_state["language"])
    resources.repository().accounts.set_language(session.account().name, chosen)


@deed(Right.OWN)
def _set_blind() -> None:
    wanted = bool(st.session_state["blind"])
    resources.repository().accounts.set_blind(session.account().name, wanted)


@deed(Right.OWN)
def _set_keys() -> None:
    """Keep what differs from the usual; two actions on one key are refused."""
    typed = {action: str(st.session_state.get(f"key-{action}", "")).strip() for action in USUAL}
    own = {action: key for action, key in typed.items() if key and key != USUAL[action]}
    keys = [own.get(action, usual) for action, usual in USUAL.items()]
    if len(set(keys)) < len(keys):
        session.leave_notice(
            "warning",
            _("Two actions share a shortcut; choose another for one of them. Nothing was changed."),
        )
        return
    resources.repository().accounts.set_bindings(session.account().name, own)
    session.leave_notice("success", _("The shortcuts are saved."))


def _attempt(action: Callable[[], object], success: str) -> None:
    """Do something that may be refused; say which."""
    try:
        action()
    except AssistantError as exc:
        st.error(plain(sentence(str(exc))))
    else:
        st.success(success)
