"""Pictures the scope gate learns from: films seen rightly and wrongly, and painted foreign ones.

A wrong view (inverted, turned, sideways, cropped, scrambled) is made from the task's own films;
foreign pictures are painted by chance. No recipe knows a task, so that every task can use them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.data.augment import AugmentSettings, augment
from models.data.stress import STRESS

Picture = NDArray[np.float32]
Painter = Callable[[int, np.random.Generator], Picture]

# What a film may look like and still be read: small changes, and all the harder views of `stress`.
MILD = AugmentSettings(
    degrees=6, scale=0.1, aspect=0.08, shift=0.04, tone=0.2, noise=0.03, erase=0.12, markers=2
)
STRONG = replace(STRESS, frame=0.1)
_SHEETS = 8  # films of a batch that lie on sheets of one size
_ONE_SIDE = 0.45  # of a film's side, that a sheet may be longer than the film at one end


def augment_fitting(films: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Films (batch, rows, columns) in [0, 1] as they may come: augmented, some on a wider sheet."""
    films = augment(films, settings, generator)
    chosen = torch.rand(len(films), generator=generator) < 0.25
    sheets = torch.cat([_put_on_sheet(part, generator) for part in films.split(_SHEETS)])
    return torch.where(chosen[:, None, None], sheets, films)


def _put_on_sheet(films: Tensor, generator: torch.Generator) -> Tensor:
    """Pad with black (now and then white), as a scanner, a large cassette or a viewer does.

    Two opposite sides alike, or one side alone and then more of it: a cassette is filled from one
    end.
    """
    side = films.shape[-1]
    alone = bool(torch.rand(1, generator=generator) < 0.5)
    most = max(2, round(_ONE_SIDE * side) if alone else side // 7)
    first = int(torch.randint(1, most, (1,), generator=generator))
    widths = (first, 0) if alone else (first, first)
    if torch.rand(1, generator=generator) < 0.5:
        widths = (widths[1], widths[0])
    value = float(torch.rand(1, generator=generator) < 0.15)
    pads = (*widths, 0, 0) if torch.rand(1, generator=generator) < 0.5 else (0, 0, *widths)
    padded = F.pad(films[:, None], pads, value=value)
    return F.interpolate(padded, (side, side), mode="bilinear", antialias=True)[:, 0]


def wrong_view(kind: str, films: Tensor, generator: torch.Generator) -> Tensor:
    """Films "inverted" (polarity mistaken), "turned" (upside down) or "sideways"; else unchanged.

    One turned film in three is flipped top to bottom instead.
    """
    chosen = (torch.rand(len(films), generator=generator) < 1 / 3)[:, None, None]
    if kind == "inverted":
        return 1 - films
    if kind == "turned":
        return torch.where(chosen, films.flip(1), films.flip(1, 2))
    if kind == "sideways":
        return torch.where(chosen, films.rot90(1, (1, 2)), films.rot90(-1, (1, 2)))
    return films


def crop_box(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A part of a picture that lacks at least half of it: top, left, height, width in [0, 1]."""
    while True:
        height, width = rng.uniform(0.3, 1.0, 2)
        if height * width <= 0.5 and min(height, width) <= 0.6:
            top, left = rng.uniform(0, 1 - height), rng.uniform(0, 1 - width)
            return float(top), float(left), float(height), float(width)


def cut(picture: NDArray, box: tuple[float, float, float, float]) -> NDArray:
    """The part of (rows, columns) inside `box` (see `crop_box`)."""
    edges = (box[0], box[0] + box[2]), (box[1], box[1] + box[3])
    down, across = (
        slice(int(a * n), int(b * n)) for (a, b), n in zip(edges, picture.shape, strict=True)
    )
    return picture[down, across]


def crop_films(films: Tensor, rng: np.random.Generator) -> Tensor:
    """Parts of films, each stretched to the full square."""
    parts = [torch.from_numpy(cut(film.numpy(), crop_box(rng)).copy()) for film in films]
    return torch.cat([_resize(part, films.shape[-1]) for part in parts])


def _resize(picture: Tensor, side: int) -> Tensor:
    """(rows, columns) -> (1, side, side)."""
    return F.interpolate(picture[None, None], (side, side), mode="bilinear", antialias=True)[0]


def scramble(films: Tensor, rng: np.random.Generator) -> Tensor:
    """Films whose texture is kept and whose anatomy is destroyed: the nearest of foreign pictures.

    Exposure to outliers: Hendrycks et al., ICLR 2019, arXiv 1812.04606.
    """
    ways: tuple[Callable[[Picture, np.random.Generator], Picture], ...] = (
        _shuffle_tiles,
        _randomise_phases,
        _put_on_page,
        _twirl,
        _repeat,
    )
    pictures = [ways[rng.integers(len(ways))](film.numpy(), rng) for film in films]
    return torch.from_numpy(np.stack(pictures)).float().clamp(0, 1)


def _shuffle_tiles(film: Picture, rng: np.random.Generator) -> Picture:
    """Tiles in another order."""
    count = int(rng.integers(2, 6))
    step = film.shape[0] // count
    order = rng.permutation(count * count)
    out = film.copy()
    for place, tile in enumerate(order):
        (r, c), (i, j) = divmod(place, count), divmod(int(tile), count)
        out[r * step : (r + 1) * step, c * step : (c + 1) * step] = film[
            i * step : (i + 1) * step, j * step : (j + 1) * step
        ]
    return out


def _randomise_phases(film: Picture, rng: np.random.Generator) -> Picture:
    """The film's own power spectrum under random phases."""
    noise = np.fft.rfft2(rng.standard_normal(film.shape))
    return unit(
        np.fft.irfft2(np.abs(np.fft.rfft2(film)) * np.exp(1j * np.angle(noise)), film.shape)
    )


def _put_on_page(film: Picture, rng: np.random.Generator) -> Picture:
    """A film as a small figure of a page or a screen shot."""
    side = film.shape[0]
    page = paint_page(side, rng) if rng.random() < 0.6 else np.zeros_like(film)
    small = _resize(torch.from_numpy(film.copy()), int(side * rng.uniform(0.2, 0.5)))[0].numpy()
    top, left = rng.integers(0, side - small.shape[0] + 1, 2)
    page[top : top + small.shape[0], left : left + small.shape[1]] = small
    return page


def _twirl(film: Picture, rng: np.random.Generator) -> Picture:
    """Warped by a strong smooth random field."""
    side = film.shape[0]
    field = torch.from_numpy(rng.normal(0, 0.5, (1, 2, 4, 4)).astype(np.float32))
    shift = F.interpolate(field, (side, side), mode="bicubic", align_corners=True)[0]
    grid = torch.from_numpy(coordinates(side).astype(np.float32)) + shift
    grid = grid.flip(0).permute(1, 2, 0)[None]
    source = torch.from_numpy(film.copy())[None, None]
    return F.grid_sample(source, grid, padding_mode="reflection", align_corners=True)[0, 0].numpy()


def _repeat(film: Picture, rng: np.random.Generator) -> Picture:
    """Several small copies side by side, as on a contact sheet."""
    down, across = ((2, 2), (1, 2), (3, 3), (2, 3), (1, 3))[rng.integers(5)]
    sheet = np.tile(film, (down, across))
    return _resize(torch.from_numpy(sheet), film.shape[0])[0].numpy()


def unit(values: NDArray) -> Picture:
    """Stretch to [0, 1]."""
    low, high = values.min(), values.max()
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32)


def coordinates(side: int) -> NDArray[np.float64]:
    """(2, side, side): row and column, each from -1 to 1."""
    axis = np.linspace(-1, 1, side)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"))


def fractal(side: int, rng: np.random.Generator, *, exponent: float | None = None) -> Picture:
    """Noise of spectrum 1/f^exponent; between 1 and 2 it has the statistics of natural images."""
    slope = rng.uniform(0, 3) if exponent is None else exponent
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    frequency = np.hypot(rows * rng.uniform(0.5, 2), columns)
    frequency[0, 0] = 1 / side
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) * frequency**-slope
    return unit(np.fft.irfft2(spectrum, (side, side)))


