"""Write the bill of materials and the licences in NOTICE: ``python -m supply.bill`` (`make sbom`).

CycloneDX 1.6 (ECMA-424) of all that `make run` installs on any platform, and of the extras that a
site may add (`scope` optional): name, release, hashes of its files, licence, and what needs it. It
follows from the compiled lists and the installed packages' metadata alone, so it is the same every
time; `tests/supply/test_bill.py` compares.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from imaging.optional import DISTRIBUTION, requirements
from imaging.settings import ROOT
from supply.licences import INSIDE, licence_of

BILL, NOTICE = ROOT / "docs" / "sbom.json", ROOT / "NOTICE"
OPTIONAL = ("cluster", "fast")
BEGIN, END = "[installed packages]", "[end of installed packages]"
_OTHERS = re.compile(r"GPL|MPL|EPL|CDDL|LicenseRef|NOASSERTION")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Package:
    """One release of a compiled list.

    Attributes
    ----------
    name, release : str
    hashes : tuple of str
        SHA-256 (hex) of its files, for all platforms.
    needed_by : tuple of str
        Packages; `DISTRIBUTION` itself among them.
    optional : bool
        Installed only with an extra.
    """

    name: str
    release: str
    hashes: tuple[str, ...]
    needed_by: tuple[str, ...]
    optional: bool = False

    @property
    def ref(self) -> str:
        """Package URL (purl)."""
        return f"pkg:pypi/{self.name}@{self.release}"


def packages() -> tuple[Package, ...]:
    """All that may be installed, in the order of names; a release once."""
    found: dict[str, Package] = {}
    for extra in ("", *OPTIONAL):
        path = ROOT / (f"requirements-{extra}.txt" if extra else "requirements.txt")
        for package in _parse(path.read_text(), optional=bool(extra)):
            found.setdefault(package.ref, package)
    return tuple(found[ref] for ref in sorted(found))


def bill() -> dict[str, Any]:
    """The bill of materials as JSON.

    Raises
    ------
    LookupError
        If a package's licence is not known.
    """
    listed = packages()
    unknown = [p.name for p in listed if not licence_of(p.name)]
    if unknown:
        raise LookupError(f"state the licence in supply/licences.py of: {', '.join(unknown)}")
    root = f"pkg:generic/{DISTRIBUTION}@{_version()}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": DISTRIBUTION,
                "version": _version(),
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": [_component(package) for package in listed],
        "dependencies": [_needs(root, DISTRIBUTION, listed)]
        + [_needs(package.ref, package.name, listed) for package in listed],
    }


def notice() -> str:
    """The part of NOTICE about packages under other than permissive licences."""
    names: dict[str, list[str]] = {}
    for package in packages():
        licence = licence_of(package.name)
        if _OTHERS.search(licence) and package.name not in names.setdefault(licence, []):
            names[licence].append(package.name)
    lines = [BEGIN, ""]
    for licence, held in sorted(names.items()):
        lines += [f"{licence}:", *(f"    {name}" for name in held)]
    lines += ["", "Within wheels of other licences:"]
    lines += [f"    {name}: {what}" for name, what in sorted(INSIDE.items())]
    return "\n".join([*lines, "", END])


def written() -> tuple[str, str]:
    """What the bill and NOTICE have to say."""
    text = NOTICE.read_text()
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    return json.dumps(bill(), indent=1) + "\n", f"{before}{notice()}{after}"


def _parse(text: str, *, optional: bool) -> Iterator[Package]:
    for entry in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip()):
        wanted = Requirement(entry.partition(" \\\n")[0])
        (only,) = wanted.specifier
        via = entry.rpartition("# via ")[2].split(", ")
        yield Package(
            canonicalize_name(wanted.name),
            only.version,
            tuple(_HASH.findall(entry)),
            tuple(DISTRIBUTION if "(" in one else canonicalize_name(one) for one in via),
            optional,
        )


def _component(package: Package) -> dict[str, Any]:
    inside = INSIDE.get(package.name)
    told = [{"name": "lightbox:inside", "value": inside}] if inside else []
    return {
        "type": "library",
        "bom-ref": package.ref,
        "name": package.name,
        "version": package.release,
        "scope": "optional" if package.optional else "required",
        "hashes": [{"alg": "SHA-256", "content": one} for one in package.hashes],
        "licenses": _licences(licence_of(package.name)),
        "purl": package.ref,
        **({"properties": told} if told else {}),
    }


def _licences(licence: str) -> list[dict[str, Any]]:
    if licence == "NOASSERTION":
        return [{"license": {"name": "not stated by its maker"}}]
    return [{"expression": licence}]


def _needs(ref: str, name: str, listed: tuple[Package, ...]) -> dict[str, Any]:
    return {"ref": ref, "dependsOn": [p.ref for p in listed if name in p.needed_by]}


def _version() -> str:
    import tomllib

    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def main() -> int:
    """Write both; one sentence and exit 2 where a licence is missing."""
    try:
        for path, text in zip((BILL, NOTICE), written(), strict=True):
            path.write_text(text)
    except LookupError as exc:
        print(exc.args[0], file=sys.stderr)
        return 2
    print(f"{len(packages())} packages; {len(requirements()[''])} of them asked for by Lightbox.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
