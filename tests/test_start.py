"""Plain `streamlit run app.py`: one that others can reach ends before it has served anybody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from imaging.settings import ROOT
from imaging.store import Repository
from tests.factories import make_dicom_bytes

PATIENCE = 120  # seconds; only a hang runs out of it
LOOPBACK = IPv4Address("127.0.0.1")
EVERYBODY = ("--server.address", "0.0.0.0")


def start(home: Path, *options: str, reader: str = "", **extra: str) -> subprocess.Popen[str]:
    """The server's process, on the free port that ends its command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environ = {**os.environ, "LIGHTBOX_HOME": str(home), "LIGHTBOX_SINGLE_READER": reader}
    environ = {**environ, **extra}
    environ.pop("LIGHTBOX_DATABASE", None)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options, "--server.port", port]
    return subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def answers(server: subprocess.Popen[str]) -> bool:
    """True once the server answers a request, False when it ended without."""
    port = list(map(str, server.args))[-1]  # type: ignore[arg-type]
    for _try in range(10 * PATIENCE):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            try:
                server.wait(0.1)
                return False
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError("the server neither answered nor ended")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "words"), [("", "account add NAME"), ("Dr A", "Unset LIGHTBOX_SINGLE_READER")]
)
def test_without_accounts_it_ends_and_serves_nobody(
    tmp_path: Path, reader: str, words: str
) -> None:
    repository = Repository.open(tmp_path)
    repository.originals.keep(make_dicom_bytes())
    repository.close()
    server = start(tmp_path, *EVERYBODY, reader=reader)
    assert not answers(server)
    said = server.communicate(timeout=PATIENCE)[1]
    assert server.returncode == 2 and words in said and "Traceback" not in said


@pytest.mark.slow
def test_with_an_account_and_tls_it_serves(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    repository.accounts.create("ada", "Dr Ada", "correct horse battery")
    repository.close()
    server = start(tmp_path, *EVERYBODY)
    assert not answers(server)
    assert "LIGHTBOX_BEHIND_TLS" in server.communicate(timeout=PATIENCE)[1]
    server = start(tmp_path, *EVERYBODY, LIGHTBOX_BEHIND_TLS="1")
    try:
        assert answers(server)
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE)


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lightbox")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    plain = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    secret.write_bytes(key.private_bytes(*plain))
    return certificate, secret


@pytest.mark.slow
def test_with_a_certificate_others_sign_in_by_tls_alone(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path / "home")
    repository.accounts.create("ada", "Dr Ada", "correct horse battery")
    repository.close()
    certificate, key = certify(tmp_path)
    tls = ("--server.sslCertFile", str(certificate), "--server.sslKeyFile", str(key))
    server = start(tmp_path / "home", *EVERYBODY, *tls)
    here = f"127.0.0.1:{list(map(str, server.args))[-1]}"  # type: ignore[arg-type]
    known = {"verify": str(certificate), "timeout": PATIENCE, "allow_redirects": False}
    form = {"name": "ada", "password": "correct horse battery"}

    def send(origin: str) -> requests.Response:
        place = f"https://{here}/sign-in"
        return requests.post(place, form, headers={"Origin": origin}, **known)  # type: ignore[arg-type]

    try:
        for _try in range(10 * PATIENCE):
            try:
                requests.get(f"https://{here}/_stcore/health", **known)  # type: ignore[arg-type]
                break
            except requests.ConnectionError:
                assert server.poll() is None
                time.sleep(0.1)
        assert send(f"http://{here}").status_code == 403, "a page that came in clear is another"
        answer = send(f"https://{here}")
        said = answer.headers["Set-Cookie"]
        assert answer.status_code == 303 and said.startswith("__Host-lightbox_session=")
        assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= set(said.split("; "))
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE)
