"""A provider of OpenID Connect on this computer: npm's `oidc-provider` below `provider.mjs`."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from filelock import FileLock

FOLDER = Path(__file__).parent
PATIENCE = 60.0  # seconds; only a hang runs out of it
CLIENT_ID, SECRET = "lightbox", "a secret of + 30 % and more: letters"
GROUPS = "radiologists=reader,signer; CN=it,OU=ward=administrator"
ACCOUNTS: dict[str, dict[str, Any]] = {
    "kim": {"name": "Dr Kim", "preferred_username": "Kim", "groups": ["radiologists", "staff"]},
    "ira": {"name": "Ira", "preferred_username": "ira", "groups": ["CN=it,OU=ward"]},
    "eve": {"name": "Eve", "preferred_username": "eve", "groups": ["visitors"]},
    "new": {"name": "Nobody", "preferred_username": "new"},
}


def install() -> None:
    """Have the provider's packages, as the lock lists them; skips without Node (CI insists)."""
    if not (shutil.which("node") and shutil.which("npm")):
        report = pytest.fail if os.environ.get("LIGHTBOX_REQUIRE_OPENID") == "1" else pytest.skip
        report("Node is needed for a real OpenID Connect provider (Debian: apt install npm)")
    with FileLock(Path(tempfile.gettempdir()) / "lightbox-openid-install.lock"):
        if not (FOLDER / "node_modules" / "oidc-provider").is_dir():
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=FOLDER, check=True)


class RealProvider:
    """A provider that runs; it can be stopped and started again, with other keys.

    `base` is the address of the Lightbox that it knows.
    """

    def __init__(self, folder: Path, base: str, **settings: Any) -> None:
        install()
        folder.mkdir(exist_ok=True)
        make_certificate(folder)
        self.certificate = folder / "provider.pem"
        self.secret_file = folder / "secret"
        self.secret_file.write_text(f"{SECRET}\n")
        self.port = free_port()
        self.issuer = f"https://127.0.0.1:{self.port}"
        self.base = base
        self._settings = {
            "issuer": self.issuer,
            "port": self.port,
            "certificate": str(self.certificate),
            "key": str(folder / "provider.key"),
            "accounts": ACCOUNTS,
            "client": {
                "client_id": CLIENT_ID,
                "client_secret": SECRET,
                "token_endpoint_auth_method": "client_secret_post",
                "redirect_uris": [f"{base}/sign-in/returned"],
                "post_logout_redirect_uris": [f"{base}/sign-in"],
                "backchannel_logout_uri": f"{base}/sign-in/ended",
            },
            **settings,
        }
        self._log = folder / "provider.log"
        self._process: subprocess.Popen[str] | None = None
        self._sessions: list[requests.Session] = []

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a Lightbox that signs in there."""
        return {
            "LIGHTBOX_OIDC_ISSUER": self.issuer,
            "LIGHTBOX_OIDC_CLIENT_ID": CLIENT_ID,
            "LIGHTBOX_OIDC_CLIENT_SECRET_FILE": str(self.secret_file),
            "LIGHTBOX_OIDC_GROUPS": GROUPS,
            "LIGHTBOX_OIDC_CA": str(self.certificate),
        }

    def start(self) -> None:
        """Run it; returns once it answers."""
        with self._log.open("a") as log:
            process = subprocess.Popen(
                ["node", "provider.mjs"], cwd=FOLDER, text=True, stderr=log,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert process.stdin and process.stdout
        self._process = process
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        process.stdin.write(json.dumps(self._settings) + "\n")
        process.stdin.flush()
        said = "not"
        while said and said.strip() != "ready":
            said = process.stdout.readline()
        timer.cancel()
        assert said, self._log.read_text()

    def stop(self) -> None:
        """Stop it."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate(timeout=PATIENCE)  # it ends with its input
        while self._sessions:
            self._sessions.pop().close()

    def session(self) -> requests.Session:
        """An empty browser, which trusts it."""
        self._sessions.append(trusting(self.certificate))
        return self._sessions[-1]

    def control(self, **asked: Any) -> dict[str, Any]:
        """Have it lie, know others, or sign something (`provider.mjs`)."""
        with trusting(self.certificate) as session:
            answer = session.post(f"{self.issuer}/control", json=asked, timeout=PATIENCE)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def browser(self) -> ProviderBrowser:
        """A browser of its own before it."""
        return ProviderBrowser(self)


class ProviderBrowser:
    """A browser at the provider, which keeps the provider's cookies."""

    def __init__(self, provider: RealProvider) -> None:
        self._provider = provider
        self._session = provider.session()

    def sign_in(self, address: str, login: str) -> str:
        """Go to an address of the provider, sign in where asked; where it leads back to."""
        place, _ = self.walk(address, login)
        return place

    def walk(self, address: str, login: str) -> tuple[str, bool]:
        """As `sign_in`; and whether it asked who somebody is."""
        asked = False
        for _ in range(12):
            answer = self._session.get(address, allow_redirects=False, timeout=PATIENCE)
            if "<form" in answer.text and "/interaction/" in address:
                asked = True
                answer = self._session.post(
                    address, data={"login": login}, allow_redirects=False, timeout=PATIENCE
                )
            if "/session/end/confirm" in answer.text:  # somebody else was signed in there
                answer = self._confirm_end(answer.text)
            assert answer.is_redirect, f"{answer.status_code} {answer.text[:500]}"
            address = urljoin(address, answer.headers["location"])
            if address.startswith(self._provider.base):
                return address, asked
        raise AssertionError("it leads in a circle")

    def sign_out(self, address: str = "") -> str:
        """End the sign-in there, by the address of an application or by its own; where it leads."""
        place = address or f"{self._provider.issuer}/session/end"
        page = self._session.get(place, timeout=PATIENCE)
        assert page.ok, page.text
        answer = self._confirm_end(page.text)
        assert answer.is_redirect, answer.text
        return urljoin(place, answer.headers["location"])

    def _confirm_end(self, page: str) -> requests.Response:
        xsrf = page.split('name="xsrf" value="')[1].split('"')[0]
        return self._session.post(
            f"{self._provider.issuer}/session/end/confirm",
            data={"xsrf": xsrf, "logout": "yes"},
            allow_redirects=False,
            timeout=PATIENCE,
        )


@contextmanager
def run_provider(folder: Path, base: str, **settings: Any) -> Iterator[RealProvider]:
    """A provider for the Lightbox at `base`, for a while."""
    provider = RealProvider(folder, base, **settings)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


def make_certificate(folder: Path) -> None:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "provider.pem").write_bytes(certificate.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "provider.key").write_bytes(key.private_bytes(pem, *private))


def trusting(certificate: Path) -> requests.Session:
    """A session that trusts that certificate, whatever the environment says."""
    session = requests.Session()
    session.trust_env, session.verify = False, str(certificate)
    return session


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parameters(address: str) -> Mapping[str, str]:
    """The query of an address."""
    return dict(parse_qsl(urlsplit(address).query))


LIES: Mapping[str, str] = {  # of `provider.mjs` -> a part of the reason by which it is refused
    "nonce": "nonce",
    "no nonce": "nonce",
    "aud": "another client",
    "aud beside": "another client",
    "azp": "authorised party",
    "iss": "another issuer",
    "no sub": "no subject",
    "expired": "expired",
    "future": "in the future",
    "old": "long ago",
    "at_hash": "at_hash",
    "foreign key": "BadSignature",
    "unknown key": "not signed",
    "none": "not signed",
    "HS256": "not signed",
    "no token": "no ID token",
    "no JWT": "not signed",
}
