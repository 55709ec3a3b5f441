"""Near copies are found under shift and mirror; strangers are not."""

import torch
from torch.nn import functional as F

from models.synthesis.near_copy import (
    MEASURES,
    Similarity,
    gaussian_blur,
    near_copies,
    real_neighbours,
)


def made_up_films(count: int, seed: int = 0) -> torch.Tensor:
    """Smooth random pictures, (count, 1, 192, 192), each different."""
    noise = torch.randn(count, 1, 24, 24, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, (192, 192), mode="bicubic")


def test_film_itself_correlates_fully() -> None:
    films = made_up_films(6)
    found = Similarity.of(films, films).best(films[:2])
    torch.testing.assert_close(found, torch.ones(2, len(MEASURES)))


def test_shifted_and_mirrored_copy_is_found() -> None:
    films = made_up_films(6)
    copy = films[:1].flip(-1).roll((6, -6), dims=(-2, -1))  # two pixels of the 64
    assert Similarity.of(films, films).best(copy).min() > 0.99


def test_stranger_stays_below_copy() -> None:
    films = made_up_films(6)
    stranger = made_up_films(1, seed=1)
    assert Similarity.of(films, films).best(stranger).max() < 0.7


def test_skipped_pairs_do_not_count() -> None:
    films = made_up_films(6)
    found = Similarity.of(films, films).best(films, torch.eye(6, dtype=torch.bool))
    assert found.max() < 0.7


def test_real_neighbours_leave_out_own_patient_and_identical_files() -> None:
    films = made_up_films(6)
    films[1], films[3] = films[0], films[2]
    similarity = Similarity.of(films, films)
    patients = ["a", "a", "b", "c", "d", "e"]  # 2 and 3: one file under two patients
    real = real_neighbours(similarity, patients, count=6, generator=torch.Generator())
    assert real.max() < 0.7


def test_one_measure_over_the_limit_is_enough() -> None:
    real = torch.linspace(0, 0.9, 100)[:, None].expand(-1, 3)
    found = torch.tensor([[0.5, 0.5, 0.5], [0.5, 0.5, 0.95]])
    assert near_copies(found, real, 99.0).tolist() == [False, True]


def test_blur_keeps_a_flat_film() -> None:
    flat = torch.full((1, 1, 20, 30), 0.25)
    torch.testing.assert_close(gaussian_blur(flat, 2.0), flat)
