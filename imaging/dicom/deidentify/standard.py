"""Which attributes an object may have, and which it needs: the IODs and modules of PS3.3.

The tables are those that highdicom (MIT) carries; nothing of a file's own is asked here.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

_PIXELS = frozenset(
    (
        *("image-pixel", "floating-point-image-pixel", "double-floating-point-image-pixel"),
        "palette-color-lookup-table",
    )
)
# What any picture may say of how it is shown and where it lies, whatever its IOD (PS3.3 C.7.6, ...)
_SHOWING = (
    *_PIXELS, "general-image", "image-plane", "multi-frame", "cine", "frame-pointers",
    "modality-lut", "voi-lut", "softcopy-presentation-lut", "display-shutter", "ct-image",
    "dx-image", "dx-positioning", "dx-anatomy-imaged", "cr-series", "cr-image", "icc-profile",
    "nm-image-pixel", "nm-multi-frame", "pet-image", "sc-image", "us-region-calibration",
    "frame-of-reference", "general-series", "general-study", "patient", "sop-common",
    "general-equipment", "x-ray-acquisition-dose", "dx-detector",
    "multi-frame-functional-groups",
)  # fmt: skip
_ORDER = ("1", "1C", "2", "2C", "3")
_STAND_IN = "secondary-capture-image"  # for classes that the standard does not define
_RECURSIVE = "ContentSequence"
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Iod:
    """An information object definition.

    Attributes
    ----------
    name : str
        As PS3.3 A has it, in lower case; "" for an object that it does not define.
    types : Mapping
        (sequences around it, keyword) -> "1", "1C", "2", "2C" or "3" (PS3.5 7.4).
    is_picture : bool
        True when its objects hold pixels.
    """

    name: str
    types: Mapping[tuple[Path, str], str]
    is_picture: bool

    def type_of(self, path: Path, keyword: str) -> str:
        """The type of an attribute within sequences; "" when the object does not have it."""
        return self.types.get((_flatten(path), keyword), "")


def iod_of(sop_class_uid: str) -> Iod:
    """The definition of a class of objects.

    Parameters
    ----------
    sop_class_uid : str
        PS3.4 B.5. An object of another class, private or retired, may have what any picture has,
        and needs what a secondary capture does.
    """
    return _build(_load("sop_class_iod_map").get(sop_class_uid, ""))


@cache
def _build(name: str) -> Iod:
    modules = _modules(name or _STAND_IN)
    is_picture = bool(_PIXELS.intersection(modules))
    others = _SHOWING if is_picture else ()
    if not name:
        others = tuple(
            module
            for iod in _load("iod_module_map")
            if _PIXELS.intersection(_modules(iod))
            for module in _modules(iod)
        )
    types: dict[tuple[Path, str], str] = {}
    for module in dict.fromkeys((*modules, *others)):
        own = module in modules
        for attribute in _load("module_attribute_map").get(module, ()):
            key = (_flatten(tuple(attribute["path"])), attribute["keyword"])
            kind = attribute["type"] if own and attribute["type"] in _ORDER else "3"
            types[key] = min(kind, types.get(key, "3"), key=_ORDER.index)
    return Iod(name, types, is_picture)


def _modules(iod: str) -> list[str]:
    return [part["key"] for part in _load("iod_module_map").get(iod, ())]


def _flatten(path: Path) -> Path:
    """A tree of content (PS3.3 C.17.3) has one kind of node, however deep it goes."""
    return tuple(
        part for at, part in enumerate(path) if part != _RECURSIVE or part not in path[:at]
    )


@cache
def _load(name: str) -> dict[str, Any]:
    data = pkgutil.get_data("highdicom", f"_standard/{name}.json")
    assert data is not None, name
    tables: dict[str, Any] = json.loads(data)
    return tables
