"""Backups made, checked, restored, and kept: a copy of the data folder that can be relied on.

A backup is a tar archive (POSIX.1-2001 pax) of the files below the data folder and a manifest with
the SHA-256 of each, in the form of `imaging.store.backup.sealing`. It stands under its name once it
is whole; it is used only after every byte of it was checked.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO

from imaging.errors import (
    AssistantError,
    ConflictError,
    NotFoundError,
    StoreError,
    StoreLockedError,
)
from imaging.host.encrypted_file import cut, encrypt
from imaging.host.temporary import BACKUP, sweep_partial, temporary_folder
from imaging.host.writing import replacing, sync_folder
from imaging.locations import read_place
from imaging.review.records import AuditEvent
from imaging.store.audit import AuditVerdict
from imaging.store.backup.contents import (
    BESIDE,
    DATABASE,
    OBJECTS,
    Contents,
    gather,
    object_name,
    seal_folder,
)
from imaging.store.backup.sealing import ALTERED, BackupKey, SealedReader, SealedWriter
from imaging.store.encryption.finding import Ways, find_keys
from imaging.store.encryption.keys import Keys
from imaging.store.object_store import file_key, stored_sha256
from imaging.store.repository import Repository

SUFFIX = ".backup"
MANIFEST, SETTINGS = "manifest.json", "settings-of-the-backup.json"
EVERY = timedelta(days=1)
_HALF = "lightbox-half-"  # how the name of a backup begins that is not whole
_RESTORED = "lightbox-restore-"  # and that of a folder which is not restored wholly
_NAME = re.compile(r"lightbox-(\d{8}-\d{6})(-\d+)?\.backup")
_MOMENT = "%Y%m%d-%H%M%S"
_AT_ONCE = 2**20
_POSTGRESQL = (
    "This command backs up records in the data folder, and yours lie in PostgreSQL. Run "
    "pg_dump first, then copy the data folder (its objects, and its keys)."
)
_UNWRITABLE = "The backup cannot be written; check that its folder is there, yours and not full."
_NOT_EMPTY = (
    "The data folder to restore into is not empty. Give another one, or --replace, which keeps "
    "what is there under another name; stop Lightbox first."
)
_UNREADABLE = "The backup cannot be read; check its name and that its disk is connected."
_NOT_THERE = "The restored folder cannot be written; check that its disk is connected and not full."


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes
    ----------
    made_at : str
        Moment, ISO 8601 with time zone.
    files : dict
        Name in the data folder -> SHA-256 (hex) of its bytes.
    damaged : tuple of str
        SHA-256 of originals whose bytes were others already; they are in it as they were.
    missing : tuple of str
        SHA-256 of originals that were gone already.
    elsewhere : int
        How many films, left where they lie, could not be read there and are not in it.
    settings : dict
        The site's settings (``LIGHTBOX_...``), without the database's address and secrets.
    """

    made_at: str
    files: dict[str, str]
    damaged: tuple[str, ...]
    missing: tuple[str, ...]
    elsewhere: int
    settings: dict[str, str]

    @property
    def originals(self) -> int:
        """How many originals it holds."""
        return sum(name.startswith(f"{OBJECTS}/") for name in self.files)

    @property
    def others(self) -> tuple[str, ...]:
        """Names of what is neither an original nor the database: keys above all."""
        return tuple(n for n in self.files if n != DATABASE and not n.startswith(f"{OBJECTS}/"))


def make_backup(
    repository: Repository,
    home: Path,
    folder: Path,
    key: BackupKey,
    *,
    account: str,
    key_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Path, Manifest]:
    """Back a data folder up into a new file of a folder, while Lightbox works or not.

    Parameters
    ----------
    repository : Repository
        The store of `home`.
    home : Path
    folder : Path
        Made where it is missing.
    key : BackupKey
    account : str
        Who asked for it; stands in the audit trail.
    key_file : Path, optional
        That of an encrypted data folder where it does not lie beside it.
    environ : mapping, optional
        Whose settings are kept; by default those of this process.

    Raises
    ------
    StoreError
        If it cannot be made; then no file of its name is there.
    """
    if repository.shared:
        raise StoreError(_POSTGRESQL)
    settings = _public_settings(os.environ if environ is None else environ)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep_partial(folder, _HALF)
        with temporary_folder(BACKUP, home) as staging:
            keys = repository.keys
            contents = gather(home, staging, keys, leave_out=folder, key_file=key_file)
            target = _free_name(folder)
            with replacing(target, prefix=_HALF) as stream:
                manifest = _write(stream, contents, keys, key, settings)
    except OSError as exc:
        raise StoreError(_UNWRITABLE) from exc
    detail = f"{manifest.originals} originals, {len(manifest.files)} files"
    repository.audit.record(AuditEvent.BACKUP, account=account, detail=detail)
    return target, manifest


