"""Fit the film generator, draw the example films, and prove that none repeats a training film.

    python -m models.synthesis.synthesize --manifest $LIGHTBOX_DATA/kermany_cxr/manifest.csv \
        --images $LIGHTBOX_DATA/kermany_cxr/images --masks $LIGHTBOX_DATA/kermany_cxr/lung_masks \
        --out examples --seed 0
    python -m models.synthesis.synthesize ... --sheet runs/synthesis/sheet.png

Only the train and val splits are read. The fitted networks and how far each has come stay in
``--work`` (never in the repository): a stopped run goes on from there, a finished one only draws.
About an hour on one CPU core. Which candidates are shown is a choice made by eye
(`SynthesisSettings.picks`); the near-copy rule then decides alone whether they may ship.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from imaging.errors import ModelError
from models.data.dataset import Film, load_luminance, read_manifest
from models.synthesis.generator import (
    DETAIL_SIDE,
    FILM_SIDE,
    LABELS,
    NO_LABEL,
    FilmGenerator,
    SampleSettings,
    flow_loss,
    positions,
    resize,
)
from models.synthesis.near_copy import (
    CHECK_SIDE,
    MEASURES,
    Similarity,
    gaussian_blur,
    near_copies,
    real_neighbours,
)

SOURCE_SIDE = 224  # the open films come squashed to this
MAX_OVERHANG = 16  # pixels a usable film's frame may reach beyond it


@dataclass(frozen=True, slots=True)
class SynthesisSettings:
    """Every knob of a run."""

    seed: int = 0
    rank: int = 160  # principal components kept
    coarse_steps: int = 1800
    detail_steps: int = 1300
    fine_steps: int = 400
    coarse_batch: int = 256
    detail_batch: int = 24
    fine_batch: int = 12
    learning_rate: float = 5e-4
    warmup: int = 200
    average: float = 0.998  # decay of the weight average that is sampled from
    drop_label: float = 0.1  # share of samples trained without their class
    latent_noise: float = 0.4  # most noise on the whitened condition of the detail network
    pixel_noise: float = 0.12  # most noise on the condition of the fine network
    crop: int = 96  # side of the fine network's training crops
    percentile: float = 99.0  # of real nearest neighbours: the near-copy limit
    references: int = 400  # real films that set this limit
    sample: SampleSettings = field(default_factory=SampleSettings)
    picks: tuple[tuple[str, int], ...] = (
        ("normal", 10),
        ("normal", 27),
        ("normal", 31),
        ("normal", 46),
        ("bacterial", 6),
        ("bacterial", 13),
        ("viral", 4),
        ("viral", 15),
    )  # (class, noise seed)


@dataclass(frozen=True, slots=True)
class Library:
    """The films to learn from and to compare with.

    Attributes
    ----------
    aligned : Tensor
        (films, 1, 192, 192), float16 in about [-1, 1]: the frame around the lungs.
    usable : Tensor
        (films,), bool: the frame lies (almost) inside the film, so it is fit to learn from.
    whole : Tensor
        (films, 1, 64, 64), float32: the film as it is.
    label : Tensor
        (films,), int64, index into `LABELS`.
    patient : tuple of str
    """

    aligned: Tensor
    usable: Tensor
    whole: Tensor
    label: Tensor
    patient: tuple[str, ...]


# --- films -------------------------------------------------------------------------------------


def read_library(films: Sequence[Film], masks: Path) -> Library:
    """Read films and their lung masks; a film without a mask is kept whole and not learned from."""
    pixels = torch.from_numpy(load_luminance(films, size=SOURCE_SIDE))
    masked = [(masks / f.path.name).with_suffix(".png") for f in films]
    aligned = torch.empty(len(films), 1, FILM_SIDE, FILM_SIDE, dtype=torch.float16)
    usable = torch.zeros(len(films), dtype=torch.bool)
    for i, path in enumerate(masked):
        box = (0.0, float(SOURCE_SIDE), 0.0, float(SOURCE_SIDE))
        if path.exists():
            stand_in = Film(path, films[i].label, films[i].patient, films[i].split)
            box = lung_frame(load_luminance([stand_in], size=SOURCE_SIDE)[0] > 127)
            left, right, top, bottom = box
            reach = max(-left, right - SOURCE_SIDE, -top, bottom - SOURCE_SIDE)
            usable[i] = reach <= MAX_OVERHANG
        aligned[i] = normalise(cut(pixels[i].float(), box)).half()
    return Library(
        aligned,
        usable,
        resize(pixels[:, None].float(), CHECK_SIDE),
        torch.tensor([LABELS.index(f.label) for f in films]),
        tuple(f.patient for f in films),
    )


def lung_frame(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Give the frame around the lungs: left, right, top, bottom in pixels of the mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    left, right, top, bottom = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    width, height = right - left, bottom - top
    return (
        float(left - 0.13 * width),
        float(right + 0.13 * width),
        float(top - 0.13 * height),
        float(bottom + 0.08 * height),
    )


def cut(film: Tensor, box: tuple[float, float, float, float]) -> Tensor:
    """Resample a frame of a film, (rows, columns), to (1, 192, 192); outside repeats the edge."""
    rows, columns = film.shape
    left, right, top, bottom = box
    affine = torch.tensor(
        [
            [(right - left) / columns, 0, (left + right) / columns - 1],
            [0, (bottom - top) / rows, (top + bottom) / rows - 1],
        ]
    )
    grid = F.affine_grid(affine[None], [1, 1, FILM_SIDE, FILM_SIDE], align_corners=False)
    return F.grid_sample(
        film[None, None], grid, mode="bicubic", padding_mode="border", align_corners=False
    )[0]


def normalise(film: Tensor) -> Tensor:
    """Stretch the 1st to 99th percentile of a film to [-1, 1], clipped a little beyond."""
    low, high = torch.quantile(film.flatten()[::4], torch.tensor([0.01, 0.99]))
    return ((film - low) / (high - low).clamp_min(20) * 2 - 1).clamp(-1.1, 1.1)


def jitter(films: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale and shift films a little, so that no pose is learned by heart."""

    def spread(width: float) -> Tensor:
        return (torch.rand(len(films), generator=generator) * 2 - 1) * width

    angle, x, y = spread(0.06), spread(0.05), spread(0.05)
    wide, high = 1 + spread(0.06), 1 + spread(0.06)
    first = torch.stack([wide * angle.cos(), -wide * angle.sin(), x], 1)
    second = torch.stack([high * angle.sin(), high * angle.cos(), y], 1)
    grid = F.affine_grid(torch.stack([first, second], 1), list(films.shape), align_corners=False)
    return F.grid_sample(films, grid, padding_mode="border", align_corners=False)