def ellipse(side: int, rng: np.random.Generator, *, centre: float, radius: float) -> NDArray:
    """Distance from a random ellipse's centre: (side, side), 1 at its rim."""
    middle, radii = rng.uniform(-centre, centre, (2, 1, 1)), radius * rng.uniform(0.5, 1.0, 2)
    angle, (y, x) = rng.uniform(0, np.pi), coordinates(side) - middle
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.hypot(u / radii[0], v / radii[1])


def paint_noise(side: int, rng: np.random.Generator) -> Picture:
    """Noise from white to cloudy, now and then cut into few levels."""
    field = fractal(side, rng)
    return unit(np.floor(field * rng.integers(2, 7))) if rng.random() < 0.3 else field


def paint_pattern(side: int, rng: np.random.Generator) -> Picture:
    """Ramps, rings, bars, step wedges, checks: test patterns."""
    row, column = coordinates(side)
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    axis = row * np.cos(angle) + column * np.sin(angle)
    axis = np.hypot(row, column) if rng.random() < 0.25 else axis
    wave = axis if rng.random() < 0.3 else np.sin(axis * rng.uniform(2, 30) + rng.uniform(0, 6))
    across = np.sin((column * np.cos(angle) - row * np.sin(angle)) * rng.uniform(2, 30))
    wave = wave * across if rng.random() < 0.3 else wave
    levels = rng.integers(2, 12)
    return unit(np.floor(unit(wave) * levels)) if rng.random() < 0.6 else unit(wave)


def paint_leaves(side: int, rng: np.random.Generator) -> Picture:
    """Shapes that cover each other: the "dead leaves" model of natural images (Lee et al. 2001)."""
    out = fractal(side, rng) * rng.uniform(0, 1)
    smallest = rng.uniform(0.03, 0.3)
    for _ in range(int(rng.integers(3, 30))):
        inside = ellipse(side, rng, centre=1.1, radius=smallest / rng.uniform(0.1, 1)) < 1
        if rng.random() < 0.4:
            row, column = np.abs(coordinates(side) - rng.uniform(-1, 1, (2, 1, 1)))
            inside = (row < rng.uniform(0.05, 0.6)) & (column < rng.uniform(0.05, 0.6))
        texture = fractal(side, rng) if rng.random() < 0.2 else np.float32(0.5)
        out = np.where(inside, rng.random() + rng.uniform(0, 0.6) * (texture - 0.5), out)
    return unit(out)


