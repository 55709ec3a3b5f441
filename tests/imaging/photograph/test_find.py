"""The film in a photograph: corners are found where they were put, and none where none is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.photograph.find import find_film
from imaging.photograph.straighten import Cut, straighten, whole
from tests.photographs import chest, photograph, slanted

SIZE = (600, 800)
NEAR = 0.006  # of the picture's diagonal: how far a corner may be off, 6 pixels here
grounds = st.one_of(st.floats(185, 255), st.floats(0, 12))  # a light box; a dark room


def off(corners: object, truth: np.ndarray, size: tuple[int, int] = SIZE) -> float:
    """The farthest corner's distance from the truth, in fractions of the diagonal."""
    return float(np.hypot(*(np.asarray(corners) - truth).T).max() / np.hypot(*size))


@settings(max_examples=25, deadline=None)
@given(
    ground=grounds,
    fill=st.floats(0.55, 0.92),
    bend=st.floats(0, 0.06),
    turn=st.floats(-22, 22),
    tint=st.tuples(*[st.floats(0.72, 1.0)] * 3),
    noise=st.floats(0, 6),
    vignette=st.floats(0, 0.5),
    seed=st.integers(0, 10**6),
)
def test_the_corners_are_found_near_where_they_are(
    ground: float,
    fill: float,
    bend: float,
    turn: float,
    tint: tuple[float, float, float],
    noise: float,
    vignette: float,
    seed: int,
) -> None:
    corners = slanted(SIZE, fill=fill, bend=bend, turn=turn, seed=seed)
    film = np.maximum(chest(360, 330, seed), 28)  # black that differs from a dark room's
    shot = photograph(
        film, corners, size=SIZE, ground=ground, tint=tint, noise=noise, vignette=vignette,
        seed=seed,
    )  # fmt: skip
    found = find_film(shot.picture)
    assert found.found
    assert off(found.corners, corners) < NEAR


@settings(max_examples=10, deadline=None)
@given(turn=st.floats(-20, 20), bend=st.floats(0, 0.06), seed=st.integers(0, 10**6))
def test_what_is_cut_out_is_the_film(turn: float, bend: float, seed: int) -> None:
    corners = slanted(SIZE, fill=0.9, bend=bend, turn=turn, seed=seed)
    film = chest(360, 330, seed)
    shot = photograph(film, corners, size=SIZE, vignette=0.1, seed=seed)
    flat = straighten(shot.picture, Cut(find_film(shot.picture).corners))
    rows = (np.arange(film.shape[0]) * flat.shape[0]) // film.shape[0]
    columns = (np.arange(film.shape[1]) * flat.shape[1]) // film.shape[1]
    same = flat[np.ix_(rows, columns)]
    assert np.corrcoef(same.ravel(), film.ravel())[0, 1] > 0.97
    mirrored = np.corrcoef(same[:, ::-1].ravel(), film.ravel())[0, 1]
    assert mirrored < 0.97, "a film that looks like its mirror image shows nothing"


def test_the_film_on_a_light_box_is_chosen_and_not_the_box() -> None:
    box = np.array([(90, 60), (710, 70), (720, 540), (80, 530)], float)
    lit = photograph(np.full((480, 620), 235, np.uint8), box, size=SIZE, ground=15, noise=2)
    corners = np.array([(250, 120), (560, 130), (550, 480), (240, 470)], float)
    shot = photograph(chest(350, 310, 1), corners, size=SIZE, noise=2)
    inside = np.zeros(SIZE, bool)
    inside[110:490, 230:570] = True
    picture = np.where(inside[..., None], shot.picture, lit.picture)
    found = find_film(picture)
    assert found.found and off(found.corners, corners) < NEAR


def test_a_grey_photograph_of_sixteen_bits_is_searched_as_well() -> None:
    corners = slanted(SIZE, fill=0.8, bend=0.03, turn=9, seed=4)
    shot = photograph(chest(360, 330, 4), corners, size=SIZE)
    grey = shot.picture[..., 1].astype(np.uint16) * 200
    assert off(find_film(grey).corners, corners) < NEAR


@pytest.mark.parametrize("kind", ["plain", "noise", "film without an edge", "tiny"])
def test_where_no_film_is_found_the_whole_picture_is_offered(kind: str) -> None:
    picture = {
        "plain": np.full(SIZE, 90, np.uint8),
        "noise": np.random.default_rng(3).integers(0, 255, SIZE).astype(np.uint8),
        "film without an edge": chest(*SIZE, 2)[30:-30, 60:-60],
        "tiny": np.zeros((20, 20), np.uint8),
    }[kind]
    found = find_film(picture)
    assert not found.found and found.corners == whole(picture.shape)
