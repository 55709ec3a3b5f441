"""One frozen `Settings`, read once from the environment and passed in."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imaging.errors import SettingsError
from imaging.openid.settings import OpenIdSettings

ROOT = Path(__file__).resolve().parent.parent
_WHEEL = "lightbox_files"  # where a wheel puts what lies at the top of the source tree
FP32, INT8, BF16 = "fp32", "int8", "bf16"
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?")
GRAPHS, EAGER = "onnxruntime", "torch"
_LONGEST_IDLE = 720  # minutes: a sign-in ends after twelve hours anyway


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are.

    Attributes
    ----------
    home : Path
        The one data folder (`LIGHTBOX_HOME`, default ``~/.lightbox``): database and originals.
    weights : Path
        Folder of installed checkpoints (`LIGHTBOX_WEIGHTS`, default ``models/weights``).
    model_name : str
        The checkpoint to serve (`LIGHTBOX_MODEL`); empty means the only or first one installed.
    error_rate : float
        Share of wrong answers allowed per class (`LIGHTBOX_ERROR_RATE`, default 0.05); the lower,
        the more often the network says "unsure". One of the rates the model's card lists.
    data : Path | None
        Open research images for training and tests (`LIGHTBOX_DATA`); never needed to serve.
    database : str
        Address of a database for the records (`LIGHTBOX_DATABASE`), such as
        ``postgresql://user:password@host/lightbox``; empty means SQLite below `home`.
    single_reader : str
        Name of the only reader (`LIGHTBOX_SINGLE_READER`), who then need not sign in; empty means
        accounts. Only on this computer's own address, see `check_exposure`.
    roots : tuple of str
        Folders of the server, or addresses, that readers may queue (`LIGHTBOX_ROOTS`, several
        separated as in ``PATH``, addresses by blanks); none by default.
    precision : str
        In which the networks answer queued files (`LIGHTBOX_PRECISION`): "fp32", or "int8" or
        "bf16" where `models.graphs.precision_gate` found that no answer changes. Maps, trials and
        all that a reader asks of an open film are computed in fp32.
    engine : str
        What computes them (`LIGHTBOX_ENGINE`): "onnxruntime", or "torch", the reference, which
        also serves wherever a checkpoint has no graphs.
    idle_minutes : int
        How long a sign-in stays open while its reader does nothing (`LIGHTBOX_IDLE_MINUTES`,
        default 15, at most 720); then the screen locks and asks for the password.
    signature_password : bool
        Ask for the password again before a final signature (`LIGHTBOX_SIGNATURE_PASSWORD=1`;
        21 CFR 11.200).
    second_factor : bool
        Whether who signs in with a password needs a second factor (`LIGHTBOX_SECOND_FACTOR=1`).
    openid : OpenIdSettings | None
        The provider by which readers sign in (`LIGHTBOX_OIDC_...`); None without one.
    seal_key : Path | None
        File of the key that seals the audit trail (`LIGHTBOX_SEAL_KEY`); None means a folder
        beside `home`, ``~/.lightbox-seal``. Servers that share a database share the key.
    hosts : tuple of str
        Names and addresses under which the server may be asked beside this computer's own
        (`LIGHTBOX_HOSTS`, separated by blanks or commas); without ports, in lower case.
    behind_tls : bool
        A proxy stands before the server, which alone can be reached, speaks TLS with the browsers
        and says whom it forwards (`LIGHTBOX_BEHIND_TLS=1`).
    backup : Path or None
        Folder for a backup a day (`LIGHTBOX_BACKUP`); none without it.
    backup_key : Path or None
        Key file of the backups (`LIGHTBOX_BACKUP_KEY`), needed with the folder.
    backup_keep : int
        How many stay (`LIGHTBOX_BACKUP_KEEP`, default 7).
    syslog : str
        Host and port of a collector that gets the audit trail over TLS (`LIGHTBOX_SYSLOG`, such as
        ``audit.example.org:6514``); empty for none.
    syslog_ca, syslog_certificate : Path | None
        Certificates that are trusted for it (`LIGHTBOX_SYSLOG_CA`; None: those of this computer),
        and our own with its key (`LIGHTBOX_SYSLOG_CERTIFICATE`), PEM.
    encryption : bool
        Encrypt data folders that are made from now on (`LIGHTBOX_ENCRYPTION=off` for not); those
        that are there stay as they are until `cli.py encrypt` or `decrypt`.
    key_file : Path | None
        The key file of an encrypted data folder (`LIGHTBOX_KEY_FILE`); None means the folder beside
        `home`, ``~/.lightbox-seal/encryption.key``.
    passphrase_file : Path | None
        A file whose first line is the passphrase of an encrypted data folder
        (`LIGHTBOX_PASSPHRASE_FILE`); None means that it is asked for at the terminal.
    outside_population : bool
        Ask a model about films of other patients than its own too, to measure how it transfers
        (`--outside-population` of the terminal; no variable sets it, and no page).
    """

    home: Path
    weights: Path = ROOT / "models" / "weights"
    model_name: str = ""
    error_rate: float = 0.05
    data: Path | None = None
    database: str = field(default="", repr=False)  # may hold a password
    single_reader: str = ""
    roots: tuple[str, ...] = ()
    precision: str = FP32
    engine: str = GRAPHS
    idle_minutes: int = 15
    signature_password: bool = False
    second_factor: bool = False
    openid: OpenIdSettings | None = None
    seal_key: Path | None = None
    hosts: tuple[str, ...] = ()
    behind_tls: bool = False
    syslog: str = ""
    syslog_ca: Path | None = None
    syslog_certificate: Path | None = None
    outside_population: bool = False
    backup: Path | None = None
    backup_key: Path | None = None
    backup_keep: int = 7
    encryption: bool = True
    key_file: Path | None = None
    passphrase_file: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            If `LIGHTBOX_DATA` or `LIGHTBOX_WEIGHTS` names a folder that does not exist, or
            `LIGHTBOX_ROOTS` holds a chain of addresses, or `LIGHTBOX_ERROR_RATE` is not a number
            between 0 and 1, or `LIGHTBOX_PRECISION` no precision, or `LIGHTBOX_ENGINE` no engine
            for it, or `LIGHTBOX_IDLE_MINUTES` no number from 1 to 720, or `LIGHTBOX_HOSTS` holds
            what is no name, or `LIGHTBOX_SYSLOG` is no host and port, or a switch is neither 1
            nor 0, or `LIGHTBOX_ENCRYPTION` neither on nor off, or the sign-in provider
            (`OpenIdSettings`) cannot be used.
        """
        env = os.environ if environ is None else environ
        data = _read_folder(env, "LIGHTBOX_DATA")
        weights = _read_folder(env, "LIGHTBOX_WEIGHTS")
        home = Path(env.get("LIGHTBOX_HOME") or Path.home() / ".lightbox").expanduser()
        return cls(
            home=home,
            weights=weights or ROOT / "models" / "weights",
            model_name=env.get("LIGHTBOX_MODEL", ""),
            error_rate=_read_share(env, "LIGHTBOX_ERROR_RATE", default=0.05),
            data=data,
            database=env.get("LIGHTBOX_DATABASE", "").strip(),
            single_reader=" ".join(env.get("LIGHTBOX_SINGLE_READER", "").split())[:64],
            roots=_split_roots(env.get("LIGHTBOX_ROOTS", "")),
            precision=_read_precision(env),
            engine=_read_engine(env),
            idle_minutes=_read_minutes(env, "LIGHTBOX_IDLE_MINUTES", default=15),
            signature_password=_read_switch(env, "LIGHTBOX_SIGNATURE_PASSWORD"),
            second_factor=_read_switch(env, "LIGHTBOX_SECOND_FACTOR"),
            openid=_read_provider(env),
            hosts=_read_hosts(env),
            behind_tls=_read_switch(env, "LIGHTBOX_BEHIND_TLS"),
            **_read_backup(env),
            seal_key=_read_path(env, "LIGHTBOX_SEAL_KEY"),
            syslog=_read_collector(env),
            syslog_ca=_read_path(env, "LIGHTBOX_SYSLOG_CA"),
            syslog_certificate=_read_path(env, "LIGHTBOX_SYSLOG_CERTIFICATE"),
            encryption=_read_encryption(env),
            key_file=_read_path(env, "LIGHTBOX_KEY_FILE"),
            passphrase_file=_read_path(env, "LIGHTBOX_PASSPHRASE_FILE"),
        )


def shipped_folder(name: str) -> Path:
    """A folder that ships beside the code (``examples``, ``locale``), installed or not."""
    installed = ROOT / _WHEEL / name
    return installed if installed.is_dir() else ROOT / name


def check_exposure(
    address: str,
    *,
    single_reader: str,
    accounts: bool,
    certificate: bool = False,
    behind_tls: bool = False,
) -> None:
    """Refuse to serve other computers while nobody has to sign in, or what is said could be heard.

    Parameters
    ----------
    address : str
        What the server is bound to; empty means every address, as it does to Streamlit.
    single_reader : str
        The setting of that name.
    accounts : bool
        Whether there is an account to sign in with. Without one, whoever comes first, from
        wherever, could make the first.
    certificate : bool
        Whether the server itself speaks TLS (``server.sslCertFile``).
    behind_tls : bool
        The setting of that name: other computers reach the server whatever it is bound to.

    Raises
    ------
    SettingsError
        If another computer could reach the server and would not have to sign in, or would send
        passwords and films in clear.
    """
    if is_loopback(address) and not behind_tls:
        return
    if single_reader:
        raise SettingsError(
            "Other computers can reach this server, so a single doctor without a password is "
            "not possible. Unset LIGHTBOX_SINGLE_READER, or bind the server to 127.0.0.1."
        )
    if not accounts:
        raise SettingsError(
            "Other computers can reach this server, and there is no account yet. Create one with "
            "`python cli.py account add NAME`, or bind the server to 127.0.0.1."
        )
    if not (certificate or behind_tls):
        raise SettingsError(
            "Other computers can reach this server, and what they send could be heard on the way. "
            "Give it a certificate (server.sslCertFile and server.sslKeyFile), or set "
            "LIGHTBOX_BEHIND_TLS=1 where a proxy speaks TLS, or bind the server to 127.0.0.1."
        )


def is_loopback(address: str) -> bool:
    """True for this computer's own addresses; a name other than localhost is not looked up."""
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _split_roots(value: str) -> tuple[str, ...]:
    """Paths separated as in ``PATH``, and addresses separated by blanks."""
    words = value.split()
    if any("://" in word and "::" in word for word in words):  # fsspec would follow it
        raise SettingsError("LIGHTBOX_ROOTS may not hold an address that leads on to another (::).")
    addresses = [word for word in words if "://" in word]
    rest = value
    for address in addresses:
        rest = rest.replace(address, os.pathsep)
    paths = [part.strip() for part in rest.split(os.pathsep) if part.strip()]
    return tuple(dict.fromkeys([*paths, *addresses]))


