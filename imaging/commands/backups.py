"""Terminal commands on backups: make one, check one, put one back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imaging.commands.records import TERMINAL, open_repository
from imaging.errors import StoreError
from imaging.language import _
from imaging.settings import Settings
from imaging.store.backup.backups import Manifest, check_backup, make_backup, restore_backup
from imaging.store.backup.contents import KEY_FILE
from imaging.store.backup.sealing import BackupKey, write_key_file
from imaging.store.encryption.finding import default_key_file
from imaging.store.opening.opening import ways_of

PASSPHRASE = "LIGHTBOX_BACKUP_PASSPHRASE"
KeyOption = Annotated[
    Path | None,
    typer.Option("--key", help="Key file, else LIGHTBOX_BACKUP_KEY, else you are asked."),
]


def backup(
    folder: Annotated[Path, typer.Argument(help="Where to; another disk than the data folder's.")],
    key: KeyOption = None,
) -> None:
    """Back up records, originals, keys and settings, encrypted, while Lightbox runs or not.

    The same passphrase or key opens it again; without it nobody can. An image that was added
    where it lies comes along, too. An encrypted data folder stays encrypted in it: its key file
    comes along; where it has none, the restored folder asks for its passphrase or recovery key as
    ever.
    """
    settings = Settings.from_environment()
    repository = open_repository()
    path, manifest = make_backup(
        repository,
        settings.home,
        folder,
        _find_key(settings, key, new=True),
        account=TERMINAL,
        key_file=settings.key_file,
    )
    repository.close()
    typer.echo(path)
    _tell(manifest)


def verify(
    file: Annotated[Path, typer.Argument(help="The backup.")], key: KeyOption = None
) -> None:
    """Read a backup to its end and compare every hash; exit 2 if it cannot be relied on."""
    manifest = check_backup(file, _find_key(Settings.from_environment(), key))
    typer.echo(_("Whole: made {at}, every hash is right.").format(at=manifest.made_at))
    _tell(manifest)


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    into: Annotated[
        Path | None, typer.Option(help="The data folder; by default the one in use here.")
    ] = None,
    key: KeyOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Keep what is in the folder beside, and replace it.")
    ] = False,
) -> None:
    """Check a backup, then put it where the data folder is: all of it or nothing.

    Stop Lightbox first. Accounts, passwords and signatures are those of the backup.
    """
    settings = Settings.from_environment()
    home = into or settings.home
    manifest, verdict = restore_backup(
        file, _find_key(settings, key), home, replace=replace, ways=ways_of(settings)
    )
    restored = _("Restored to {home}, as it was on {at}.")
    typer.echo(restored.format(home=home, at=manifest.made_at))
    _tell(manifest)
    if KEY_FILE in manifest.files:
        encrypted = _("It is encrypted; its key file is {file}.")
        typer.echo(encrypted.format(file=default_key_file(home)))
    if verdict is None:
        typer.echo(
            _(
                "Every hash is right. It is encrypted, and its key is not here, so its audit trail "
                "was not looked at: open it by its passphrase or recovery key, then run `audit "
                "verify`."
            )
        )
        return
    if not verdict.intact:
        raise StoreError(
            "Its audit trail does not hold, nor did it when the backup was "
            "made. Restore an older backup, or ask whoever runs Lightbox."
        )
    unbroken = _("Audit trail: {count} lines, unbroken. Head: {head}")
    typer.echo(unbroken.format(count=verdict.entries, head=verdict.head))


def make_key(
    file: Annotated[Path, typer.Argument(help="New file; keep a copy apart from the backups.")],
) -> None:
    """Make a key file for backups; whoever has it can read them, and without it nobody can."""
    write_key_file(file)
    made = _("{file} is made. Keep a copy where neither this computer nor the backups are.")
    typer.echo(made.format(file=file))


def _find_key(settings: Settings, key: Path | None, *, new: bool = False) -> BackupKey:
    """The key file named, or that of the settings, or the passphrase, asked for at need."""
    file = key or settings.backup_key
    if file is not None:
        return BackupKey.of_file(file)
    given = os.environ.get(PASSPHRASE)
    passphrase = given or typer.prompt(_("Passphrase"), hide_input=True, confirmation_prompt=new)
    return BackupKey.of_passphrase(passphrase, new=new)


def _tell(manifest: Manifest) -> None:
    """What it holds, and what it lacks."""
    others = ", ".join(manifest.others) or _("none")
    held = _("{count} originals; keys and other files: {others}.")
    typer.echo(held.format(count=manifest.originals, others=others))
    if manifest.damaged:
        altered = _("{count} originals were altered before: upload them again.")
        typer.echo(altered.format(count=len(manifest.damaged)))
    if manifest.missing:
        gone = _("{count} originals were gone before: upload them again.")
        typer.echo(gone.format(count=len(manifest.missing)))
    if manifest.elsewhere:
        unread = _("{count} images in folders of their own could not be read there.")
        typer.echo(unread.format(count=manifest.elsewhere))
