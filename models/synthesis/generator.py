"""Generative model of chest films: the only source of the example pictures this project ships.

Three steps from coarse to fine, each a rectified flow (Liu et al. 2022, arXiv 2209.03003; Lipman
et al. 2022, arXiv 2210.02747), that is: a network trained to give the velocity that carries noise
to data along straight lines, and integrated from noise to a new sample.

1. `CoarseFlow` draws a point in the whitened principal components (`FilmBasis`) of small films.
2. `DetailFlow` at `DETAIL_SIDE` pixels adds ribs and borders, given the blurred film of step 1.
3. `DetailFlow` at `FILM_SIDE` pixels sharpens, given the film of step 2.

What fits these networks, and the check that no sample repeats a training film, is in
`models.synthesis.synthesize`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LABELS = ("normal", "bacterial", "viral")
NO_LABEL = len(LABELS)  # the class index that stands for "any", used for guidance
COARSE_SIDE, DETAIL_SIDE, FILM_SIDE = 48, 64, 192

Velocity = Callable[[Tensor, Tensor], Tensor]


class FilmBasis(nn.Module):
    """Whitened principal components of small films.

    Parameters
    ----------
    side : int
        Rows and columns of the films.
    rank : int
        Number of components kept.
    """

    mean: Tensor
    axes: Tensor
    scale: Tensor

    def __init__(self, *, side: int = COARSE_SIDE, rank: int = 160) -> None:
        super().__init__()
        self.side = side
        self.register_buffer("mean", torch.zeros(side * side))
        self.register_buffer("axes", torch.zeros(rank, side * side))
        self.register_buffer("scale", torch.ones(rank))

    def fit(self, films: Tensor) -> None:
        """Set the components from at least `rank` films, (count, 1, rows, columns), float32."""
        flat = resize(films, self.side).flatten(1)
        centred = flat - flat.mean(0)
        _, lengths, axes = torch.linalg.svd(centred, full_matrices=False)
        rank = len(self.scale)
        self.mean.copy_(flat.mean(0))
        self.axes.copy_(axes[:rank])
        self.scale.copy_(lengths[:rank] / len(flat) ** 0.5)

    def encode(self, films: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) to (batch, rank), about unit variance."""
        flat = resize(films, self.side).flatten(1)
        return (flat - self.mean) @ self.axes.T / self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Map (batch, rank) to blurred films (batch, 1, side, side)."""
        flat = self.mean + (latents * self.scale) @ self.axes
        return flat.view(-1, 1, self.side, self.side)


class TimeAndLabel(nn.Module):
    """Embed the flow's time in [0, 1] and the class index into one vector per sample."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.labels = nn.Embedding(NO_LABEL + 1, width)
        self.mix = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, time: Tensor, label: Tensor) -> Tensor:
        """Map two (batch,) vectors to (batch, width)."""
        rates = torch.exp(torch.linspace(0, math.log(1000), 32, device=time.device))
        angles = time[:, None] * rates
        waves: Tensor = self.mix(torch.cat([angles.sin(), angles.cos()], dim=1))
        return F.silu(waves + self.labels(label))


class CoarseFlow(nn.Module):
    """Velocity field over the latents of `FilmBasis`: a residual MLP steered by time and class."""

    def __init__(self, *, rank: int = 160, width: int = 640, depth: int = 4) -> None:
        super().__init__()
        self.embed = TimeAndLabel(width)
        self.enter = nn.Linear(rank, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.steer = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))
        self.hidden = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, width), nn.SiLU(), nn.Dropout(0.1), nn.Linear(width, width)
            )
            for _ in range(depth)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, rank))

    def forward(self, latents: Tensor, time: Tensor, label: Tensor) -> Tensor:
        """Map (batch, rank), (batch,), (batch,) to a velocity (batch, rank)."""
        embedded, x = self.embed(time, label), self.enter(latents)
        for norm, steer, hidden in zip(self.norms, self.steer, self.hidden, strict=True):
            gain, offset = steer(embedded).chunk(2, dim=1)
            x = x + hidden(norm(x) * (1 + gain) + offset)
        velocity: Tensor = self.leave(x)
        return velocity