def paint_page(side: int, rng: np.random.Generator) -> Picture:
    """Lines of text-like runs, with or without a figure, dark on light or light on dark."""
    page = np.ones((side, side), np.float32)
    height, gap = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    margin = int(rng.integers(2, max(3, side // 5)))
    for top in range(margin, side - margin, height + gap):
        end = side - margin if rng.random() < 0.7 else int(rng.integers(margin, side - margin) + 1)
        words = np.repeat(rng.random(side) < rng.uniform(0.5, 0.8), int(rng.integers(1, 5)))
        page[top : top + height, margin:end][:, words[: end - margin]] = rng.uniform(0, 0.4)
    if rng.random() < 0.4:
        (top, left), size = rng.integers(0, side // 2, 2), int(rng.integers(side // 5, side // 2))
        page[top : top + size, left : left + size] = fractal(size, rng)
    return 1 - page if rng.random() < 0.3 else page


def paint_object(side: int, rng: np.random.Generator) -> Picture:
    """Paint a body on black, with a rim and organs: a slice of CT, MR or PET, or a breast."""
    body = ellipse(side, rng, centre=rng.choice([0.15, 1.0]), radius=rng.uniform(0.4, 1.2))
    out = 0.3 + rng.uniform(0, 0.5) * fractal(side, rng, exponent=rng.uniform(1, 2.5))
    for _ in range(int(rng.integers(0, 9))):
        inner = ellipse(side, rng, centre=0.5, radius=rng.uniform(0.05, 0.5)) < 1
        out = np.where(inner, rng.random(), out)
    rim = (body > 1 - rng.uniform(0.02, 0.25)) if rng.random() < 0.7 else np.zeros_like(body, bool)
    out = np.where(rim, rng.uniform(0, 1.3), out)
    outside = rng.uniform(0, 0.15) * rng.random((side, side)) * (rng.random() < 0.5)
    return unit(np.where(body < 1, out, outside))


def paint_tubes(side: int, rng: np.random.Generator) -> Picture:
    """Tapering tubes with a bright rim in soft tissue: bones of a limb, a hand, a foot."""
    row, column = coordinates(side)
    out = rng.uniform(0, 0.3) * fractal(side, rng, exponent=2)
    lean, count = rng.uniform(0, np.pi), int(rng.integers(1, 7))
    for place in np.linspace(-0.7, 0.7, count) if count > 1 else [rng.uniform(-0.3, 0.3)]:
        angle = lean + rng.normal(0, 0.15)
        along = row * np.cos(angle) + column * np.sin(angle)
        off = np.abs(column * np.cos(angle) - row * np.sin(angle) - place)
        wide = rng.uniform(0.05, 0.25) * (1 + rng.uniform(0, 0.8) * along**2)
        reach = np.abs(along - rng.uniform(-0.3, 0.3)) < rng.uniform(0.4, 1.6)
        flesh = np.exp(-((off / (wide * rng.uniform(1.5, 3))) ** 4)) * rng.uniform(0.2, 0.5)
        bone = np.exp(-(((off / wide - 0.8) / 0.3) ** 2)) + 0.6 * (off < wide)
        out = np.maximum(out, flesh + reach * bone * rng.uniform(0.3, 0.7))
    return unit(out + rng.uniform(0, 0.1) * fractal(side, rng))


def paint_sector(side: int, rng: np.random.Generator) -> Picture:
    """A fan of speckle on black: ultrasound."""
    row, column = coordinates(side)
    depth, angle = np.hypot(row + 1.1, column), np.arctan2(column, row + 1.1)
    inside = (depth > rng.uniform(0, 0.5)) & (depth < rng.uniform(1.2, 2.2))
    inside &= np.abs(angle) < rng.uniform(0.3, 1.2)
    speckle = rng.random((side, side)) * fractal(side, rng, exponent=rng.uniform(0.5, 1.8))
    return unit(np.where(inside, speckle ** rng.uniform(0.5, 2), 0))


PAINTERS: tuple[Painter, ...] = (
    paint_noise,
    paint_pattern,
    paint_leaves,
    paint_page,
    paint_object,
    paint_tubes,
    paint_sector,
)


def paint(count: int, *, side: int, seed: int) -> NDArray[np.uint8]:
    """Paint each recipe in turn, in any pose and polarity: (count, side, side), uint8.

    They stand for every kind of picture that no folder of outliers holds.
    """
    rng = np.random.default_rng(seed)
    out = np.empty((count, side, side), np.uint8)
    for i in range(count):
        picture = np.rot90(PAINTERS[i % len(PAINTERS)](side, rng), int(rng.integers(4)))
        out[i] = np.rint(255 * (1 - picture if rng.random() < 0.3 else picture))
    return out
