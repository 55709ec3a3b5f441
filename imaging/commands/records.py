"""Terminal commands on the record store: audit trail, accounts, true outcomes, deletion."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from imaging.errors import ConflictError, InputError, StoreError
from imaging.language import _, sentence
from imaging.review.records import AuditEvent, Truth
from imaging.review.roles import Role
from imaging.settings import Settings
from imaging.store import Anchor, AuditTrail, ExportCheck, Repository
from imaging.store.opening.key_changes import renew_recovery_key
from imaging.store.opening.opening import open_store

TERMINAL = "terminal"  # the account under which what is done at the terminal is recorded

audit = typer.Typer(no_args_is_help=True, help="The audit trail: who did what, which study, when.")
account = typer.Typer(no_args_is_help=True, help="Accounts that may sign in.")


def recovery_key_words(key: str) -> str:
    """A recovery key, and what it is good for."""
    return _(
        "Recovery key: {key}\nWrite it down or print it, and keep it where this computer is not. "
        "It is shown this once. It opens the data folder when its key file, key ring or passphrase "
        "is lost; without any of them nobody can."
    ).format(key=key)


def open_repository() -> Repository:
    """The store the settings name; raises `SettingsError` or `StoreError`."""
    return open_store(Settings.from_environment())


@audit.command()
def verify(
    head: Annotated[
        str, typer.Option(help="Digest noted earlier: finds a trail that was cut short.")
    ] = "",
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="N:HASH from under a PDF or out of a syslog message; may be repeated."),
    ] = None,
    export: Annotated[
        list[Path] | None,
        typer.Option(help="A file that was exported: is it as it left? May be repeated."),
    ] = None,
) -> None:
    """Check the trail, its seals, and every report and answer it tells of; exit 2 on a fault."""
    trail = open_repository().audit
    verdict = trail.verify(expected_head=head, anchors=[_parse_anchor(a) for a in anchor or ()])
    faults = list(verdict.faults)
    for note in verdict.notes:
        typer.echo(_("Note: {note}").format(note=sentence(note)))
    for path in export or ():
        for said in _check_export(trail, path):
            typer.echo(sentence(said.sentence)) if said.true else faults.append(said.sentence)
    if faults:
        raise StoreError("\n".join([*faults, f"{verdict.entries} lines read."]))
    unbroken = _("{count} lines, unbroken. Head: {head}")
    typer.echo(unbroken.format(count=verdict.entries, head=verdict.head))
    if found := trail.head():
        typer.echo(_("Anchor to note elsewhere: {anchor}").format(anchor=found.short))


def _parse_anchor(text: str) -> Anchor:
    try:
        return Anchor.parse(text)
    except ValueError as exc:
        raise InputError(
            "This is no anchor. Give the number of a line and its digest, such as "
            "57:4f3a9c01d2e47b60."
        ) from exc


def _check_export(trail: AuditTrail, path: Path) -> list[ExportCheck]:
    """Whether a file left as it is; of an archive packed for a browser, every file in it."""
    content = _read(path)
    whole = trail.check_export(path.name, content)
    if whole.true or not zipfile.is_zipfile(path):
        return [whole]
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return [trail.check_export(name, archive.read(name)) for name in names]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InputError(f"{path.name} cannot be read. Check its name and its rights.") from exc


@audit.command("acknowledge")
def acknowledge_loss(
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.", prompt=True)],
) -> None:
    """Stand for lines that are missing, as after a backup was put back; the trail says so."""
    count = open_repository().audit.acknowledge_loss(account=TERMINAL, reason=reason)
    stood = _("{count} noted lines are missed no more. The trail says who stands for it.")
    typer.echo(stood.format(count=count))


@audit.command("rotate-key")
def rotate_key() -> None:
    """Seal the trail with a new key from here on; what the old one sealed stays checked."""
    fingerprint = open_repository().audit.rotate_key(account=TERMINAL)
    told = _("Key {key} seals from here on. Start running servers again.")
    typer.echo(told.format(key=fingerprint))


@audit.command("list")
def list_audit(
    study: Annotated[str, typer.Option(help="Only this Study Instance UID.")] = "",
) -> None:
    """Print the trail, oldest line first, tab-separated."""
    for line in open_repository().audit.entries(study):
        when = line.at.isoformat(timespec="seconds")
        fields = (str(line.number), when, line.account, line.deed, line.study_instance_uid)
        typer.echo("\t".join((*fields, line.detail)))


@account.command()
def add(
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    reader: Annotated[str, typer.Option(help="Name shown on reports.", prompt=True)],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
    role: Annotated[
        list[Role] | None,
        typer.Option(help="What it is; may be repeated. Without: the first all, others may sign."),
    ] = None,
) -> None:
    """Create an account; asks for what is not given."""
    repository, settings = open_repository(), Settings.from_environment()
    repository.accounts.create(name, reader, password, by=TERMINAL, roles=role or None)
    typer.echo(_("{name} can sign in now.").format(name=name))
    if key := renew_recovery_key(settings, only_first=True):
        repository.audit.record(
            AuditEvent.ENCRYPTION, account=TERMINAL, detail="a recovery key was made"
        )
        typer.echo(recovery_key_words(key))


@account.command()
def reset(
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Give a doctor a new password and unlock the account."""
    open_repository().accounts.reset_password(name, password, by=TERMINAL)
    typer.echo(_("{name} can sign in with the new password.").format(name=name))