def check_backup(path: Path, key: BackupKey) -> Manifest:
    """Read a backup to its end and compare every hash; nothing is written.

    Raises
    ------
    StoreError
        If it was altered, cut short, reordered or damaged, or the key is another one.
    """
    with _members(path, key) as members:
        manifest, seen = None, {}
        for name, stream in members:
            if name == MANIFEST:
                manifest = _read_manifest(stream.read())
            else:
                seen[name] = _digest(stream)
    if manifest is None or seen != manifest.files:
        raise StoreError(ALTERED)
    return manifest


def restore_backup(
    path: Path,
    key: BackupKey,
    home: Path,
    *,
    replace: bool = False,
    ways: Ways | None = None,
) -> tuple[Manifest, AuditVerdict | None]:
    """Check a backup, then put it where a data folder shall be; all of it or nothing.

    Parameters
    ----------
    path : Path
    key : BackupKey
    home : Path
        What shall be the data folder.
    replace : bool
        One with files in it is kept beside, as ``NAME.before-MOMENT``; else it is refused. The
        folder of the key that seals its trail, beside it, follows it.
    ways : Ways, optional
        How the key of an encrypted data folder is found where the backup holds no key file.

    Returns
    -------
    tuple of Manifest and AuditVerdict
        What was restored, and whether its audit trail is whole; None where nobody could look,
        since the data folder is encrypted and its key is not here.

    Raises
    ------
    ConflictError
        If there is a data folder and nobody said to replace it.
    StoreError
        As `check_backup`, or if the folder cannot be written; then nothing is changed.
    """
    filled = home.exists() and any(home.iterdir())
    if filled and not replace:
        raise ConflictError(_NOT_EMPTY)
    manifest = check_backup(path, key)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        sweep_partial(home.parent, _RESTORED)
        with temporary_folder(_RESTORED, home.parent) as parent:
            staged = parent / "home"
            staged.mkdir(mode=0o700)
            _extract(path, key, staged, manifest)
            verdict = _try(staged, ways)
            for new, place in ((seal_folder(staged), seal_folder(home)), (staged, home)):
                if new.exists():
                    _put_aside(place)
                    new.rename(place)
            sync_folder(home.parent)
    except OSError as exc:
        raise StoreError(_NOT_THERE) from exc
    return manifest, verdict


def keep_daily(
    repository: Repository,
    home: Path,
    folder: Path,
    key: BackupKey,
    keep: int,
    *,
    key_file: Path | None = None,
) -> bool:
    """Make today's backup where the newest is a day old, and let go of all but the newest.

    Parameters
    ----------
    keep : int
        How many backups stay, 1 or more; only files named as ours are counted, or deleted.
    key_file : Path, optional
        As for `make_backup`.

    Returns
    -------
    bool
        Whether one was made.

    Raises
    ------
    StoreError
        As `make_backup`; then nothing is deleted.
    """
    made = _made(folder)
    if made and datetime.now(UTC) - made[-1][0] < EVERY:
        return False
    make_backup(repository, home, folder, key, account="daily backup", key_file=key_file)
    for _, path in _made(folder)[:-keep]:
        path.unlink(missing_ok=True)
    return True


def _made(folder: Path) -> list[tuple[datetime, Path]]:
    """Backups of a folder by the moment in their names, oldest first."""
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob(f"*{SUFFIX}"))
    return sorted(
        (datetime.strptime(match[1], _MOMENT).replace(tzinfo=UTC), path)
        for match, path in named
        if match
    )


def _free_name(folder: Path) -> Path:
    """A name of this moment that no backup has: none is ever overwritten."""
    stem = f"lightbox-{datetime.now(UTC):{_MOMENT}}"
    names = [stem, *(f"{stem}-{number}" for number in range(1, 1000))]
    return next(p for name in names if not (p := folder / f"{name}{SUFFIX}").exists())


def _public_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The site's settings; no address of a database, which may hold a password, and no secret."""
    hidden = ("DATABASE", "PASS", "SECRET", "TOKEN")
    own = {name: value for name, value in environ.items() if name.startswith("LIGHTBOX_")}
    return {n: v for n, v in sorted(own.items()) if not any(word in n for word in hidden)}


def _write(
    stream: IO[bytes],
    contents: Contents,
    keys: Keys | None,
    key: BackupKey,
    settings: dict[str, str],
) -> Manifest:
    """Write the files, then the manifest."""
    sealed, hashes = SealedWriter(stream, key), {}
    with tarfile.open(fileobj=sealed, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload] # needs `write` alone
        for name, path in contents.files.items():
            with path.open("rb") as file:
                hashes[name] = _add(tar, name, file, os.fstat(file.fileno()).st_size)
        damaged = [
            contents.named.get(name, PurePosixPath(name).stem)
            for name, path in contents.files.items()
            if name.startswith(f"{OBJECTS}/") and not _is_whole(name, path, hashes[name], keys)
        ]
        unread = 0
        for sha256, place in sorted(contents.elsewhere.items()):
            content = _read_elsewhere(place, sha256)
            unread += content is None
            if content is not None:
                name = object_name(sha256, keys)
                stored = io.BytesIO(_encrypted(content, name, keys) if keys else content)
                hashes[name] = _add(tar, name, stored, len(stored.getbuffer()))
        manifest = Manifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            files=hashes,
            damaged=tuple(damaged),
            missing=contents.missing,
            elsewhere=unread,
            settings=settings,
        )
        text = json.dumps(asdict(manifest)).encode()
        _add(tar, MANIFEST, io.BytesIO(text), len(text))
    sealed.close()
    return manifest


