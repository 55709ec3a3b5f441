"""The compiled lists say what pyproject.toml says, for every platform, down to each file's hash."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from imaging.optional import DISTRIBUTION, requirements
from imaging.settings import ROOT

DIRECT = f"{DISTRIBUTION} (pyproject.toml)"  # as uv names who asked for a release
EXTRAS = sorted(requirements())
PLATFORMS = {
    "Linux on x86-64": ("linux", "Linux", "x86_64"),
    "Linux on ARM": ("linux", "Linux", "aarch64"),
    "macOS": ("darwin", "Darwin", "arm64"),
    "Windows": ("win32", "Windows", "AMD64"),
}
AGAIN = "make lock"  # what to do when a test here fails


@dataclass(frozen=True)
class Pin:
    """One entry of a list."""

    requirement: Requirement
    hashes: tuple[str, ...]
    asked_by: tuple[str, ...]

    @property
    def name(self) -> str:
        """The package, as the registry spells it."""
        return canonicalize_name(self.requirement.name)

    @property
    def release(self) -> str:
        """The one release that is installed."""
        (only,) = self.requirement.specifier
        assert only.operator == "==" and "*" not in only.version, str(self.requirement)
        return only.version


def parse(text: str) -> Iterator[Pin]:
    """The entries of a compiled list."""
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    for entry in entries:
        line, *rest = entry.replace("\\\n", "\n").split("\n")
        about = [one.strip() for one in rest]
        (via,) = [one.removeprefix("# via ") for one in about if one.startswith("# via ")]
        hashes = [one.removeprefix("--hash=") for one in about if one.startswith("--hash=")]
        assert len(hashes) == len(about) - 1, entry
        yield Pin(Requirement(line), tuple(hashes), tuple(via.split(", ")))


def path_of(extra: str) -> Path:
    return ROOT / (f"requirements-{extra}.txt" if extra else "requirements.txt")


@cache
def pins(extra: str) -> tuple[Pin, ...]:
    return tuple(parse(path_of(extra).read_text()))


def wanted(extra: str) -> Iterator[Requirement]:
    """What pyproject.toml lists for an extra and for what it builds on."""
    for one in (*requirements()[""], *requirements()[extra]):
        if one.name == DISTRIBUTION:
            for inner in one.extras:
                yield from requirements()[inner]
        else:
            yield one


def holds(marker: Marker | None, platform: str) -> bool:
    """Whether an entry is for this platform, by the Python the tests run on."""
    system, name, machine = PLATFORMS[platform]
    environment = {"sys_platform": system, "platform_system": name, "platform_machine": machine}
    return marker is None or marker.evaluate(environment)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("extra", EXTRAS)
def test_every_dependency_is_pinned_where_it_is_wanted(extra: str, platform: str) -> None:
    pinned = {one.name: one for one in pins(extra) if holds(one.requirement.marker, platform)}
    for one in wanted(extra):
        if holds(one.marker, platform):
            pin = pinned.get(canonicalize_name(one.name))
            assert pin, f"{one} is not in {path_of(extra).name}: {AGAIN}"
            assert one.specifier.contains(pin.release), f"{one}, but {pin.release}: {AGAIN}"


@pytest.mark.parametrize("extra", EXTRAS)
def test_nothing_is_pinned_that_nobody_asks_for(extra: str) -> None:
    listed = {canonicalize_name(one.name) for one in wanted(extra)}
    direct = {one.name for one in pins(extra) if DIRECT in one.asked_by}
    assert direct == listed, AGAIN
    known = {one.name for one in pins(extra)} | {DIRECT, DISTRIBUTION}
    for one in pins(extra):
        assert set(map(_plain, one.asked_by)) <= known, f"{one.name} in {path_of(extra).name}"


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_entry_is_one_release_with_the_hashes_of_its_files(extra: str) -> None:
    for one in pins(extra):
        assert one.release and one.hashes, one.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in one.hashes), one.name


@pytest.mark.parametrize("extra", sorted(set(EXTRAS) - {""}))
def test_no_two_lists_disagree(extra: str) -> None:
    always = {(one.name, one.release): one.hashes for one in pins("")}
    here = {(one.name, one.release): one.hashes for one in pins(extra)}
    assert always.items() <= here.items(), AGAIN


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_the_installed_packages_need_is_listed(extra: str) -> None:
    """pip is told to look for nothing else (--no-deps), so a gap would be found by a user."""
    known = {one.name for one in pins(extra)}
    asked: dict[str, set[str]] = {canonicalize_name(n.name): n.extras for n in wanted(extra)}
    for pin in pins(extra):
        for need in map(Requirement, _needs(pin.name)):
            parts = ("", *asked.get(pin.name, ()))
            if need.marker is None or any(need.marker.evaluate({"extra": p}) for p in parts):
                assert canonicalize_name(need.name) in known, f"{pin.name} needs {need}: {AGAIN}"


@pytest.mark.parametrize("extra", EXTRAS)
def test_no_list_names_a_server_or_a_folder(extra: str) -> None:
    text = path_of(extra).read_text()
    assert not re.search(r"://|^-|index|find-links|/(opt|root|work|tmp)/", text, re.MULTILINE)


@pytest.mark.parametrize(("gpu", "left"), [("yes", True), ("no", False)])
def test_without_a_gpu_its_packages_stay_away_and_nothing_else(
    gpu: str, left: bool, tmp_path: Path
) -> None:
    """`make` writes the list that pip gets; here its own recipe does, without the installation."""
    commands = subprocess.run(
        ["make", "-n", "setup", f"GPU={gpu}", f"VENV={tmp_path}"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    (write,) = [line for line in commands.splitlines() if " > " in line]
    subprocess.run(write, shell=True, cwd=ROOT, check=True)
    written = {one.name for one in parse((tmp_path / "requirements-dev.txt").read_text())}
    away = {"triton", "nvidia-cusolver", "nvidia-nvtx"} | {
        f"cuda-{part}" for part in ("bindings", "pathfinder", "toolkit")
    }
    assert away <= {one.name for one in pins("dev")}
    assert written == {one.name for one in pins("dev")} - (set() if left else away)
    (install,) = [line for line in commands.splitlines() if "pip install" in line]
    assert "--no-deps --require-hashes" in install


def _plain(name: str) -> str:
    return name if name == DIRECT else canonicalize_name(name)


def _needs(name: str) -> list[str]:
    """What an installed package says it needs; a package of another platform says nothing."""
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