@account.command("reset-factor")
def reset_second_factor(name: Annotated[str, typer.Argument(help="Sign-in name.")]) -> None:
    """Take away the second factor of somebody who has lost it."""
    open_repository().accounts.reset_second_factor(name, by=TERMINAL)
    without = _("{name} signs in without a second factor, or makes a new one where it is demanded.")
    typer.echo(without.format(name=name))


@account.command("roles")
def set_roles(
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    roles: Annotated[list[Role], typer.Argument(help="All that it is from now on.")],
) -> None:
    """Say anew what an account is; its sessions end."""
    open_repository().accounts.set_roles(name, roles, by=TERMINAL)
    typer.echo(f"{name}: {', '.join(sorted(roles))}.")


@account.command()
def disable(name: Annotated[str, typer.Argument(help="Sign-in name.")]) -> None:
    """Let nobody sign in with an account any more, and end its sessions; its work stays."""
    open_repository().accounts.disable(name, by=TERMINAL)
    typer.echo(_("{name} cannot sign in any more.").format(name=name))


@account.command()
def enable(name: Annotated[str, typer.Argument(help="Sign-in name.")]) -> None:
    """Let the owner of a disabled account sign in again."""
    open_repository().accounts.enable(name, by=TERMINAL)
    typer.echo(_("{name} can sign in again.").format(name=name))


@account.command()
def rename(
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    reader: Annotated[str, typer.Option(help="Name shown on later reports.", prompt=True)],
) -> None:
    """Change the name shown on somebody's later reports."""
    open_repository().accounts.rename(name, reader, by=TERMINAL)
    typer.echo(_("{name} signs as {reader} from now on.").format(name=name, reader=reader))


@account.command("list")
def list_accounts() -> None:
    """Print sign-in names, names and roles."""
    for user in open_repository().accounts.all():
        fields = (user.name, user.reader, ", ".join(sorted(user.roles)))
        typer.echo("\t".join((*fields, _("disabled")) if user.disabled else fields))


def truth(
    table: Annotated[Path, typer.Argument(help="CSV: study_instance_uid,code,present,source.")],
) -> None:
    """Tell what studies turned out to show (follow-up, CT, panel), for doctors' statistics."""
    repository = open_repository()
    try:
        with table.open(newline="", encoding="utf-8") as stream:
            truths = [
                Truth(
                    row["study_instance_uid"],
                    row["code"],
                    row["present"].strip().lower() in ("1", "true", "yes"),
                    row["source"],
                )
                for row in csv.DictReader(stream)
            ]
    except (OSError, KeyError, UnicodeDecodeError, AttributeError) as exc:
        raise InputError(
            "The table cannot be read. Give it the columns study_instance_uid, code, "
            "present, source."
        ) from exc
    unknown = 0
    for known_truth in truths:
        try:
            repository.reviews.set_truth(known_truth, account=TERMINAL)
        except ConflictError:  # no such study here; the others are kept all the same
            unknown += 1
    kept = _("{kept} outcomes kept, {unknown} of unknown studies left out.")
    typer.echo(kept.format(kept=len(truths) - unknown, unknown=unknown))


def delete(
    study: Annotated[str, typer.Argument(help="Study Instance UID.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.", prompt=True)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
) -> None:
    """Remove a study, its images, answers and reviews for good; the audit line stays."""
    if not yes:
        typer.confirm(_("Delete this study for good?"), abort=True)
    open_repository().studies.delete(study, account=TERMINAL, reason=reason)
    typer.echo(_("The study is deleted."))
