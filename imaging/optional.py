"""Packages that not every installation has: one way to import them, and one sentence without them.

Which release is wanted is written once, in ``pyproject.toml``: read there in the source tree, and
from the metadata of the installed distribution elsewhere.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from imaging.errors import SettingsError
from imaging.settings import ROOT

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "lightbox"


def import_optional(module: str, *, feature: str, package: str = "") -> Any:
    """Import a module whose package may be missing.

    Parameters
    ----------
    module : str
        Name to import, such as ``ray``.
    feature : str
        What needs it, within a sentence: "work on a cluster".
    package : str
        The package that holds the module, where it is called otherwise.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    SettingsError
        If the package is not installed, or in a release that `pyproject.toml` does not admit. The
        sentence names the feature, the package and the line to type.
    """
    package = package or module
    wanted, extra = _find_requirement(package)
    try:
        imported = import_module(module)
    except ImportError as exc:
        raise SettingsError(
            f"The package {package}, needed for {feature}, is not installed; "
            f"try: {install_line(extra)}."
        ) from exc
    installed = _version(package)
    if installed and not wanted.specifier.contains(installed, prereleases=True):
        raise SettingsError(
            f"The package {wanted.name}{wanted.specifier}, needed for {feature}, is installed as "
            f"{installed}; try: {install_line(extra)}."
        )
    return imported


def install_line(extra: str) -> str:
    """The line to type to install an extra of `pyproject.toml`; "" is what Lightbox always needs.

    Without the source tree the packages are named one by one: on the public index, the name of
    our own distribution is somebody else's.
    """
    listed = () if (ROOT / "pyproject.toml").is_file() else requirements().get(extra, ())
    if listed:
        quoted = (f'"{requirement.name}{requirement.specifier}"' for requirement in listed)
        return " ".join(["pip install", *quoted])
    return f"pip install -r requirements{extra and '-'}{extra}.txt"


@cache
def requirements() -> dict[str, tuple[Requirement, ...]]:
    """The packages Lightbox needs: by extra, "" for what it always needs; in the order of the file.

    Empty where the code lies about without its project file and was not installed either.
    """
    import tomllib  # here, since a process that reads one file needs neither

    from packaging.requirements import Requirement

    project = ROOT / "pyproject.toml"
    if project.is_file():
        about = tomllib.loads(project.read_text())["project"]
        lists = {"": about["dependencies"], **about["optional-dependencies"]}
        return {extra: tuple(map(Requirement, lines)) for extra, lines in lists.items()}
    try:
        lines = [Requirement(line) for line in metadata.requires(DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        return {}
    extras = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    return {
        extra: tuple(
            requirement
            for requirement in lines
            if _is_extra(requirement) == bool(extra)
            and (requirement.marker is None or requirement.marker.evaluate({"extra": extra}))
        )
        for extra in ("", *extras)
    }


def _is_extra(requirement: Requirement) -> bool:
    return requirement.marker is not None and "extra ==" in str(requirement.marker)


def _find_requirement(package: str) -> tuple[Requirement, str]:
    """The release that is wanted of a package, and the first extra that lists it."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    if not requirements():
        return Requirement(package), ""
    for extra, listed in requirements().items():
        for requirement in listed:
            if canonicalize_name(requirement.name) == canonicalize_name(package):
                return requirement, extra
    raise ValueError(f"pyproject.toml does not list {package}")


@cache
def _version(package: str) -> str:
    """The installed release; "" where a module came without a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
