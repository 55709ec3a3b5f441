"""Whole films composed of crops: what a network that learned from crops must not take for one.

A task whose films were cut out by hand (one joint each) has no whole films to show its gate. These
stand for them: two crops in one frame as two legs, one crop small in a large frame, one shifted
half out of it. Real whole films look otherwise in detail; what they share with these is how much
they show.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

Picture = NDArray[np.float32]

PAIR, SMALL, SHIFTED = "pair", "small", "shifted"
WAYS = (PAIR, SMALL, SHIFTED)
_FADE = 0.12  # of a leg's width, over which it fades into the frame


def compose_films(films: Tensor, rng: np.random.Generator) -> Tensor:
    """A whole film of each crop (crops, side, side) in [0, 1], in a way drawn by lot."""
    others = films.roll(1, 0)
    pictures = [
        compose_whole(film.numpy(), other.numpy(), WAYS[rng.integers(len(WAYS))], rng)
        for film, other in zip(films, others, strict=True)
    ]
    return torch.from_numpy(np.stack(pictures))


def compose_whole(film: Picture, other: Picture, way: str, rng: np.random.Generator) -> Picture:
    """A whole film, as large as the crop it is made of.

    Parameters
    ----------
    film, other : numpy.ndarray
        (rows, columns) each, float32 in [0, 1]: crops of two joints.
    way : str
        One of `WAYS`; `other` is in a pair only.

    Returns
    -------
    numpy.ndarray
        The shape of `film`, float32 in [0, 1].
    """
    frame = np.full(film.shape, rng.uniform(0, 0.12), np.float32)
    if way == PAIR:
        tall, wide = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.48)
        down = rng.uniform(0.1, 0.9) * (1 - tall)
        apart = rng.uniform(0, 1 - 2 * wide) / 2
        goes_on = rng.random() < 0.75
        tilt = rng.uniform(-0.05, 0.05)
        for crop, left in ((film, apart), (other[:, ::-1], 1 - apart - wide)):
            lower = min(max(down + tilt * (crop is not film), 0), 1 - tall)
            _lay(frame, crop, (lower, left, tall, wide), goes_on=goes_on)
    elif way == SMALL:
        tall, wide = rng.uniform(0.25, 0.58, 2)
        place = rng.uniform(0.1, 0.9, 2) * (1 - tall, 1 - wide)
        _lay(frame, film, (place[0], place[1], tall, wide), goes_on=rng.random() < 0.75)
    else:
        tall, wide = rng.uniform(0.75, 1.0, 2)
        far = rng.uniform(0.4, 0.62) * rng.choice([-1, 1])
        along = (far, rng.uniform(-0.1, 0.1))
        off = along if rng.random() < 0.5 else along[::-1]
        box = ((1 - tall) / 2 + off[0], (1 - wide) / 2 + off[1], tall, wide)
        _lay(frame, film, box, goes_on=rng.random() < 0.5)
    return frame.clip(0, 1)


def _lay(
    frame: Picture, crop: Picture, box: tuple[float, float, float, float], *, goes_on: bool
) -> None:
    """Put a crop into a frame, in place: top, left, height and width in shares of it.

    With `goes_on` the leg goes on above and below, as its first and last rows do.
    """
    rows, columns = frame.shape
    tall, wide = max(4, round(box[2] * rows)), max(4, round(box[3] * columns))
    small = F.interpolate(
        torch.from_numpy(np.ascontiguousarray(crop))[None, None],
        (tall, wide),
        mode="bilinear",
        antialias=True,
    )[0, 0].numpy()
    top, left = round(box[0] * rows), round(box[1] * columns)
    if goes_on:
        above, below = max(0, top), max(0, rows - top - tall)
        edge = max(1, tall // 20)
        first, last = small[:edge].mean(0), small[-edge:].mean(0)
        small = np.concatenate([np.tile(first, (above, 1)), small, np.tile(last, (below, 1))])
        top -= above
        ramp = np.minimum(np.arange(wide) + 0.5, wide - np.arange(wide) - 0.5)
        small = small * np.clip(ramp / (_FADE * wide), 0, 1).astype(np.float32)
    rows_in = slice(max(0, top), min(rows, top + len(small)))
    columns_in = slice(max(0, left), min(columns, left + wide))
    part = small[
        rows_in.start - top : rows_in.stop - top, columns_in.start - left : columns_in.stop - left
    ]
    frame[rows_in, columns_in] = np.maximum(frame[rows_in, columns_in], part)