def _read_hosts(env: Mapping[str, str]) -> tuple[str, ...]:
    """Names of hosts; no port, no pattern: what a stranger could choose would be no wall."""
    hosts = env.get("LIGHTBOX_HOSTS", "").replace(",", " ").lower().split()
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise SettingsError(
                "LIGHTBOX_HOSTS takes names or addresses without ports, such as films.ward.example."
            )
    return tuple(dict.fromkeys(host.strip("[]") for host in hosts))


def _read_switch(env: Mapping[str, str], name: str) -> bool:
    """True for 1, False for 0 or an unset variable."""
    value = env.get(name, "").strip()
    if value not in ("", "0", "1"):
        raise SettingsError(f"{name} must be 1 or 0.")
    return value == "1"


def _read_provider(env: Mapping[str, str]) -> OpenIdSettings | None:
    """The sign-in provider; one reader who need not sign in has none."""
    found = OpenIdSettings.from_environment(env)
    if found is not None and env.get("LIGHTBOX_SINGLE_READER", "").strip():
        raise SettingsError(
            "A single doctor does not sign in: unset LIGHTBOX_SINGLE_READER, or the sign-in "
            "provider's LIGHTBOX_OIDC_ISSUER."
        )
    return found


def _read_encryption(env: Mapping[str, str]) -> bool:
    """True unless it is switched off."""
    value = env.get("LIGHTBOX_ENCRYPTION", "").strip().lower() or "on"
    if value not in ("on", "off"):
        raise SettingsError("LIGHTBOX_ENCRYPTION must be on or off.")
    return value == "on"


