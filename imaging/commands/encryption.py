"""Terminal commands on encryption at rest: encrypt, decrypt, and what opens the data folder."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from imaging.commands.records import TERMINAL, recovery_key_words
from imaging.language import _, sentence
from imaging.review.records import AuditEvent
from imaging.settings import Settings
from imaging.store.encryption.convert_objects import Converted
from imaging.store.encryption.finding import find_data_key
from imaging.store.encryption.protection import load_protection
from imaging.store.encryption.protectors import Kind
from imaging.store.opening.convert import decrypt_folder, encrypt_folder
from imaging.store.opening.key_changes import (
    add_protector,
    load,
    protect,
    remove_protector,
    renew_recovery_key,
    with_recovery_key,
)
from imaging.store.opening.opening import open_store, ways_of
from imaging.store.passwords import insist_on_strength

key = typer.Typer(no_args_is_help=True, help="What opens the encrypted data folder.")
By = Annotated[Kind, typer.Option("--by", help="A key file, the system's key ring, a passphrase.")]
_EVERY = 1000  # originals between two words about them
_POSTGRESQL = (
    "The records lie in PostgreSQL, which Lightbox does not encrypt: its server's disk has to be. "
    "Encrypted here are the originals."
)


def encrypt(by: By = Kind.FILE) -> None:
    """Encrypt the data folder: records, originals and their names. Stop Lightbox first.

    Goes on where it was interrupted. What lay there in clear can stay readable on free parts of
    the disk until they are written over.
    """
    settings = Settings.from_environment()
    protection = load_protection(settings.home)
    if settings.database:
        typer.echo(sentence(_POSTGRESQL))
    if protection is None:
        protection, data_key = protect(settings, by, _new_passphrase(by))
        protection, text = with_recovery_key(protection, data_key)
        typer.echo(recovery_key_words(text))
    else:
        data_key = find_data_key(settings.home, protection, ways_of(settings))
    _tell(encrypt_folder(settings.home, protection, data_key, _tell_progress))
    _record(settings, f"encrypted; opened by {protection}")
    typer.echo(_("The data folder is encrypted."))


def decrypt(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
) -> None:
    """Decrypt the data folder: whoever reads its disk reads the patients. Stop Lightbox first."""
    settings = Settings.from_environment()
    protection = load(settings)
    if not yes:
        typer.confirm(_("Decrypt all records and images?"), abort=True)
    data_key = find_data_key(settings.home, protection, ways_of(settings))
    _tell(decrypt_folder(settings.home, protection, data_key, _tell_progress))
    _record(settings, "decrypted")
    typer.echo(_("The data folder is not encrypted any more."))


@key.command("list")
def list_protectors() -> None:
    """Print what opens the data folder, and since when."""
    for one in load(Settings.from_environment()).protectors:
        typer.echo(f"{one.name}\t{one.made_at}")


@key.command("add")
def add(by: By = Kind.FILE) -> None:
    """Let something more open the data folder."""
    settings = Settings.from_environment()
    add_protector(settings, by, _new_passphrase(by))
    _record(settings, f"opened by {load(settings)}")
    typer.echo(_("It opens the data folder from now on."))


@key.command("remove")
def remove(name: Annotated[str, typer.Argument(help="As `key list` prints it.")]) -> None:
    """Let something open the data folder no more."""
    settings = Settings.from_environment()
    remove_protector(settings, name)
    _record(settings, f"opened by {load(settings)}")
    typer.echo(_("{name} opens the data folder no more.").format(name=name))


@key.command("recovery")
def renew_recovery() -> None:
    """Print a new recovery key; the one before opens the data folder no more."""
    settings = Settings.from_environment()
    text = renew_recovery_key(settings)
    _record(settings, "a new recovery key")
    typer.echo(recovery_key_words(text))


@key.command("recover")
def recover(by: By = Kind.FILE) -> None:
    """Open the data folder with its recovery key, and give it a new key file or passphrase."""
    settings = Settings.from_environment()
    load(settings)
    text = typer.prompt(_("Recovery key"))
    add_protector(settings, by, _new_passphrase(by), recovery=text)
    _record(settings, f"recovered; opened by {load(settings)}")
    typer.echo(_("The data folder opens again. `key list` shows what else does."))


def _new_passphrase(by: Kind) -> str:
    """Ask for a new passphrase where one is needed."""
    if by is not Kind.PASSPHRASE:
        return ""
    typed = str(typer.prompt(_("New passphrase"), hide_input=True, confirmation_prompt=True))
    insist_on_strength(typed)
    return typed


def _tell_progress(count: int) -> None:
    if count % _EVERY == 0:
        typer.echo(_("{count} originals ...").format(count=count), err=True)


def _tell(converted: Converted) -> None:
    typer.echo(_("{count} originals converted.").format(count=converted.count))
    if converted.left:
        left = _(
            "{count} were altered on the disk before and stay as they are: upload their images "
            "again."
        )
        typer.echo(left.format(count=converted.left))


def _record(settings: Settings, detail: str) -> None:
    with closing(open_store(settings)) as repository:
        repository.audit.record(AuditEvent.ENCRYPTION, account=TERMINAL, detail=detail)
