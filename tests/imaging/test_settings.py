"""Settings: read once, wrong ones named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imaging.errors import SettingsError
from imaging.settings import Settings, check_exposure


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


def test_database_and_single_reader_are_read() -> None:
    settings = Settings.from_environment(
        {"LIGHTBOX_DATABASE": "postgresql://u:secret@h/db", "LIGHTBOX_SINGLE_READER": " Dr  A "}
    )
    assert settings.database == "postgresql://u:secret@h/db" and settings.single_reader == "Dr A"
    assert "secret" not in repr(settings)
    assert Settings.from_environment({}).single_reader == ""


def test_the_reference_engine_is_asked_for_by_name() -> None:
    assert Settings.from_environment({}).engine == "onnxruntime"
    assert Settings.from_environment({"LIGHTBOX_ENGINE": "Torch"}).engine == "torch"
    with pytest.raises(SettingsError, match="LIGHTBOX_ENGINE"):
        Settings.from_environment({"LIGHTBOX_ENGINE": "tea leaves"})
    with pytest.raises(SettingsError, match="LIGHTBOX_PRECISION"):
        Settings.from_environment({"LIGHTBOX_ENGINE": "torch", "LIGHTBOX_PRECISION": "int8"})


def test_low_precision_is_asked_for_by_name() -> None:
    assert Settings.from_environment({}).precision == "fp32"
    assert Settings.from_environment({"LIGHTBOX_PRECISION": " INT8 "}).precision == "int8"
    with pytest.raises(SettingsError, match="LIGHTBOX_PRECISION must be one of these: fp32, int8"):
        Settings.from_environment({"LIGHTBOX_PRECISION": "int4"})


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_this_computer_alone_may_do_without_accounts(address: str) -> None:
    check_exposure(address, single_reader="Dr A", accounts=False)
    check_exposure(address, single_reader="", accounts=False)


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "192.168.1.7", "ward.example"])
def test_a_server_others_can_reach_needs_accounts(address: str) -> None:
    with pytest.raises(SettingsError, match="LIGHTBOX_SINGLE_READER"):
        check_exposure(address, single_reader="Dr A", accounts=True)
    with pytest.raises(SettingsError, match="account add NAME"):
        check_exposure(address, single_reader="", accounts=False)
    with pytest.raises(SettingsError, match="LIGHTBOX_BEHIND_TLS=1"):
        check_exposure(address, single_reader="", accounts=True)
    check_exposure(address, single_reader="", accounts=True, certificate=True)
    check_exposure(address, single_reader="", accounts=True, behind_tls=True)


def test_behind_a_proxy_this_computers_own_address_is_everybodys() -> None:
    with pytest.raises(SettingsError, match="LIGHTBOX_SINGLE_READER"):
        check_exposure("127.0.0.1", single_reader="Dr A", accounts=True, behind_tls=True)
    with pytest.raises(SettingsError, match="account add NAME"):
        check_exposure("127.0.0.1", single_reader="", accounts=False, behind_tls=True)


def test_hosts_are_names_without_ports_or_patterns() -> None:
    read = Settings.from_environment({"LIGHTBOX_HOSTS": "Films.Ward.example, 10.0.0.7 [fd00::7]"})
    assert read.hosts == ("films.ward.example", "10.0.0.7", "fd00::7") and not read.behind_tls
    for wrong in ("*", "*.example", "films:8501", "http://films"):
        with pytest.raises(SettingsError, match="LIGHTBOX_HOSTS"):
            Settings.from_environment({"LIGHTBOX_HOSTS": wrong})
    with pytest.raises(SettingsError, match="BEHIND_TLS"):
        Settings.from_environment({"LIGHTBOX_BEHIND_TLS": "yes"})


@pytest.mark.parametrize("chain", ["s3://a/b::http://c", "zip://x::s3://a", "/films a://b::c"])
def test_a_chain_of_addresses_is_no_root(chain: str) -> None:
    with pytest.raises(SettingsError, match="::"):
        Settings.from_environment({"LIGHTBOX_ROOTS": chain})


@pytest.mark.parametrize(
    ("value", "roots"),
    [
        ("", ()),
        ("/films", ("/films",)),
        ("/films:/more films: ", ("/films", "/more films")),
        ("s3://a/b", ("s3://a/b",)),
        ("/films s3://a/b s3://c", ("/films", "s3://a/b", "s3://c")),
    ],
)
@pytest.mark.skipif(os.pathsep != ":", reason="paths are separated otherwise here")
def test_roots_are_paths_and_addresses(value: str, roots: tuple[str, ...]) -> None:
    assert Settings.from_environment({"LIGHTBOX_ROOTS": value}).roots == roots