# --- fitting -----------------------------------------------------------------------------------


class Fit:
    """Fit the three networks, each in the same loop, on the usable films of a library.

    Parameters
    ----------
    library : Library
    settings : SynthesisSettings
    work : Path
        Folder of the fitted networks.
    """

    def __init__(self, library: Library, settings: SynthesisSettings, work: Path) -> None:
        self.settings, self.work = settings, work
        self.films = library.aligned[library.usable]
        self.label = library.label[library.usable]
        torch.manual_seed(settings.seed)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.model = FilmGenerator(rank=settings.rank)
        self.latents = self.latent_label = torch.empty(0)

    def run(self) -> FilmGenerator:
        """Fit whatever is not fitted yet and return the averaged networks, ready to sample."""
        s, model = self.settings, self.model
        self._fit_basis()
        self._train("coarse", model.coarse, s.coarse_steps, self.coarse_loss)
        for name, network in (("detail", model.detail), ("fine", model.fine)):
            network.to(memory_format=torch.channels_last)
            steps, loss = getattr(s, f"{name}_steps"), getattr(self, f"{name}_loss")
            self._train(name, network, steps, loss)
        return model.eval()

    def _fit_basis(self) -> None:
        """Fit the components, or take those the stored networks were fitted with."""
        path, basis = self.work / "basis.pt", self.model.basis
        if path.exists():
            basis.load_state_dict(torch.load(path, weights_only=True))
        else:
            basis.fit(self.films.float())
            _save(basis.state_dict(), path)

    def _train(
        self, name: str, network: nn.Module, steps: int, loss_of: Callable[[nn.Module], Tensor]
    ) -> None:
        """Train one network up to `steps` and leave the average of its weights in it."""
        s, path, start = self.settings, self.work / f"{name}.pt", 0
        if path.exists():
            state = torch.load(path, weights_only=True)
            start = state["step"]
            network.load_state_dict(state["weights"])
        average = copy.deepcopy(network)
        optimizer = torch.optim.AdamW(network.parameters(), lr=s.learning_rate, betas=(0.9, 0.99))
        bar = tqdm(range(start + 1, steps + 1), desc=name, mininterval=10)
        for step in bar:
            for group in optimizer.param_groups:
                group["lr"] = s.learning_rate * min(1.0, step / s.warmup)
            loss = loss_of(network)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            _blend(average, network, min(s.average, step / (step + 20)))
            if step % 100 == 0 or step == steps:
                bar.set_postfix(loss=f"{float(loss.detach()):.3f}")
                _save({"step": step, "weights": average.state_dict()}, path)
        network.load_state_dict(average.state_dict())

    def _encode_all(self) -> None:
        """Encode the films as they are and five times jittered."""
        encode, chunks = self.model.basis.encode, self.films.split(500)
        latents = [encode(c.float()) for c in chunks]
        for _ in range(5):
            latents += [encode(jitter(c.float(), self.generator)) for c in chunks]
        self.latents = torch.cat(latents)
        self.latent_label = self.label.repeat(6)

    def coarse_loss(self, network: nn.Module) -> Tensor:
        """Give the loss of one batch of latents."""
        if not len(self.latents):
            self._encode_all()
        batch = self.settings.coarse_batch
        chosen = torch.randint(len(self.latents), (batch,), generator=self.generator)
        label = self._drop(self.latent_label[chosen])
        return flow_loss(lambda z, t: network(z, t, label), self.latents[chosen], self.generator)

    def detail_loss(self, network: nn.Module) -> Tensor:
        """Give the loss of one batch of 64-pixel films, given their noisy reconstructions."""
        films, label = self._draw(self.settings.detail_batch)
        basis = self.model.basis
        latents = basis.encode(films)
        strength = torch.rand(len(films), 1, generator=self.generator) * self.settings.latent_noise
        latents = latents + strength * torch.randn(latents.shape, generator=self.generator)
        condition = resize(basis.decode(latents), DETAIL_SIDE)
        position = positions(DETAIL_SIDE, DETAIL_SIDE)
        return self._pixel_loss(network, resize(films, DETAIL_SIDE), label, condition, position)

    def fine_loss(self, network: nn.Module) -> Tensor:
        """Give the loss of one batch of crops, given the noisy 64-pixel film."""
        films, label = self._draw(self.settings.fine_batch)
        small, crop = resize(films, DETAIL_SIDE), self.settings.crop
        strength = torch.rand(len(films), 1, 1, 1, generator=self.generator)
        noise = torch.randn(small.shape, generator=self.generator)
        condition = resize(small + self.settings.pixel_noise * strength * noise, FILM_SIDE)
        y, x = torch.randint(0, (FILM_SIDE - crop) // 2 + 1, (2,), generator=self.generator) * 2
        rows, columns = slice(y, y + crop), slice(x, x + crop)
        halves = slice(y // 2, (y + crop) // 2), slice(x // 2, (x + crop) // 2)
        position = positions(FILM_SIDE, FILM_SIDE)[..., halves[0], halves[1]]
        films, condition = films[..., rows, columns], condition[..., rows, columns]
        return self._pixel_loss(network, films, label, condition, position)

    def _draw(self, batch: int) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(self.films), (batch,), generator=self.generator)
        return jitter(self.films[chosen].float(), self.generator), self._drop(self.label[chosen])

    def _drop(self, label: Tensor) -> Tensor:
        dropped = torch.rand(len(label), generator=self.generator) < self.settings.drop_label
        return torch.where(dropped, NO_LABEL, label)

    def _pixel_loss(
        self, network: nn.Module, films: Tensor, label: Tensor, condition: Tensor, position: Tensor
    ) -> Tensor:
        everywhere = position.expand(len(films), -1, -1, -1)

        def velocity(x: Tensor, time: Tensor) -> Tensor:
            x = x.contiguous(memory_format=torch.channels_last)
            answer: Tensor = network(x, time, label, condition, everywhere)
            return answer

        return flow_loss(velocity, films, self.generator)


@torch.no_grad()
def _blend(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, latest in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(latest, 1 - decay)


def _save(state: Mapping[str, object], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


# --- drawing -----------------------------------------------------------------------------------

ROWS, COLUMNS = 736, 968  # the lung frame's usual true shape: 1.32 times wider than tall


def draw_film(model: FilmGenerator, label: str, seed: int, settings: SampleSettings) -> Tensor:
    """Draw one film, (1, 192, 192) in about [-1, 1], from its class and its own seed."""
    generator = torch.Generator().manual_seed(seed)
    sample = model.sample(torch.tensor([LABELS.index(label)]), generator, settings)
    return sample["film"][0]


def develop(
    film: Tensor, *, seed: int, shape: tuple[int, int] = (ROWS, COLUMNS)
) -> NDArray[np.uint16]:
    """Give a drawn film the shape and grain of a detector's picture.

    Parameters
    ----------
    film : Tensor
        (1, rows, columns), about [-1, 1].
    seed : int
        Of the grain and the collimator's place.
    shape : tuple of int
        Rows and columns of the film.

    Returns
    -------
    numpy.ndarray
        Of that shape, uint16, 0 to 4095, with SYNTHETIC written at the lower left.
    """
    generator = torch.Generator().manual_seed(seed)
    large = F.interpolate(film[None], shape, mode="bicubic", align_corners=False)
    large = large + 0.9 * (large - gaussian_blur(large, 5.0))  # as vendors' edge enhancement
    large = large + 0.4 * (large - gaussian_blur(large, 20.0))
    grain = torch.randn(large.shape, generator=generator)
    grain = 0.6 * grain + 2.0 * gaussian_blur(grain, 0.8)
    light = ((large + 1.1) / 2.2).clamp(0, 1) ** 1.3
    light = 0.03 + 0.88 * light + grain * 0.008 * (0.5 + light)
    light = (light * _collimation(generator, shape))[0, 0].clamp(0, 1)
    pixels = (_write_word(light.numpy(), "SYNTHETIC") * 4095).round()
    return pixels.astype(np.uint16)


def _collimation(generator: torch.Generator, shape: tuple[int, int]) -> Tensor:
    """Darken a soft-edged border of one to two percent, and the corners a little."""
    edges = (0.008 + 0.012 * torch.rand(4, generator=generator)).tolist()
    y, x = torch.linspace(0, 1, shape[0])[:, None], torch.linspace(0, 1, shape[1])[None]
    gates = (y - edges[0], 1 - edges[1] - y, x - edges[2], 1 - edges[3] - x)
    open_ = torch.stack([torch.sigmoid(g * 600).expand(shape) for g in gates]).prod(0)
    falloff = 1 - 0.12 * ((y - 0.5) ** 2 + (x - 0.5) ** 2)
    return open_ * falloff


def _write_word(light: NDArray[np.float32], word: str) -> NDArray[np.float32]:
    """Write a word in near white at the lower left."""
    picture = PilImage.fromarray(light)  # mode F: the detector's range survives
    place, font = (24, light.shape[0] - 24), ImageFont.load_default(size=22)
    ImageDraw.Draw(picture).text(place, word, fill=0.95, font=font, anchor="ls")
    return np.asarray(picture)


def read_back(pixels: NDArray[np.uint16]) -> Tensor:
    """Bring a developed film back to what `Similarity.best` takes, (1, 1, 64, 64)."""
    values = torch.from_numpy(pixels.astype(np.float32))[None, None]
    return F.interpolate(values, (CHECK_SIDE, CHECK_SIDE), mode="area")


def write_sheet(model: FilmGenerator, settings: SampleSettings, path: Path, *, first: int) -> None:
    """Write a contact sheet of candidates: a row per class, eight seeds from `first`."""
    rows = [
        torch.cat([draw_film(model, label, first + i, settings) for i in range(8)], dim=2)
        for label in LABELS
    ]
    sheet = ((torch.cat(rows, dim=1) + 1.1) / 2.2 * 255).clamp(0, 255).byte()
    path.parent.mkdir(parents=True, exist_ok=True)
    PilImage.fromarray(sheet[0].numpy()).save(path)


# --- the command -------------------------------------------------------------------------------


def main(
    manifest: Annotated[Path, typer.Option(help="CSV of the training films.")],
    images: Annotated[Path, typer.Option(help="Folder the manifest's files are in.")],
    masks: Annotated[Path, typer.Option(help="Folder of the lung masks (PNG, same names).")],
    out: Annotated[Path, typer.Option(help="Where the examples go.")] = Path("examples"),
    work: Annotated[Path, typer.Option(help="Fitted networks.")] = Path("runs/synthesis"),
    seed: Annotated[int, typer.Option(help="Seed of the fit.")] = 0,
    sheet: Annotated[Path | None, typer.Option(help="Only write a sheet of candidates.")] = None,
    first: Annotated[int, typer.Option(help="First noise seed of the sheet.")] = 0,
) -> None:
    """Fit the generator, draw the examples, check them, and write them with their provenance."""
    torch.set_num_threads(1)
    settings = SynthesisSettings(seed=seed)
    films = [f for f in read_manifest(manifest, images) if f.split in ("train", "val")]
    library = read_library(films, masks)
    model = Fit(library, settings, work).run()
    if sheet is not None:
        write_sheet(model, settings.sample, sheet, first=first)
        return
    drawn = [draw_film(model, label, noise, settings.sample) for label, noise in settings.picks]
    pixels = [
        develop(film, seed=noise) for film, (_, noise) in zip(drawn, settings.picks, strict=True)
    ]
    figures = measure(pixels, library, settings, drawn=drawn)
    write_examples(pixels, figures, settings, out)


def measure(
    pixels: Sequence[NDArray[np.uint16]],
    library: Library,
    settings: SynthesisSettings,
    *,
    drawn: Sequence[Tensor] = (),
) -> dict[str, Tensor]:
    """Measure the developed films against the library and refuse near copies.

    Parameters
    ----------
    pixels : sequence of numpy.ndarray
        Developed films.
    library : Library
    settings : SynthesisSettings
    drawn : sequence of Tensor, optional
        The same films before development, (1, 192, 192) each. The higher figure of the two
        counts, so that tone and grain cannot hide a likeness.

    Returns
    -------
    dict of str to Tensor
        ``found`` (films, 3) and ``real`` (references, 3); columns as in `MEASURES`.

    Raises
    ------
    ModelError
        If a film is a near copy of a library film.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    similarity = Similarity.of(library.aligned, library.whole)
    real = real_neighbours(
        similarity, library.patient, count=settings.references, generator=generator
    )
    correlations = similarity.best(torch.cat([read_back(p) for p in pixels]))
    if drawn:
        correlations = torch.maximum(correlations, similarity.best(torch.stack(list(drawn))))
    copies = near_copies(correlations, real, settings.percentile)
    if copies.any():
        which = ", ".join(str(i + 1) for i in copies.nonzero()[:, 0].tolist())
        raise ModelError(f"Examples {which} are too close to a training film; pick others.")
    return {"found": correlations, "real": real}


def write_examples(
    pixels: Sequence[NDArray[np.uint16]],
    figures: dict[str, Tensor],
    settings: SynthesisSettings,
    out: Path,
) -> None:
    """Write the DICOM files and ``provenance.json``."""
    from imaging.dicom.synthetic import write_synthetic_film

    out.mkdir(parents=True, exist_ok=True)
    entries = []
    for i, ((label, noise), film) in enumerate(zip(settings.picks, pixels, strict=True)):
        name = f"synthetic_{i + 1:02d}_{label}.dcm"
        write_synthetic_film(
            film,
            path=out / name,
            number=i + 1,
            description=f"Synthetic chest film, {label}-like",
            burned_in=True,
        )
        correlations = figures["found"][i]
        below = (figures["real"] < correlations).float().mean(0) * 100
        entries.append(
            {
                "file": name,
                "class": f"{label}-like",
                "noise_seed": noise,
                "highest_correlation": _name_measures(correlations),
                "percentile_among_real": _name_measures(below, digits=1),
            }
        )
    report = {**_describe_method(settings, figures["real"]), "examples": entries}
    place = out / "provenance.json"
    if place.exists():  # the films of adults (`models.synthesis.adults`) keep their entries
        ours, before = {entry["file"] for entry in entries}, json.loads(place.read_text())
        entries += [e for e in before["examples"] if e["file"] not in ours and "near_copy" in e]
        report |= {"adults": before["adults"]} if "adults" in before else {}
    place.write_text(json.dumps(report, indent=2) + "\n")


def _describe_method(settings: SynthesisSettings, real: Tensor) -> dict[str, object]:
    """State how the examples were made and what limits they kept."""
    levels = (5.0, 50.0, 95.0, settings.percentile, 100.0)
    spread = torch.quantile(real, torch.tensor(levels) / 100, dim=0)
    return {
        "note": "Computer generated. No patient. Research use - not for diagnosis.",
        "fitted_to": "Kermany et al., doi:10.17632/rscbjbr9sj, CC BY 4.0, train and val films only",
        "command": "python -m models.synthesis.synthesize (see examples/README.md)",
        "settings": asdict(settings),
        "rule": f"A near copy exceeds the {settings.percentile:g}th percentile of the highest "
        "correlations between real films of different patients, in any measure.",
        "real_neighbours": {
            f"{level:g}": _name_measures(row) for level, row in zip(levels, spread, strict=True)
        },
    }


def _name_measures(row: Tensor, digits: int = 4) -> dict[str, float]:
    return {name: round(float(v), digits) for name, v in zip(MEASURES, row, strict=True)}


if __name__ == "__main__":
    typer.run(main)
