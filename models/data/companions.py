"""Films of other hospitals: those a task may learn from besides its own, and those that judge it.

A network that has seen one ward only takes that ward's film for the lung's normal look. Companions
show others. They teach no class beside "none" and the leading finding, and nothing is measured on
them. An `Elsewhere` is the opposite: nothing is learned from it, and it says what a network is
worth in another hospital.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.data.dataset import Film, ManifestColumns, read_manifest, select
from models.immutable import lists_to_tuples
from models.rules.findings import split_label


@dataclass(frozen=True, slots=True)
class Companion:
    """One set of further films: a ``[[companions]]`` table of a task file.

    Attributes
    ----------
    manifest, images : str
        Relative to the folder of the data.
    normal : tuple of str
        Labels of films without the disease.
    abnormal : tuple of str
        Labels of films that show the leading finding, of whatever class.
    columns : ManifestColumns
    """

    manifest: str
    images: str
    normal: tuple[str, ...]
    abnormal: tuple[str, ...] = ()
    columns: ManifestColumns = field(default_factory=ManifestColumns)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Companion:
        """Read a task file's table."""
        columns = ManifestColumns.from_dict(values.get("columns", {}))
        rest = {name: value for name, value in values.items() if name != "columns"}
        return cls(**lists_to_tuples(rest), columns=columns)

    def films(self, data: Path) -> tuple[Film, ...]:
        """The training films of the set."""
        every = read_manifest(data / self.manifest, data / self.images, columns=self.columns)
        return select(every, "train")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A hospital none of whose films is learned from: an ``[[elsewhere]]`` table of a task file.

    Attributes
    ----------
    name : str
        As it stands on the model page.
    manifest, images : str
        Relative to the folder of the data.
    columns : ManifestColumns
    chooses : bool
        Its films may choose between epochs and networks; then they judge nothing any more.
    wanted : tuple of float
        Least AUC, and least lower end of its 95 % interval, without which the model counts as
        exploratory (`models.rules.baseline_rule`).
    regions : str
        Folder of masks of the anatomy that matters, relative likewise: to measure maps with.
    """

    name: str
    manifest: str
    images: str
    columns: ManifestColumns = field(default_factory=ManifestColumns)
    chooses: bool = False
    wanted: tuple[float, float] = (0.0, 0.0)
    regions: str = ""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Elsewhere:
        """Read a task file's or a card's table."""
        columns = ManifestColumns.from_dict(values.get("columns", {}))
        rest = {name: value for name, value in values.items() if name != "columns"}
        return cls(**lists_to_tuples(rest), columns=columns)

    def films(
        self, data: Path, classes: Sequence[str], *, multi_label: bool = False
    ) -> tuple[Film, ...]:
        """All its films of a task's classes, of whatever split."""
        every = read_manifest(
            data / self.manifest,
            data / self.images,
            columns=self.columns,
            regions=data / self.regions if self.regions else None,
        )
        if multi_label:
            return tuple(film for film in every if set(split_label(film.label)) <= set(classes))
        return tuple(film for film in every if film.label in classes)


def normal_and_abnormal(
    companions: Sequence[Companion], data: Path
) -> tuple[tuple[Film, ...], tuple[Film, ...]]:
    """Training films of all sets: those without the disease, and those with it."""
    normal: list[Film] = []
    abnormal: list[Film] = []
    for companion in companions:
        for film in companion.films(data):
            if film.label in companion.normal:
                normal.append(film)
            elif film.label in companion.abnormal:
                abnormal.append(film)
    return tuple(normal), tuple(abnormal)
