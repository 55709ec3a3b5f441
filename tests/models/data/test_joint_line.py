"""The joint line is found where it was painted; whole films are composed of crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.data.dataset import Film
from models.data.joint_line import joint_band, joint_line
from models.data.whole_films import PAIR, SHIFTED, SMALL, compose_whole
from models.evaluation.evaluate_joint import EVEN, EVIDENCE, Seen, rows_of


def painted_knee(*, line: float, slope: float = 0.0, side: int = 160) -> NDArray[np.float32]:
    """Two bones with bright plates, a dark gap at `line` of the height, a darker stripe below."""
    rng = np.random.default_rng(3)
    rows, columns = np.indices((side, side)) / side
    off = rows - line - slope * (columns - 0.5)
    picture = np.where((columns > 0.1) & (columns < 0.9), 0.55, 0.1)
    picture = np.where(abs(off) < 0.06, 0.85, picture)
    picture = np.where(abs(off) < 0.018, 0.35, picture)
    picture = np.where(abs(off - 0.22) < 0.05, 0.3, picture)  # darker yet, and no joint
    return (picture + rng.normal(0, 0.02, picture.shape)).astype(np.float32)


@pytest.mark.parametrize(("line", "slope"), [(0.45, 0.0), (0.55, 0.08), (0.6, -0.08)])
def test_the_joint_line_is_the_gap_between_two_bright_plates(line: float, slope: float) -> None:
    left, right = joint_line(painted_knee(line=line, slope=slope))
    assert abs(left / 160 - (line - 0.2 * slope)) < 0.02
    assert abs(right / 160 - (line + 0.2 * slope)) < 0.02
    band = joint_band(1000 * painted_knee(line=line, slope=slope) + 5)  # any scale
    assert 0.07 < band.mean() < 0.12 and band[round(line * 160), 80]


def seen(centre: float, band: NDArray[np.bool_], name: str) -> Seen:
    """A map whose evidence is a spot at that share of the height."""
    rows, columns = np.indices(band.shape) / len(band)
    map_ = np.exp(-(((rows - centre) ** 2 + (columns - 0.5) ** 2) / 0.001)).astype(np.float32)
    return Seen(Film(Path(name), "kl3", "1", "test"), map_, band)


def test_evidence_elsewhere_is_not_at_the_joint_line() -> None:
    band = joint_band(painted_knee(line=0.5))
    for centre, most in ((0.5, True), (0.15, False)):
        one, other = seen(centre, band, "a.jpg"), seen(0.85, band, "b.jpg")
        rows = {row.kind: row for row in rows_of(one, [one, other])}
        assert (rows[EVIDENCE].share > 0.8) is most and (rows[EVIDENCE].hit == 1) is most
        assert rows[EVEN].share == pytest.approx(band.mean()) and rows[EVEN].hit < 0.15
        assert rows["mean_map"].share < 0.1  # of the other film alone


@pytest.mark.parametrize("way", [PAIR, SMALL, SHIFTED])
def test_a_whole_film_shows_another_amount_than_a_crop(way: str) -> None:
    film, other = np.zeros((2, 160, 160), np.float32)
    film[70:90] = other[70:90] = 1.0
    for seed in range(8):
        both, one = (
            compose_whole(film, beside, way, np.random.default_rng(seed))
            for beside in (other, 0 * other)
        )
        assert both.shape == film.shape and both.min() >= 0 and both.max() <= 1
        assert (not np.array_equal(both, one)) is (way == PAIR)
        shown = np.argwhere(one > 0.6)
        if way == SHIFTED:  # its middle is far from the frame's
            assert not len(shown) or np.hypot(*(shown.mean(0) - 79.5)) > 0.15 * 160
        else:
            assert len(shown) < 0.5 * film.sum()
