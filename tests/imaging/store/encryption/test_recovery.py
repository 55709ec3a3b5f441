from __future__ import annotations

import pytest

from imaging.errors import InputError
from imaging.store.encryption.recovery import SECRET_BYTES, make_recovery_key, read_recovery_key


def test_what_is_printed_can_be_typed_again_in_any_hand() -> None:
    text = make_recovery_key()
    assert [len(group) for group in text.split("-")] == [4] * 9
    secret = read_recovery_key(text)
    assert len(secret) == SECRET_BYTES
    sloppy = text.lower().replace("-", " ").replace("1", "l").replace("0", "o")
    assert read_recovery_key(f"  {sloppy} ") == secret
    assert make_recovery_key() != text


def test_every_wrong_sign_and_every_swapped_pair_is_told() -> None:
    text = make_recovery_key()
    signs = text.replace("-", "")
    for at, sign in enumerate(signs):
        other = "7" if sign != "7" else "8"
        with pytest.raises(InputError, match=r"wrong|swapped"):
            read_recovery_key(signs[:at] + other + signs[at + 1 :])
    swapped = [
        signs[:at] + signs[at + 1] + signs[at] + signs[at + 2 :]
        for at in range(len(signs) - 1)
        if signs[at] != signs[at + 1]
    ]
    for one in swapped:
        with pytest.raises(InputError):
            read_recovery_key(one)


@pytest.mark.parametrize("text", ["", "ABCD", "U" * 36, "é" * 36, "0" * 37])
def test_what_is_no_recovery_key_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_recovery_key(text)
