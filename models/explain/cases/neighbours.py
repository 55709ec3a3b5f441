"""Nearest neighbours among vectors: all of them looked at while few, a share of them when many.

A library for this is not worth its weight here: one matrix product over a hundred thousand cases
takes a few milliseconds, and a site that outgrows that is served by the cells below.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 100_000  # cases; the product takes about as long as one answer of the network
_ROUNDS = 4  # of Lloyd's algorithm: the cells need not be the best, only even
_PROBED = 0.12  # share of the cells that is looked at; finds 0.99 of the 20 nearest training films

Vectors = NDArray[np.float32]
Found = tuple[NDArray[np.int64], NDArray[np.float32]]


class Index(Protocol):
    """Finds the vectors nearest to one."""

    def nearest(self, query: Vectors, count: int) -> Found:
        """Positions and Euclidean distances of the `count` nearest, the nearest first.

        Parameters
        ----------
        query : numpy.ndarray
            (dimensions,), float32.
        count : int
            At least 1; fewer are found where there are fewer.
        """


class ExactIndex:
    """Looks at every vector (cases, dimensions): one matrix product."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = np.ascontiguousarray(vectors, np.float32)
        self._squares = (self._vectors**2).sum(1)

    def nearest(self, query: Vectors, count: int) -> Found:
        """See `Index.nearest`."""
        squares = self._squares - 2 * (self._vectors @ query) + query @ query
        return _smallest(squares, count)


class CellIndex:
    """Looks at the cells around a vector only (inverted file: Jegou et al., TPAMI 2011, 3.2).

    The vectors are dealt to about sqrt(cases) cells by a few rounds of k-means; a search reads
    the nearest of them only. It may miss a neighbour across a border; a test measures how often.
    """

    def __init__(self, vectors: Vectors, *, seed: int = 0) -> None:
        vectors = np.ascontiguousarray(vectors, np.float32)
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(vectors), max(1, int(len(vectors) ** 0.5)), replace=False)
        centres = vectors[chosen]
        for _round in range(_ROUNDS):
            cells = _nearest_centre(vectors, centres)
            for cell in np.unique(cells):
                centres[cell] = vectors[cells == cell].mean(0)
        cells = _nearest_centre(vectors, centres)
        order = np.argsort(cells, kind="stable")
        self._order, self._vectors = order, vectors[order]
        self._starts = np.searchsorted(cells[order], np.arange(len(centres) + 1))
        self._centres = ExactIndex(centres)
        self._probed = max(1, round(_PROBED * len(centres)))

    def nearest(self, query: Vectors, count: int) -> Found:
        """See `Index.nearest`."""
        cells, _distances = self._centres.nearest(query, self._probed)
        rows = np.concatenate([np.arange(self._starts[c], self._starts[c + 1]) for c in cells])
        squares = ((self._vectors[rows] - query) ** 2).sum(1)
        positions, distances = _smallest(squares, count)
        return self._order[rows[positions]], distances


def make_index(vectors: Vectors) -> Index:
    """The index for so many vectors (cases, dimensions); one at least."""
    return ExactIndex(vectors) if len(vectors) <= EXACT_UP_TO else CellIndex(vectors)


def _nearest_centre(vectors: Vectors, centres: Vectors) -> NDArray[np.int64]:
    """Cell of every vector, (cases,); in parts, so that memory stays small."""
    squares = (centres**2).sum(1)
    parts = np.array_split(vectors, 1 + len(vectors) // 8192)
    return np.concatenate([(squares - 2 * (part @ centres.T)).argmin(1) for part in parts])


def _smallest(squares: NDArray[np.float32], count: int) -> Found:
    """Positions of the smallest squared distances in order, and the distances themselves."""
    count = min(count, len(squares))
    few = np.argpartition(squares, count - 1)[:count]
    few = few[np.argsort(squares[few], kind="stable")]
    return few, np.sqrt(np.maximum(squares[few], 0)).astype(np.float32)
