"""Settings: read once, wrong ones named."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.errors import SettingsError
from imaging.settings import Settings


def test_defaults_need_nothing() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path.home() / ".lightbox" and settings.data is None
    assert settings.weights.name == "weights"


def test_variables_win(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"LIGHTBOX_HOME": str(tmp_path / "new"), "LIGHTBOX_DATA": str(tmp_path)}
    )
    assert settings.home == tmp_path / "new" and settings.data == tmp_path


@pytest.mark.parametrize("name", ["LIGHTBOX_DATA", "LIGHTBOX_WEIGHTS"])
def test_a_folder_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: str(tmp_path / "gone")})
