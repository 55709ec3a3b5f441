"""A reader's own settings: blind first reads, the viewer's keys, the password; further readers."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from imaging.errors import AssistantError
from imaging.review.records import Account
from imaging.store.access.second_factor import new_secret
from pages.ui import resources, session, theme
from pages.ui.account import sign_in
from pages.ui.account.factor_forms import in_fours, qr_code_uri, recovery_words
from pages.ui.deeds import deed
from pages.ui.escape import plain
from pages.ui.i18n import _, sentence
from pages.ui.viewer.keys import USUAL
from pages.ui.viewer.words import words

_ACROSS = 4  # columns of key fields


def render_reading(me: Account) -> None:
    """Choose whether the network's answer waits for the reader's own."""
    st.markdown(f"**{_('Reading')}**")
    st.toggle(
        _("Blind first read"),
        value=me.blind,
        key="blind",
        on_change=_set_blind,
        help=_(
            "You commit to your own answer before the network's is shown. Both are kept, and the "
            "Readers page compares them. The worklist keeps its order, for safety: a raised study "
            "stays on top even while its reason is hidden."
        ),
    )
    if not resources.settings().single_reader:
        with st.container(horizontal=True):
            st.button(_("Lock screen"), on_click=sign_in.lock_screen)
            st.button(_("Sign out"), on_click=sign_in.sign_out)
            st.button(
                _("Sign out everywhere"),
                on_click=sign_in.sign_out_everywhere,
                help=_("Ends your sign-in in every browser and on every computer."),
            )


def render_theme() -> None:
    """Dark or light, for this workstation."""
    names = {
        theme.DARK: _("Dark"),
        theme.LIGHT: _("Light"),
        theme.BROWSER: _("As the browser"),
    }
    st.session_state.setdefault("colours", theme.current_choice())
    st.segmented_control(
        _("Colours on this computer"),
        theme.CHOICES,
        required=True,
        format_func=names.__getitem__,
        key="colours",
        on_change=_set_colours,
        help=_(
            "Dark suits a reading room, light an office. Films always lie on black. The page "
            "loads anew."
        ),
    )


def render_keys(me: Account) -> None:
    """The viewer's keys, one field per action; an empty field means the usual key."""
    own, labels = dict(me.bindings), words()
    with st.expander(_("Keys of the viewer")), st.form("keys", border=False):
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
        st.form_submit_button(_("Save keys"), on_click=_set_keys)


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


def render_second_factor(me: Account) -> None:
    """Make a second factor, or take it away."""
    accounts = resources.repository().accounts
    with st.expander(_("Second factor"), key="second-factor"):
        if session.recovery_codes():
            st.markdown(recovery_words())
            st.code("\n".join(session.recovery_codes()), language=None)
            st.button(_("I have kept them"), on_click=_forget_codes)
        if not accounts.has_second_factor(me.name):
            _render_set_up(me)
        elif resources.settings().second_factor:
            st.caption(_("Your sign-in asks for a code. This site demands it."))
        else:
            _render_removal(me)


def _render_set_up(me: Account) -> None:
    """The key for an app, and the code that shows that the app has it."""
    secret = session.factor_secret(new_secret)
    st.caption(
        _(
            "With a second factor your password alone opens nothing. Scan the picture with an app "
            "for one-time codes (or type the key into it), then type the code that the app shows."
        )
    )
    st.html(f'<img alt="" width="200" src="{qr_code_uri(secret, me.name)}">')
    st.code(in_fours(secret), language=None)
    with st.form("factor", border=False, clear_on_submit=True):
        password = st.text_input(_("Password"), type="password", key="factor-password")
        code = st.text_input(_("Code"), autocomplete="one-time-code", key="factor-code")
        if not st.form_submit_button(_("Turn on")):
            return
    try:
        codes = resources.repository().accounts.enrol(me.name, password, secret, code)
    except AssistantError as exc:
        st.error(plain(sentence(str(exc))))
        return
    session.forget_factor_secret()
    session.set_recovery_codes(codes)
    session.leave_notice("success", _("Your sign-in asks for a code from now on."))
    st.rerun()


def _render_removal(me: Account) -> None:
    st.caption(_("Your sign-in asks for a code."))
    with st.form("no-factor", border=False, clear_on_submit=True):
        password = st.text_input(_("Password"), type="password", key="no-factor-password")
        code = st.text_input(_("Code"), autocomplete="one-time-code", key="no-factor-code")
        if st.form_submit_button(_("Turn off")):
            accounts = resources.repository().accounts
            _attempt(
                lambda: accounts.remove_second_factor(me.name, password, code),
                _("The second factor is off."),
            )


def render_readers() -> None:
    """All readers, and a form for one more."""
    accounts = resources.repository().accounts
    st.markdown(f"**{_('Readers')}**")
    for other in accounts.all():
        mark = ", " + _("disabled") if other.disabled else ""
        st.text(f"{other.reader}  ({other.name}{mark})")
    with st.expander(_("Add a reader")), st.form("reader", border=False, clear_on_submit=True):
        reader = st.text_input(_("Name, as it stands under a report"), max_chars=64)
        name = st.text_input(_("Sign-in name"), max_chars=64)
        password = st.text_input(_("First password (10 characters or more)"), type="password")
        if st.form_submit_button(_("Add a reader")):
            _attempt(
                lambda: accounts.create(name, reader, password, by=session.account().name),
                _("The reader can sign in now."),
            )


@deed
def _forget_codes() -> None:
    session.set_recovery_codes(())


@deed
def _set_colours() -> None:
    theme.choose(str(st.session_state["colours"]))


@deed
def _set_blind() -> None:
    wanted = bool(st.session_state["blind"])
    resources.repository().accounts.set_blind(session.account().name, wanted)


@deed
def _set_keys() -> None:
    """Keep what differs from the usual; two actions on one key are refused."""
    typed = {action: str(st.session_state.get(f"key-{action}", "")).strip() for action in USUAL}
    own = {action: key for action, key in typed.items() if key and key != USUAL[action]}
    keys = [own.get(action, usual) for action, usual in USUAL.items()]
    if len(set(keys)) < len(keys):
        session.leave_notice("warning", _("Two actions share a key; nothing was changed."))
        return
    resources.repository().accounts.set_bindings(session.account().name, own)
    session.leave_notice("success", _("The keys are saved."))


def _attempt(action: Callable[[], object], success: str) -> None:
    """Do something that may be refused; say which."""
    try:
        action()
    except AssistantError as exc:
        st.error(plain(sentence(str(exc))))
    else:
        st.success(success)