def _read_backup(env: Mapping[str, str]) -> dict[str, Any]:
    """The settings of daily backups; a folder without a key would be a promise nobody keeps."""
    folder, key = env.get("LIGHTBOX_BACKUP"), env.get("LIGHTBOX_BACKUP_KEY")
    if folder and not key:
        raise SettingsError(
            "LIGHTBOX_BACKUP needs LIGHTBOX_BACKUP_KEY, the key file of the backups; make one with "
            "`python cli.py backup-key FILE`."
        )
    keep = env.get("LIGHTBOX_BACKUP_KEEP") or "7"
    if not keep.isdecimal() or int(keep) < 1:
        raise SettingsError("LIGHTBOX_BACKUP_KEEP must be a whole number of 1 or more.")
    return {
        "backup": Path(folder).expanduser() if folder else None,
        "backup_key": Path(key).expanduser() if key else None,
        "backup_keep": int(keep),
    }


def _read_share(env: Mapping[str, str], name: str, *, default: float) -> float:
    """The number a variable holds, strictly between 0 and 1; `default` when it is unset."""
    try:
        value = float(env.get(name) or default)
    except ValueError as exc:
        raise SettingsError(f"{name} must be a number such as {default:g}.") from exc
    if not 0 < value < 1:
        raise SettingsError(f"{name} must lie between 0 and 1.")
    return value


