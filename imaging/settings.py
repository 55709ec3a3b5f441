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
    error_rate : float
        Share of wrong answers allowed per class (`LIGHTBOX_ERROR_RATE`, default 0.05); the lower,
        the more often the network says "unsure". One of the rates the model's card lists.
    data : Path | None
        Open research images for training and tests (`LIGHTBOX_DATA`); never needed to serve.
    """

    home: Path
    weights: Path = ROOT / "models" / "weights"
    model_name: str = ""
    error_rate: float = 0.05
    data: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            If `LIGHTBOX_DATA` or `LIGHTBOX_WEIGHTS` names a folder that does not exist, or
            `LIGHTBOX_ERROR_RATE` is not a number between 0 and 1.
        """
        env = os.environ if environ is None else environ
        data = _existing(env, "LIGHTBOX_DATA")
        weights = _existing(env, "LIGHTBOX_WEIGHTS")
        home = Path(env.get("LIGHTBOX_HOME") or Path.home() / ".lightbox").expanduser()
        return cls(
            home=home,
            weights=weights or ROOT / "models" / "weights",
            model_name=env.get("LIGHTBOX_MODEL", ""),
            error_rate=_share(env, "LIGHTBOX_ERROR_RATE", default=0.05),
            data=data,
        )


def _share(env: Mapping[str, str], name: str, *, default: float) -> float:
    """The number a variable holds, strictly between 0 and 1; `default` when it is unset."""
    try:
        value = float(env.get(name) or default)
    except ValueError as exc:
        raise SettingsError(f"{name} must be a number such as {default:g}.") from exc
    if not 0 < value < 1:
        raise SettingsError(f"{name} must lie between 0 and 1.")
    return value


def _existing(env: Mapping[str, str], name: str) -> Path | None:
    """The folder a variable names, or None when it is unset."""
    if not env.get(name):
        return None
    path = Path(env[name]).expanduser()
    if not path.is_dir():
        raise SettingsError(f"{name} names a folder that does not exist; correct or unset it.")
    return path