def _is_whole(name: str, path: Path, sha256: str, keys: Keys | None) -> bool:
    """Whether an original, whose bytes on the disk have that hash, is the one it is named for."""
    if keys is not None:
        sha256 = stored_sha256(path, keys)
    return bool(sha256) and object_name(sha256, keys) == name


def _encrypted(content: bytes, name: str, keys: Keys) -> bytes:
    """A film that was left where it lies, as it would lie in the data folder."""
    name = PurePosixPath(name).name
    return b"".join(encrypt(cut(content), file_key(keys, name), name))


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> str:
    """Add a file; returns the SHA-256 of what was added."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    counted = _Hashing(file)
    tar.addfile(info, counted)  # reads it, no more
    return counted.digest.hexdigest()


class _Hashing:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        part = self._file.read(size)
        self.digest.update(part)
        return part


def _read_elsewhere(place: str, sha256: str) -> bytes | None:
    """A film that was left where it lies; None where it is gone or another by now."""
    try:
        content = read_place(place)
    except AssistantError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


@contextmanager
def _members(path: Path, key: BackupKey) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """The files of a backup in their order; at its end, the end is checked too."""
    try:
        with path.open("rb") as stream:
            sealed = SealedReader(stream, key)
            with tarfile.open(fileobj=sealed, mode="r|") as tar:  # type: ignore[call-overload] # needs `read` alone
                yield _named(tar)
            while sealed.read(_AT_ONCE):  # what follows the archive's end is sealed as well
                pass
    except (tarfile.TarError, EOFError) as exc:
        raise StoreError(ALTERED) from exc
    except FileNotFoundError as exc:
        raise NotFoundError(_UNREADABLE) from exc


def _named(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    """Regular files below the data folder, each once; anything else is no backup of ours."""
    seen = set()
    for member in tar:
        parts = PurePosixPath(member.name).parts
        stream = tar.extractfile(member) if member.isreg() else None
        odd = not parts or member.name.startswith("/") or ".." in parts or "\\" in member.name
        if stream is None or odd or member.name in seen:
            raise StoreError(ALTERED)
        seen.add(member.name)
        yield member.name, stream


def _read_manifest(text: bytes) -> Manifest:
    try:
        fields = json.loads(text)
        fields["damaged"], fields["missing"] = tuple(fields["damaged"]), tuple(fields["missing"])
        return Manifest(**fields)
    except (ValueError, KeyError, TypeError) as exc:
        raise StoreError(ALTERED) from exc


def _digest(stream: IO[bytes]) -> str:
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def _extract(path: Path, key: BackupKey, staged: Path, manifest: Manifest) -> None:
    """Write what a backup holds, and compare every hash once more, as it lies on the disk."""
    with _members(path, key) as members:
        for name, stream in members:
            target = _place(staged, SETTINGS if name == MANIFEST else name)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = json.dumps(manifest.settings, indent=1).encode()
            with replacing(target) as out:
                source = io.BytesIO(text) if name == MANIFEST else stream
                while part := source.read(_AT_ONCE):
                    out.write(part)
    for name, sha256 in manifest.files.items():
        with _place(staged, name).open("rb") as file:
            if _digest(file) != sha256:
                raise StoreError(_NOT_THERE)


def _place(staged: Path, name: str) -> Path:
    """Where a file of a backup goes: below the data folder, but for the keys beside it."""
    beside = name.removeprefix(BESIDE)
    return staged / name if beside == name else seal_folder(staged) / beside


def _put_aside(folder: Path) -> None:
    """Keep what is in a folder, if anything is, under another name."""
    if folder.exists() and any(folder.iterdir()):
        folder.rename(folder.with_name(f"{folder.name}.before-{datetime.now(UTC):{_MOMENT}}"))
    elif folder.exists():
        folder.rmdir()


def _try(staged: Path, ways: Ways | None) -> AuditVerdict | None:
    """Open what was restored, and write into its trail that it was; None without its key."""
    try:
        try:
            keys = find_keys(staged)  # by the key file of the backup
        except StoreLockedError:
            keys = find_keys(staged, ways)
    except StoreLockedError:
        return None
    with closing(Repository.open(staged, keys=keys)) as repository:
        verdict = repository.audit.verify()
        repository.audit.record(AuditEvent.RESTORE, account="terminal")
    return verdict
