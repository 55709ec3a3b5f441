"""The forms of a second factor at the door: a code is asked for, or an app is set up."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import segno

from imaging.store.access.second_factor import Proof, new_secret, provisioning_uri
from pages.ui.account.door_page import field, form, hidden
from pages.ui.account.pending import Pending
from pages.ui.i18n import _

_MINUTES = 10.0  # for which a password that was right waits for its code
PROOF = "proof"


class Proofs:
    """Passwords that were right, each waiting for a code; whoever begins anew types it again."""

    def __init__(self) -> None:
        self._pending: Pending[tuple[Proof, str]] = Pending(60 * _MINUTES)

    def keep(self, proof: Proof) -> str:
        """Keep one, with a secret for an app where the reader has none; the form's handle."""
        return self._pending.keep((proof, new_secret() if proof.must_enrol else ""))

    def find(self, handle: str) -> tuple[Proof, str] | None:
        """The proof and the secret of a form that was sent; None for one that came too late."""
        return self._pending.find(handle)

    def forget(self, handle: str) -> None:
        """It was used."""
        self._pending.take(handle)

    def form(self, handle: str, action: str, back: str) -> str:
        """The form that asks for the code; empty where nothing waits."""
        found = self._pending.find(handle)
        if found is None:
            return ""
        proof, secret = found
        fields = hidden(PROOF, handle), hidden("next", back)
        if secret:
            return set_up_form(action, secret, proof.name, *fields)
        return form(
            action,
            _("Second factor"),
            _("Type the code that your app shows now, or one of your recovery codes."),
            code_field(),
            *fields,
            button=_("Sign in"),
        )


def set_up_form(action: str, secret: str, name: str, *fields: str) -> str:
    """The form of who has no second factor yet and may not go on without."""
    return form(
        action,
        _("Second factor"),
        _(
            "This site asks for a second factor. Scan the picture with an app for one-time codes "
            "(or type the key into it), then type the code that the app shows."
        ),
        qr_code(secret, name),
        f"<p><code>{escape(in_fours(secret))}</code></p>",
        code_field(),
        *fields,
        button=_("Sign in"),
    )


def code_field() -> str:
    """The field of a code, which a telephone fills in."""
    return field("code", _("Code"), "text", "one-time-code")


def qr_code(secret: str, name: str) -> str:
    """A secret as an app scans it (SVG, which loads nothing)."""
    code = segno.make(provisioning_uri(secret, name), error="m")
    return str(code.svg_inline(scale=5, border=4, dark="#000", light="#fff"))


def qr_code_uri(secret: str, name: str) -> str:
    """As `qr_code`, as the address of a picture that holds it."""
    code = segno.make(provisioning_uri(secret, name), error="m")
    return str(code.svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))


def in_fours(secret: str) -> str:
    """A secret as it is typed."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def recovery_page(codes: Sequence[str], onward: str) -> str:
    """The recovery codes, this once, and the way on."""
    items = "".join(f"<li><code>{escape(code)}</code></li>" for code in codes)
    return (
        f"<h1>{escape(_('Recovery codes'))}</h1><p>{escape(recovery_words())}</p><ol>{items}</ol>"
        + way_on(onward)
    )


def recovery_key_words(key: str) -> str:
    """The data folder's recovery key, this once, and what it is for."""
    purpose = _(
        "Records and images are encrypted on this computer. If the file with their key is "
        "lost, this recovery key opens them again; without both nobody can. Print this page "
        "or write the key down, and keep it where this computer is not. It is shown this "
        "once."
    )
    return (
        f"<h1>{escape(_('Recovery key'))}</h1><p>{escape(purpose)}</p>"
        f'<p class="key">{escape(key)}</p>'
    )


def way_on(onward: str) -> str:
    """The link that is pressed once what is shown is kept."""
    words = escape(_("I have kept it; continue"))
    return f'<p><a href="{escape(onward, quote=True)}">{words}</a></p>'


def recovery_words() -> str:
    """What recovery codes are for."""
    return _(
        "Print these codes or keep them where your app is not. Each opens your account once when "
        "the app is lost. They are not shown again."
    )
