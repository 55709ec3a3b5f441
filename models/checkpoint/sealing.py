"""The identity of a model: one hash over every file of its folder; its manifest, its signature.

    python -m models.checkpoint.sealing write [FOLDER]
    python -m models.checkpoint.sealing verify [FOLDER]
    python -m models.checkpoint.sealing sign FOLDER --key private.pem

Weights, graphs, card (operating points, thresholds), gate, receipts and reference cases decide what
a reader sees, so the identity is the SHA-256 of the list of all files and their SHA-256s. What was
*measured* of the model (`evaluation/`) is not part of what was measured: it bears the model's hash
itself, and measuring anew makes no other model. The manifest lists those files too, and a model one
of whose files is missing, altered or not listed is refused. Without a manifest (a model in the
making) the identity is computed all the same, so whatever is altered shows.

Who can alter the folder can write a manifest. Against that a site signs it (Ed25519, RFC 8032) and
names its public key in ``LIGHTBOX_MODEL_KEY``: then a model without its signature is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import typer

from imaging.errors import CheckpointError
from imaging.settings import Settings
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import (
    CARD,
    EVALUATION,
    MANIFEST,
    SIGNATURE,
    break_seal,
    find_checkpoint,
    installed_checkpoints,
)

KEY = "LIGHTBOX_MODEL_KEY"  # environment: file of the public key (PEM) that must have signed
_FORMAT = 1
_AGAIN = "reinstall the model, or see `python -m models.checkpoint.sealing --help`"
_Stamp = tuple[str, int, int, int]  # name, bytes, and when content and entry changed (ns)


def read_card(folder: Path) -> ModelCard:
    """The card of a checkpoint that is whole, with the hash over all its files.

    Raises
    ------
    CheckpointError
        As `identity_of`, or if the card cannot be read.
    """
    return replace(ModelCard.read(folder / CARD), files_sha256=identity_of(folder))


def identity_of(folder: Path) -> str:
    """SHA-256 (hex) over every file of a checkpoint but what was measured of it.

    Files are hashed once in a process, unless one changes.

    Raises
    ------
    CheckpointError
        If the folder is not what its manifest lists, or not signed where a key is asked for.
    """
    try:
        stamps = tuple(_stamps(folder))
        identity = _check(folder, stamps)
        _insist_on_signature(folder)
    except OSError as exc:
        raise CheckpointError(f"The model '{folder.name}' cannot be read; {_AGAIN}.") from exc
    return identity


def write_manifest(folder: Path) -> str:
    """List every file of a checkpoint as it is now; an old signature goes. Returns the identity."""
    break_seal(folder)
    files = _hash_files(folder, tuple(_stamps(folder)))
    text = json.dumps({"format": _FORMAT, "files": files}, indent=1, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", newline="\n")
    return identity_of_files(files)


def identity_of_files(files: dict[str, str]) -> str:
    """SHA-256 (hex) of a list of files: a line of hash, two blanks and path each, as sha256sum."""
    served = sorted(name for name in files if not name.startswith(f"{EVALUATION}/"))
    lines = "".join(f"{files[name]}  {name}\n" for name in served)
    return hashlib.sha256(lines.encode()).hexdigest()


def sign_manifest(folder: Path, key: Path) -> None:
    """Sign a checkpoint's manifest by an Ed25519 private key (PEM, not encrypted).

    Raises
    ------
    CheckpointError
        If the checkpoint is not what its manifest lists, has none, or the key cannot be used.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not (folder / MANIFEST).is_file():
        raise CheckpointError(f"The model '{folder.name}' has no manifest; write it first.")
    _check(folder, tuple(_stamps(folder)))
    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as exc:
        raise CheckpointError(f"The key {key.name} cannot be read as a private key.") from exc
    if not isinstance(private, Ed25519PrivateKey):
        raise CheckpointError(f"The key {key.name} is not an Ed25519 key.")
    (folder / SIGNATURE).write_bytes(private.sign((folder / MANIFEST).read_bytes()))


