"""Does a map point at the disease? Measured where somebody else has marked the disease.

Everything is over the whole film, the part the networks never looked at included: a map that is
right within a wrong frame is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Map = NDArray[np.floating]

_ONE_SIDED = 0.97  # share of the marked area on one side of the picture's middle


@dataclass(frozen=True, slots=True)
class Pointing:
    """How a map lies to the marked disease of its film.

    Attributes
    ----------
    hit : bool
        The strongest positive evidence lies on the marked disease: the pointing game (Zhang et
        al., IJCV 2018, arXiv 1608.00507), the "hit rate" of Saporta et al., Nat. Mach. Intell.
        2022.
    density : float
        Positive evidence per area inside the marks over that of the whole film: 1 for a map that
        is the same everywhere, not negative.
    side : str
        "left" or "right" of the picture where the disease is on that side alone, else "".
    right_side : bool or None
        Whether more than half of the positive evidence lies on that side; None without a side.
    """

    hit: bool
    density: float
    side: str
    right_side: bool | None


def point(map_: Map, marked: Mask, *, middle: float = 0.5) -> Pointing:
    """Measure one map.

    Parameters
    ----------
    map_ : numpy.ndarray
        (rows, columns), signed, over the whole film; only positive evidence counts.
    marked : numpy.ndarray
        (rows, columns), bool, the disease, on the same grid; some of it is True.
    middle : float
        Column between the two sides, as a share of the columns.

    Raises
    ------
    ValueError
        If the shapes differ or nothing is marked.
    """
    if map_.shape != marked.shape or not marked.any():
        raise ValueError("map and marks must share one grid, and something must be marked")
    positive = np.clip(map_, 0, None).astype(np.float64)
    total, column = float(positive.sum()), round(middle * map_.shape[1])
    side = side_of(marked, column)
    if total <= 0:
        return Pointing(False, 0.0, side, False if side else None)
    share = float(positive[marked].sum()) / total
    on_left = float(positive[:, :column].sum()) > total / 2
    return Pointing(
        hit=bool(marked.flat[int(positive.argmax())]),
        density=share / float(marked.mean()),
        side=side,
        right_side=(on_left == (side == "left")) if side else None,
    )


def side_of(marked: Mask, column: int) -> str:
    """The side of the picture that the disease is on alone: "left", "right" or ""."""
    on_left = float(marked[:, :column].sum()) / float(marked.sum())
    return "left" if on_left > _ONE_SIDED else "right" if on_left < 1 - _ONE_SIDED else ""


def mirror_correlation(map_: Map, of_mirrored: Map) -> float:
    """Pearson correlation of a map with that of the mirrored film, mirrored back.

    Both (rows, columns), over the whole film. In [-1, 1]; 0 where one of them is constant.
    """
    first, second = map_.ravel(), of_mirrored[:, ::-1].ravel()
    if first.std() < 1e-12 or second.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
