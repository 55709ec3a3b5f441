"""Names, dates and numbers drawn on real films: how many are found.

    LIGHTBOX_DATA=... python -m bench.burned_in            # minutes
    LIGHTBOX_DATA=... python -m bench.burned_in --films 60 # more of them, for longer

Lines in several faces, sizes and shades are drawn on children's chest films, enlarged in their own
shape, and on grey pictures of the DICOM collection. A line is found when boxes cover 95 % of its
ink. Each film is searched as it is (what is found there is a false box, or a word that was there
before), with the lines, and with the boxes blackened. Stored as ``bench/results/burned_in.json``
and written to ``docs/dicom.md``; the last line is JSON.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any

import numpy as np
import typer
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imaging.dicom import read_image
from imaging.dicom.deidentify.burned_in_text import Box, find_text
from imaging.errors import InputError, SettingsError
from imaging.settings import ROOT, Settings

_STORED, _PAGE = ROOT / "bench" / "results" / "burned_in.json", ROOT / "docs" / "dicom.md"
_BEGIN, _END = "<!-- burned in -->\n", "<!-- end of burned in -->"
_LONG, _LINES, _TRIES = 1200, 6, 80  # pixels of an enlarged film; lines of one; attempts to place
_SIZES, _FACES = (10, 13, 18, 26, 40), ("bitmap", "sans", "mono", "serif")
_SHADES = {"black or white": 255, "grey, 50 levels off": 50, "grey, 25 levels off": 25}
_FONTS = {"sans": "DejaVuSans.ttf", "mono": "DejaVuSansMono.ttf", "serif": "DejaVuSerif.ttf"}
_FAMILY = ("MUELLER", "NGUYEN", "OKAFOR", "ROSSI", "TANAKA", "ANDERSSON", "DE LA CRUZ")
_GIVEN = ("ANNA", "PETER", "MEI", "JOHN", "LUCIA")
_FOUND = 0.95  # of a line's ink
_GREY = ("CR", "DX", "MG", "XA", "CT", "MR")
Film = NDArray[np.uint8]


@dataclass(frozen=True)
class Line:
    """A line that was drawn, and where its ink is: (rows, columns) of bool."""

    size: int
    shade: str
    face: str
    ink: NDArray[np.bool_]


def main(
    films: Annotated[int, typer.Option(help="How many films; half of them DICOM.")] = 16,
    seed: Annotated[int, typer.Option(help="Of the choice and of what is drawn.")] = 7,
) -> None:
    """Print what was found, store it, write the page."""
    data = Settings.from_environment().data
    if data is None:
        raise SettingsError("LIGHTBOX_DATA is not set.")
    chance, rows, false_shares, boxes_left = random.Random(seed), [], [], []
    for film in [*_children(data, films - films // 2, chance), *_dicom(data, films // 2, chance)]:
        before = find_text(film)
        drawn, lines = draw(film, chance)
        boxes = find_text(drawn)
        false_shares.append(float(_mask(film.shape, before).mean()))
        boxes_left.append(len(find_text(_blacken(drawn, boxes))))
        covered = _mask(film.shape, boxes)
        rows += [(line, float(covered[line.ink].mean())) for line in lines]
        print(f"{film.shape[1]:5} x {film.shape[0]:<5} {len(lines)} lines, {len(boxes)} boxes")
    result = figures(rows, false_shares, boxes_left)
    _STORED.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _write_page(result)
    print(json.dumps(result))


def figures(
    rows: list[tuple[Line, float]], false_shares: list[float], boxes_left: list[int]
) -> dict[str, Any]:
    """Shares of lines found, by kind; of film in false boxes; of films with text left."""
    return {
        "films": len(false_shares),
        "lines": len(rows),
        "found": round(fmean(part >= _FOUND for _, part in rows), 3),
        "touched": round(fmean(part > 0 for _, part in rows), 3),
        "by_shade": _shares_by(rows, [*_SHADES], lambda line: line.shade),
        "by_size": _shares_by(rows, [str(value) for value in _SIZES], lambda line: str(line.size)),
        "by_face": _shares_by(rows, [*_FACES], lambda line: line.face),
        "false_share_mean": round(fmean(false_shares), 4),
        "false_share_median": round(median(false_shares), 4),
        "films_with_false": sum(value > 0 for value in false_shares),
        "films_with_text_left": sum(value > 0 for value in boxes_left),
    }


def _shares_by(
    rows: list[tuple[Line, float]], kinds: list[str], kind: Callable[[Line], str]
) -> dict[str, float]:
    """Share of lines found by kind, of the kinds there are."""
    by_name = {
        name: [part >= _FOUND for line, part in rows if kind(line) == name] for name in kinds
    }
    return {name: round(fmean(covers), 3) for name, covers in by_name.items() if covers}


def draw(film: Film, chance: random.Random) -> tuple[Film, list[Line]]:
    """Lines that do not touch each other, most of them at the edges, as machines put them."""
    picture, occupied = film.copy(), np.zeros(film.shape, bool)
    lines: list[Line] = []
    for _ in range(_TRIES):
        size, face, shade = chance.choice(_SIZES), chance.choice(_FACES), chance.choice([*_SHADES])
        cover = _render_text(_words(chance), size, face)
        free = film.shape[0] - cover.shape[0], film.shape[1] - cover.shape[1]
        if min(free) < 4 or len(lines) == _LINES:
            continue
        top, left = (chance.choice((2, room - 2, chance.randint(0, room))) for room in free)
        where = (slice(top, top + cover.shape[0]), slice(left, left + cover.shape[1]))
        around = (
            slice(max(0, top - 12), where[0].stop + 12),
            slice(max(0, left - 12), where[1].stop + 12),
        )
        if occupied[around].any():
            continue
        occupied[where], ink = True, np.zeros(film.shape, bool)
        ink[where] = cover > 0.3
        level = _level(float(film[where].mean()), _SHADES[shade], chance)
        picture[where] = np.rint(film[where] * (1 - cover) + level * cover)
        lines.append(Line(size, shade, face, ink))
    return picture, lines


def _level(ground: float, off: int, chance: random.Random) -> float:
    """A grey level that far from the ground, or white on dark and black on bright."""
    if off == 255:
        return 255.0 if ground < 140 else 0.0
    up = ground + off <= 255 and (ground < off or chance.random() < 0.5)
    return ground + off if up else ground - off


def _words(chance: random.Random) -> str:
    """A made-up name, date or number, as machines write them."""
    family_name, given_name = chance.choice(_FAMILY), chance.choice(_GIVEN)
    year, month, day = chance.randint(1930, 2020), chance.randint(1, 12), chance.randint(1, 28)
    number = chance.randint(10_000, 99_999_999)
    return chance.choice(
        [
            *(f"{family_name}^{given_name}", f"{family_name.title()}, {given_name.title()}"),
            *(f"{day:02}.{month:02}.{year}", f"DOB {year}-{month:02}-{day:02}"),
            *(f"ID {number}", f"MRN-{number}", f"Acc# {number}"),
        ]
    )


def _render_text(text: str, size: int, face: str) -> NDArray[np.float64]:
    """Cover (rows, columns), 0 to 1; the bitmap face of 11 pixels is enlarged in whole steps."""
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont = ImageFont.load_default_imagefont()
    times = max(1, round(size / 11)) if face == "bitmap" else 1
    if face != "bitmap":
        font = ImageFont.truetype(str(Path(get_data_path()) / "fonts/ttf" / _FONTS[face]), size)
    right, bottom = (int(edge) + 1 for edge in font.getbbox(text)[2:])
    line = Image.new("L", (right, bottom))
    ImageDraw.Draw(line).text((0, 0), text, 255, font)
    large = line.resize((right * times, bottom * times), Image.Resampling.NEAREST)
    return np.asarray(large) / 255


def _children(data: Path, count: int, chance: random.Random) -> Iterator[Film]:
    """Chest films in the shape they had before they were squashed."""
    with (data / "kermany_cxr" / "manifest.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["orig_width"]]
    for row in chance.sample(rows, count):
        wide, tall = int(row["orig_width"]), int(row["orig_height"])
        size = (_LONG * wide // max(wide, tall), _LONG * tall // max(wide, tall))
        with Image.open(data / "kermany_cxr" / "images" / row["file"]) as film:
            yield np.asarray(film.convert("L").resize(size, Image.Resampling.BICUBIC))


def _dicom(data: Path, count: int, chance: random.Random) -> Iterator[Film]:
    """Grey pictures of the collection, of every look only one."""
    with (data / "dicom" / "index.csv").open(encoding="utf-8") as stream:
        names = [row["file"] for row in csv.DictReader(stream) if row["modality"] in _GREY]
    looks: list[NDArray[np.float64]] = []
    for name in chance.sample(names, len(names)):
        try:
            film = read_image((data / "dicom" / name).read_bytes()).display_values(0)
        except InputError:
            continue
        if film.ndim != 2 or min(film.shape) < 256 or len(looks) == count:
            continue
        look = np.asarray(Image.fromarray(film).resize((8, 8), Image.Resampling.BOX)) / 1.0
        if all(np.abs(look - earlier).mean() > 8 for earlier in looks):
            looks.append(look)
            yield film


def _mask(shape: tuple[int, ...], boxes: tuple[Box, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def _blacken(film: Film, boxes: tuple[Box, ...]) -> Film:
    return np.where(_mask(film.shape, boxes), 0, film).astype(np.uint8)


def _write_page(result: dict[str, Any]) -> None:
    """Put the figures between the marks of the page."""
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    lines = [f"| {result['lines']} lines drawn on {result['films']} films | found |", "|---|---|"]
    lines.append(f"| all | {result['found']:.0%} |")
    lines += [f"| {name} | {share:.0%} |" for name, share in result["by_shade"].items()]
    lines += [f"| {name} pixels high | {share:.0%} |" for name, share in result["by_size"].items()]
    lines += [
        "",
        f"Before anything was drawn, boxes lay on {result['films_with_false']} of the films (over "
        f"{result['false_share_mean']:.2%} of a film on average, words that were there before "
        f"included). After blackening, text was found again on {result['films_with_text_left']} "
        "of them.",
    ]
    text = "\n".join(lines)
    _PAGE.write_text(f"{before}{_BEGIN}{text}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
