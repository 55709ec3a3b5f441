"""Whole films of two knees as a hospital sends them, drawn here: bright bones, a dark joint line.

Schematic on purpose: they show nobody, and no network learned from them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.entities import Box
from models.checkpoint.card import ModelCard, Scope
from tests.factories import make_dicom_bytes

SPACING = 0.4  # mm a pixel: the film is 40 cm wide and 30 cm tall
ROWS, COLUMNS = 750, 1000
JOINTS = {"left": (270, 380), "right": (730, 360)}  # of the picture: column and row of the line
SIDE = 300  # pixels of a joint's box: 12 cm
KNEES = Scope(
    population="Adults, one knee joint",
    modalities=("CR", "DX"),
    body_parts=("KNEE",),
    views=("PA", "AP"),
    age_years=(45.0, 80.0),
    one_sided=True,
    region_mm=(100.0, 140.0),
    largest_mm=180.0,
)


def knee_card(card: ModelCard) -> ModelCard:
    """A card whose network reads one knee joint."""
    return replace(card, scope=KNEES)


def draw_knees(seed: int = 1) -> NDArray[np.uint16]:
    """(750, 1000), uint16 of 12 bits, MONOCHROME2: two knees, not quite level."""
    noise = np.random.default_rng(seed).normal(0, 15, (ROWS, COLUMNS))
    film = np.full((ROWS, COLUMNS), 300.0) + noise
    rows, columns = np.mgrid[:ROWS, :COLUMNS].astype(np.float64)
    for column, row in JOINTS.values():
        away, below = np.abs(columns - column), rows - row
        film += 900 * (away < 150)  # soft tissue
        wide = 70 + 45 * np.exp(-((below / 55) ** 2))  # a shaft that widens towards the joint
        film += 1700 * ((away < wide) & (np.abs(below) > 7))
        film += 300 * ((away < 40) & (below > -95) & (below < -30))  # kneecap
    return np.clip(film, 0, 4095).astype(np.uint16)


def box_of(joint: str) -> Box:
    """The box around the joint at the "left" or "right" of the picture."""
    column, row = JOINTS[joint]
    half = SIDE // 2
    return column - half, row - half, column + half, row + half


def whole_film(pixels: NDArray[np.uint16] | None = None, **attributes: Any) -> bytes:
    """A DICOM file of two knees; the patient's right is at the left of the picture."""
    stated: dict[str, Any] = {
        "Modality": "DX",
        "BodyPartExamined": "KNEE",
        "ViewPosition": "AP",
        "PatientAge": "061Y",
        "PatientOrientation": ["L", "F"],
        "ImageLaterality": "B",
        "ImagerPixelSpacing": [SPACING, SPACING],
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "BitsStored": 12,
        "HighBit": 11,
    }
    pixels = draw_knees() if pixels is None else pixels
    said = {name: value for name, value in {**stated, **attributes}.items() if value is not None}
    return make_dicom_bytes(pixels, **said)
