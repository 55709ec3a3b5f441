"""The accounts, for who manages them: who there is, as what, and who may not sign in any more."""

from __future__ import annotations

import streamlit as st

from imaging.review.records import Account
from imaging.review.rights import Right
from imaging.review.roles import Role
from pages.ui import resources, session
from pages.ui.deeds import deed, only
from pages.ui.escape import plain
from pages.ui.i18n import _

_USUAL = [Role.READER, Role.SIGNER]


def role_words() -> dict[Role, str]:
    """What each role is, in a few words."""
    return {
        Role.READER: _("Doctor: reads and drafts"),
        Role.SIGNER: _("Signer: reads, drafts and signs"),
        Role.TECHNOLOGIST: _("Technologist: images and their quality, no findings"),
        Role.RESEARCHER: _("Researcher: de-identified copies alone"),
        Role.ADMINISTRATOR: _("Administrator: accounts and settings, no patients"),
        Role.AUDITOR: _("Auditor: the audit trail"),
    }


@only(Right.ACCOUNTS)
def render_accounts() -> None:
    """Each account with what may be changed about it; nothing is changed before a button."""
    st.markdown(f"**{_('Accounts')}**")
    if resources.settings().single_reader:
        st.caption(_("One doctor works here alone, without accounts, and may do everything."))
        return
    for account in resources.repository().accounts.all():
        _render_account(account)


def _render_account(account: Account) -> None:
    words, name = role_words(), account.name
    roles = ", ".join(words[role].partition(":")[0] for role in Role if role in account.roles)
    state = " \u00b7 " + _("disabled") if account.disabled else ""
    with st.expander(f"{plain(account.reader)} ({plain(name)}) \u00b7 {roles}{state}"):
        chosen = st.pills(
            _("Roles"),
            list(Role),
            selection_mode="multi",
            default=[role for role in Role if role in account.roles],
            format_func=words.__getitem__,
            key=f"roles-{name}",
        )
        reader = st.text_input(
            _("Name shown on reports"),
            account.reader,
            max_chars=64,
            key=f"reader-{name}",
        )
        password = st.text_input(
            _("New password (10 characters or more)"),
            type="password",
            key=f"new-password-{name}",
            autocomplete="new-password",
        )
        with st.container(horizontal=True):
            st.button(
                _("Save roles"),
                key=f"set-roles-{name}",
                on_click=_set_roles,
                args=(name,),
                disabled=set(chosen) == set(account.roles),
                help=_("Ends every sign-in of this account."),
            )
            st.button(
                _("Rename"),
                key=f"rename-{name}",
                on_click=_rename,
                args=(name,),
                disabled=reader == account.reader,
            )
            st.button(
                _("Set password"),
                key=f"reset-{name}",
                on_click=_reset,
                args=(name,),
                disabled=not password,
                help=_("Ends every sign-in of this account."),
            )
            if resources.repository().accounts.has_second_factor(name):
                st.button(
                    _("Reset second factor"),
                    key=f"reset-factor-{name}",
                    on_click=_reset_factor,
                    args=(name,),
                    help=_("For who has lost the app and the recovery codes."),
                )
            if account.disabled:
                st.button(_("Enable"), key=f"enable-{name}", on_click=_enable, args=(name,))
            else:
                st.button(_("Disable"), key=f"disable-{name}", on_click=_disable, args=(name,))


@only(Right.ACCOUNTS)
def render_new_account() -> None:
    """A form for one more account."""
    if resources.settings().single_reader:
        return
    words = role_words()
    with st.expander(_("Add an account")), st.form("new-account", border=False):
        st.text_input(_("Name shown on reports"), max_chars=64, key="new-reader")
        st.text_input(_("Sign-in name"), max_chars=64, key="new-name")
        st.text_input(
            _("First password (10 characters or more)"),
            type="password",
            key="new-password",
            autocomplete="new-password",
        )
        st.pills(
            _("Roles"),
            list(Role),
            selection_mode="multi",
            default=_USUAL,
            format_func=words.__getitem__,
            key="new-roles",
        )
        st.form_submit_button(_("Add an account"), on_click=_create)


@deed(Right.ACCOUNTS)
def _create() -> None:
    """Create the account of the form, and empty the form once that is done."""
    state = st.session_state
    reader, name, password, roles = (
        state["new-reader"],
        state["new-name"],
        state["new-password"],
        state["new-roles"],
    )
    state["new-password"] = ""
    resources.repository().accounts.create(name, reader, password, by=_me(), roles=list(roles))
    state["new-reader"] = state["new-name"] = ""
    session.leave_notice("success", _("The account was created."))


@deed(Right.ACCOUNTS)
def _set_roles(name: str) -> None:
    roles = list(st.session_state[f"roles-{name}"])
    resources.repository().accounts.set_roles(name, roles, by=_me())
    session.leave_notice("success", _("The roles were changed."))


@deed(Right.ACCOUNTS)
def _rename(name: str) -> None:
    resources.repository().accounts.rename(name, st.session_state[f"reader-{name}"], by=_me())
    session.leave_notice("success", _("The name was changed."))


@deed(Right.ACCOUNTS)
def _reset(name: str) -> None:
    key = f"new-password-{name}"
    password = str(st.session_state[key])
    st.session_state[key] = ""
    resources.repository().accounts.reset_password(name, password, by=_me())
    session.leave_notice("success", _("The password was changed."))


@deed(Right.ACCOUNTS)
def _reset_factor(name: str) -> None:
    resources.repository().accounts.reset_second_factor(name, by=_me())
    session.leave_notice("success", _("The second factor was reset."))


@deed(Right.ACCOUNTS)
def _disable(name: str) -> None:
    resources.repository().accounts.disable(name, by=_me())
    session.leave_notice("success", _("The account was disabled."))


@deed(Right.ACCOUNTS)
def _enable(name: str) -> None:
    resources.repository().accounts.enable(name, by=_me())
    session.leave_notice("success", _("The account was enabled."))


def _me() -> str:
    return session.account().name
