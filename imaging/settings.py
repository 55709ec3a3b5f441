"""One frozen `Settings`, read once from the environment and passed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent


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
    data : Path | None
        Open research images for training and tests (`LIGHTBOX_DATA`); never needed to serve.
    """

    home: Path
    weights: Path = ROOT / "models" / "weights"
    model_name: str = ""
    data: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            If `LIGHTBOX_DATA` or `LIGHTBOX_WEIGHTS` names a folder that does not exist.
        """
        env = os.environ if environ is None else environ
        data = _existing(env, "LIGHTBOX_DATA")
        weights = _existing(env, "LIGHTBOX_WEIGHTS")
        home = Path(env.get("LIGHTBOX_HOME") or Path.home() / ".lightbox").expanduser()
        return cls(
            home=home,
            weights=weights or ROOT / "models" / "weights",
            model_name=env.get("LIGHTBOX_MODEL", ""),
            data=data,
        )


def _existing(env: Mapping[str, str], name: str) -> Path | None:
    """The folder a variable names, or None when it is unset."""
    if not env.get(name):
        return None
    path = Path(env[name]).expanduser()
    if not path.is_dir():
        raise SettingsError(f"{name} names a folder that does not exist; correct or unset it.")
    return path