def _read_minutes(env: Mapping[str, str], name: str, *, default: int) -> int:
    """A whole number of minutes up to a session's twelve hours; `default` when it is unset."""
    try:
        value = int(env.get(name) or default)
    except ValueError as exc:
        raise SettingsError(f"{name} must be a number of minutes such as {default}.") from exc
    if not 1 <= value <= _LONGEST_IDLE:
        raise SettingsError(f"{name} must lie between 1 and {_LONGEST_IDLE}.")
    return value


def _read_precision(env: Mapping[str, str]) -> str:
    """The precision; fp32 when the variable is unset."""
    value = env.get("LIGHTBOX_PRECISION", "").strip().lower() or FP32
    if value not in (FP32, INT8, BF16):
        raise SettingsError(f"LIGHTBOX_PRECISION must be one of these: {FP32}, {INT8}, {BF16}.")
    return value


def _read_engine(env: Mapping[str, str]) -> str:
    """The engine; ONNX Runtime when the variable is unset."""
    value = env.get("LIGHTBOX_ENGINE", "").strip().lower() or GRAPHS
    if value not in (GRAPHS, EAGER):
        raise SettingsError(f"LIGHTBOX_ENGINE must be one of these: {GRAPHS}, {EAGER}.")
    if value == EAGER and _read_precision(env) != FP32:
        raise SettingsError("LIGHTBOX_ENGINE=torch computes in fp32; unset LIGHTBOX_PRECISION.")
    return value


def _read_path(env: Mapping[str, str], name: str) -> Path | None:
    """The path a variable holds, or None when it is unset."""
    value = env.get(name, "").strip()
    return Path(value).expanduser() if value else None


def _read_collector(env: Mapping[str, str]) -> str:
    """Host and port of the syslog collector; 6514 is the port of syslog over TLS (RFC 5425)."""
    value = env.get("LIGHTBOX_SYSLOG", "").strip()
    if not value:
        return ""
    host, colon, port = value.rpartition(":")
    if not colon:
        host, port = value, "6514"
    if not host or "/" in value or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError("LIGHTBOX_SYSLOG must be a host and a port such as audit.ward:6514.")
    return f"{host}:{port}"


def _read_folder(env: Mapping[str, str], name: str) -> Path | None:
    """The folder a variable names, or None when it is unset."""
    if not env.get(name):
        return None
    path = Path(env[name]).expanduser()
    if not path.is_dir():
        raise SettingsError(f"{name} names a folder that does not exist; correct or unset it.")
    return path