def _stamps(folder: Path) -> Iterator[_Stamp]:
    """Every file below a folder but manifest and signature, links followed, in order of names.

    Names that begin with a full stop are left out: systems strew such files, nothing reads them.
    """
    own = {folder / MANIFEST, folder / SIGNATURE}
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place) / name for name in names if not name.startswith(".")]
    for path in sorted(set(found) - own):
        about = path.stat()
        name = path.relative_to(folder).as_posix()
        yield name, about.st_size, about.st_mtime_ns, about.st_ctime_ns


@lru_cache(maxsize=16)
def _hash_files_at(folder: Path, stamps: tuple[_Stamp, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name, *_ in stamps
    )


def _hash_files(folder: Path, stamps: tuple[_Stamp, ...]) -> dict[str, str]:
    """SHA-256 (hex) of each file, read only where one changed."""
    return dict(_hash_files_at(folder.resolve(), stamps))


def _check(folder: Path, stamps: tuple[_Stamp, ...]) -> str:
    """Compare a folder with its manifest, where it has one; returns the identity."""
    files = _hash_files(folder, stamps)
    if not (folder / MANIFEST).exists():
        return identity_of_files(files)
    try:
        values = json.loads((folder / MANIFEST).read_text())
        listed: dict[str, str] = values["files"] if values["format"] == _FORMAT else {}
    except (ValueError, KeyError, TypeError) as exc:
        raise CheckpointError(
            f"The manifest of the model '{folder.name}' cannot be read; {_AGAIN}."
        ) from exc
    odd = sorted({name for name, _ in files.items() ^ listed.items()})
    if odd:
        raise CheckpointError(
            f"Files of the model '{folder.name}' are damaged or were altered, added or removed "
            f"since it was sealed ({', '.join(odd[:3])}{' ...' * (len(odd) > 3)}); {_AGAIN}."
        )
    return identity_of_files(files)


def _insist_on_signature(folder: Path) -> None:
    """Where a public key is named, only what it signed may serve."""
    if not (key := os.environ.get(KEY)):
        return
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(Path(key).read_bytes())
        if not isinstance(public, Ed25519PublicKey):
            raise ValueError(key)
    except (OSError, ValueError, TypeError) as exc:
        raise CheckpointError(f"{KEY} names no file with an Ed25519 public key (PEM).") from exc
    try:
        public.verify((folder / SIGNATURE).read_bytes(), (folder / MANIFEST).read_bytes())
    except (OSError, InvalidSignature) as exc:
        raise CheckpointError(
            f"The model '{folder.name}' is not signed by the key that {KEY} names; {_AGAIN}."
        ) from exc


app = typer.Typer(no_args_is_help=True, add_completion=False, help="Seals of installed models.")
_Folder = Annotated[Path | None, typer.Argument(help="Checkpoint; every installed one if empty.")]


def _folders(folder: Path | None) -> tuple[Path, ...]:
    if folder is not None:
        return (folder,)
    weights = Settings.from_environment().weights
    find_checkpoint(weights)
    return installed_checkpoints(weights)


@app.command()
def write(folder: _Folder = None) -> None:
    """Write the manifest of a checkpoint, after it was trained, exported and measured."""
    for each in _folders(folder):
        typer.echo(f"{each.name}: {write_manifest(each)}")


@app.command()
def verify(folder: _Folder = None) -> None:
    """Say whether a checkpoint is what its manifest lists, and its identity."""
    for each in _folders(folder):
        kind = "sealed" if (each / MANIFEST).exists() else "not sealed"
        typer.echo(f"{each.name}: {identity_of(each)}, {kind}")


@app.command()
def sign(folder: Path, key: Annotated[Path, typer.Option(help="Ed25519, PEM.")]) -> None:
    """Sign the manifest of a checkpoint."""
    sign_manifest(folder, key)
    typer.echo(f"{folder.name}: signed")


if __name__ == "__main__":
    app()
