"""What a site may say of its provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.errors import SettingsError
from imaging.openid.settings import OpenIdSettings
from imaging.review.roles import Role

RIGHT = {
    "LIGHTBOX_OIDC_ISSUER": "https://login.example.org/realms/ward",
    "LIGHTBOX_OIDC_CLIENT_ID": "lightbox",
    "LIGHTBOX_OIDC_GROUPS": "/ward/readers = reader, signer ; CN=it,OU=x=administrator;",
}


def test_groups_say_what_somebody_is() -> None:
    found = OpenIdSettings.from_environment(RIGHT)
    assert found is not None and found.scope == "openid profile" and found.claim == "groups"
    assert found.roles_of(["/ward/readers", "others"]) == {Role.READER, Role.SIGNER}
    assert found.roles_of(["CN=it,OU=x", "/ward/readers"]) == {
        Role.ADMINISTRATOR, Role.READER, Role.SIGNER,
    }  # fmt: skip
    assert found.roles_of(["CN=it", "/WARD/READERS", ""]) == frozenset()


def test_without_a_provider_there_is_none() -> None:
    assert OpenIdSettings.from_environment({}) is None


def test_the_secret_is_in_its_file_alone(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    variables = {**RIGHT, "LIGHTBOX_OIDC_CLIENT_SECRET_FILE": str(secret)}
    found = OpenIdSettings.from_environment(variables)
    assert found is not None and found.read_secret() == "s3cret" and "s3cret" not in repr(found)
    secret.write_text("")
    with pytest.raises(SettingsError, match="empty"):
        OpenIdSettings.from_environment(variables)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "http://login.example.org"),
        ("ISSUER", "login.example.org"),
        ("ISSUER", "https://login.example.org?x=1"),
        ("ISSUER", ""),
        ("CLIENT_ID", ""),
        ("GROUPS", ""),
        ("GROUPS", "readers"),
        ("GROUPS", "readers=surgeon"),
        ("GROUPS", "=reader"),
        ("SCOPE", "profile"),
        ("CLIENT_SECRET_FILE", "/nowhere/secret"),
        ("CA", "/nowhere/ca.pem"),
    ],
)
def test_what_cannot_be_used_is_said_before_anybody_signs_in(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match="OIDC"):
        OpenIdSettings.from_environment({**RIGHT, f"LIGHTBOX_OIDC_{name}": value})