class SteeredBlock(nn.Module):
    """Residual block of two 3x3 convolutions, modulated by the embedded time and class."""

    def __init__(self, in_channels: int, out_channels: int, embedding: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.steer = nn.Linear(embedding, 2 * out_channels)
        self.norm2 = nn.GroupNorm(8, out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Map (batch, in, rows, columns) to (batch, out, rows, columns)."""
        gain, offset = self.steer(embedded)[:, :, None, None].chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h) * (1 + gain) + offset))
        total: Tensor = self.shortcut(x) + h
        return total


class DetailFlow(nn.Module):
    """Velocity field over films, given a blurred film: a U-Net with three levels.

    The picture enters folded (2 x 2 pixels to four channels) beside the folded condition and the
    two coordinates of each position in the film, so that a crop still knows where it lies. Inside,
    the network estimates the clean film, as a change of the condition, and the velocity follows
    from it: so a network trained for minutes errs towards softness rather than towards noise
    (Li and He 2025, arXiv 2511.13720).

    Parameters
    ----------
    widths : tuple of int
        Channels of the three levels, multiples of 8.
    embedding : int
        Length of the embedded time and class.
    """

    def __init__(self, *, widths: tuple[int, int, int] = (64, 96, 128), embedding: int = 128):
        super().__init__()
        a, b, c = widths
        self.embed = TimeAndLabel(embedding)
        self.enter = nn.Conv2d(4 + 4 + 2, a, 3, padding=1)
        self.down1 = SteeredBlock(a, a, embedding)
        self.down2 = SteeredBlock(a, b, embedding)
        self.down3 = SteeredBlock(b, c, embedding)
        self.middle = SteeredBlock(c, c, embedding)
        self.up3 = SteeredBlock(c, b, embedding)
        self.up2 = SteeredBlock(2 * b, b, embedding)
        self.up1 = SteeredBlock(b + a, a, embedding)
        last = nn.Conv2d(a, 4, 3, padding=1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.leave = nn.Sequential(nn.GroupNorm(8, a), nn.SiLU(), last)

    def forward(
        self, films: Tensor, time: Tensor, label: Tensor, condition: Tensor, position: Tensor
    ) -> Tensor:
        """Give the velocity of films.

        Parameters
        ----------
        films, condition : Tensor
            (batch, 1, rows, columns), sides divisible by 8.
        time, label : Tensor
            (batch,).
        position : Tensor
            (batch, 2, rows / 2, columns / 2), see `positions`.

        Returns
        -------
        Tensor
            As `films`.
        """
        e = self.embed(time, label)
        folded = [F.pixel_unshuffle(films, 2), F.pixel_unshuffle(condition, 2), position]
        x1 = self.down1(self.enter(torch.cat(folded, dim=1)), e)
        x2 = self.down2(F.avg_pool2d(x1, 2), e)
        x3 = self.middle(self.down3(F.avg_pool2d(x2, 2), e), e)
        y2 = self.up2(torch.cat([_double(self.up3(x3, e)), x2], dim=1), e)
        y1 = self.up1(torch.cat([_double(y2), x1], dim=1), e)
        clean = condition + F.pixel_shuffle(self.leave(y1), 2)
        return (clean - films) / (1 - time).clamp_min(0.05)[:, None, None, None]


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def positions(rows: int, columns: int) -> Tensor:
    """Give the coordinates of a whole film for `DetailFlow`, (1, 2, rows / 2, columns / 2)."""
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, rows // 2), torch.linspace(-1, 1, columns // 2), indexing="ij"
    )
    return torch.stack([y, x])[None]


def resize(films: Tensor, side: int) -> Tensor:
    """Resample (batch, 1, rows, columns) to a square: area mean downwards, bicubic upwards."""
    if films.shape[-1] > side:
        return F.interpolate(films, (side, side), mode="area")
    if films.shape[-1] < side:
        return F.interpolate(films, (side, side), mode="bicubic", align_corners=False)
    return films


def flow_loss(
    velocity: Velocity, data: Tensor, generator: torch.Generator, *, shift: float = 0.0
) -> Tensor:
    """Give the rectified-flow loss: mean squared error of the velocity on the straight line.

    Parameters
    ----------
    velocity : callable
        (sample, time) to velocity, with class and condition already bound.
    data : Tensor
        Samples, batch first.
    generator : torch.Generator
    shift : float
        Centre of the logit-normal times (Esser et al. 2024, arXiv 2403.03206); above zero trains
        more near the data.

    Returns
    -------
    Tensor
        Scalar.
    """
    noise = torch.randn(data.shape, generator=generator)
    time = torch.sigmoid(shift + torch.randn(len(data), generator=generator))
    t = time.view(-1, *[1] * (data.ndim - 1))
    return F.mse_loss(velocity(noise + t * (data - noise), time), data - noise)


@torch.no_grad()
def integrate(velocity: Velocity, noise: Tensor, *, steps: int) -> Tensor:
    """Carry noise to data over equal steps of time: Heun's method, and Euler's for the last."""
    x, ones, dt = noise, torch.ones(len(noise)), 1 / steps
    for step in range(steps - 1):
        first = velocity(x, ones * (step * dt))
        second = velocity(x + dt * first, ones * ((step + 1) * dt))
        x = x + dt * (first + second) / 2
    return x + dt * velocity(x, ones * (1 - dt))


def guide(
    velocity: Callable[[Tensor, Tensor, Tensor], Tensor], label: Tensor, guidance: float
) -> Velocity:
    """Bind the class, pushed away from "any" (classifier-free guidance, arXiv 2207.12598).

    A `guidance` of 1 is the plain conditional field; larger is more typical of the class.
    """
    anything = torch.full_like(label, NO_LABEL)

    def guided_velocity(x: Tensor, time: Tensor) -> Tensor:
        conditional = velocity(x, time, label)
        if guidance == 1:
            return conditional
        plain = velocity(x, time, anything)
        return plain + guidance * (conditional - plain)

    return guided_velocity


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """Settings by which samples are drawn; part of the provenance of every example."""

    steps: int = 8  # of each flow; 20 at most, see the clamp in `DetailFlow`
    guidance: float = 2.0  # of the coarse flow
    coarse_noise: float = 0.8  # scale of the noise; below 1 is more typical, less varied
    detail_noise: float = 0.6  # below 1 is smoother: detail the networks are unsure of stays away
    fine_noise: float = 0.7


class FilmGenerator(nn.Module):
    """The three steps together.

    Attributes
    ----------
    basis, coarse, detail, fine : torch.nn.Module
        `FilmBasis`, `CoarseFlow` and the two `DetailFlow`.
    """

    def __init__(self, *, rank: int = 160) -> None:
        super().__init__()
        self.basis = FilmBasis(rank=rank)
        self.coarse = CoarseFlow(rank=rank)
        self.detail = DetailFlow()
        self.fine = DetailFlow(widths=(32, 48, 64))

    @torch.no_grad()
    def sample(
        self, label: Tensor, generator: torch.Generator, settings: SampleSettings
    ) -> dict[str, Tensor]:
        """Draw films.

        Parameters
        ----------
        label : Tensor
            (batch,), int64, indices into `LABELS`.
        generator : torch.Generator
        settings : SampleSettings

        Returns
        -------
        dict of str to Tensor
            ``coarse``, ``detail`` and ``film``: (batch, 1, side, side), float32, about [-1, 1].
        """
        rank, steps = len(self.basis.scale), settings.steps
        noise = torch.randn(len(label), rank, generator=generator) * settings.coarse_noise
        field = guide(self.coarse, label, settings.guidance)
        coarse = self.basis.decode(integrate(field, noise, steps=steps))
        noise = torch.randn(len(label), 1, DETAIL_SIDE, DETAIL_SIDE, generator=generator)
        noise = noise * settings.detail_noise
        detail = refine(self.detail, coarse, label, noise, steps=steps)
        noise = torch.randn(len(label), 1, FILM_SIDE, FILM_SIDE, generator=generator)
        film = refine(self.fine, detail, label, noise * settings.fine_noise, steps=steps)
        return {"coarse": coarse, "detail": detail, "film": film}


def refine(
    network: nn.Module, blurred: Tensor, label: Tensor, noise: Tensor, *, steps: int
) -> Tensor:
    """Run one `DetailFlow` over whole films.

    Parameters
    ----------
    network : DetailFlow
    blurred : Tensor
        (batch, 1, rows, columns): what the result shall look like when blurred.
    label : Tensor
        (batch,), int64.
    noise : Tensor
        (batch, 1, side, side): the start; its side is the result's.
    steps : int

    Returns
    -------
    Tensor
        As `noise`.
    """
    side = noise.shape[-1]
    condition = resize(blurred, side)
    position = positions(side, side).expand(len(label), -1, -1, -1)

    def velocity(x: Tensor, time: Tensor) -> Tensor:
        answer: Tensor = network(x, time, label, condition, position)
        return answer

    return integrate(velocity, noise, steps=steps)
