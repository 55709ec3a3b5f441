"""Whether what lies on the disk is encrypted, and what opens it, in words."""

from __future__ import annotations

import streamlit as st

from imaging.store.encryption.protection import load_protection
from imaging.store.encryption.protectors import Kind
from pages.ui import labels, resources
from pages.ui.i18n import _


def render_at_rest() -> None:
    """Draw the state of the data folder; what is not encrypted is said as loudly as it is."""
    settings = resources.settings()
    protection = load_protection(settings.home)
    st.markdown(f"**{_('Encryption on this computer')}**")
    if protection is None:
        st.warning(
            _(
                "Records and images lie unencrypted on the disk: whoever gets at it can read "
                "them. `python cli.py encrypt` encrypts them; stop Lightbox first."
            )
        )
        return
    names = {
        Kind.FILE: _("a key file"),
        Kind.KEYRING: _("this computer's key ring"),
        Kind.PASSPHRASE: _("a passphrase"),
        Kind.RECOVERY: _("the printed recovery key"),
    }
    opens = ", ".join(dict.fromkeys(names[one.kind] for one in protection.protectors))
    if settings.database:
        st.caption(
            _(
                "Images and their names are encrypted, opened by: {opens}. The records lie "
                "in PostgreSQL, which Lightbox does not encrypt; its server's disk has to be."
            ).format(opens=opens)
        )
    else:
        st.caption(
            _("Records, images and their names are encrypted, opened by: {opens}.").format(
                opens=opens
            )
        )
    printed = protection.of_kind(Kind.RECOVERY)
    if printed:
        made = labels.date(printed[-1].made_at[:10].replace("-", ""))
        st.caption(_("The recovery key was made on {date}.").format(date=made))
    else:
        st.warning(
            _(
                "There is no recovery key: if what opens the data folder is lost, nobody can read "
                "it. `python cli.py key recovery` prints one."
            )
        )
