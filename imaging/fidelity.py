"""The fidelity report: how one file became the picture on screen, and what to be wary of.

Pure: entities, measures on arrays and the words around them. `imaging.dicom.fidelity.steps` and
`imaging.dicom.fidelity.cautions` read the header for it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.entities import Acquisition

PROJECTIONS = ("CR", "DX", "RG", "DR", "PX", "IO", "MG", "RF", "XA")
_CHEST = ("CHEST", "THORAX", "LUNG", "RIB")
_GRID = 16  # blocks a side over which grey levels are averaged
# Weights of corners, lungs less mediastinum, and median; `bench/inverted.py` prints what they do.
_INVERTED = np.array([5.0, 15.0, -12.0])
_INVERTED_FROM = 2.0
_SMALLEST = 64  # pixels a side below which nothing is measured
_CLIPPED = 0.4  # of all pixels at one end of the storable range
_FEW_LEVELS = 16


@dataclass(frozen=True, slots=True)
class Step:
    """A link of the chain from stored values to grey levels: its kind and a sentence."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Caution:
    """Something about a file that a reader should know: a stable code and a sentence."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How a file became a picture; nothing in it names a patient.

    Attributes
    ----------
    transfer_syntax_uid, transfer_syntax : str
        (0002,0010), and its name (PS3.6 Annex A).
    decoder : str
        The library that decoded the frame.
    rows, columns, frames, samples_per_pixel : int
        Size of the picture.
    bits_allocated, bits_stored : int
        Per sample (PS3.5 8.1.1).
    signed : bool
        Whether stored values may be negative (PixelRepresentation 1).
    photometric_interpretation : str
        (0028,0004).
    window_center, window_width : float or None
        Of the first display, modality units; None for colour and for a VOI LUT.
    window_origin : str
        "file", "lut", "automatic" or "none".
    steps : tuple of Step
        The chain, in the order in which it is applied.
    cautions : tuple of Caution
        What was found odd.
    """

    transfer_syntax_uid: str
    transfer_syntax: str
    decoder: str
    rows: int
    columns: int
    frames: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric_interpretation: str
    window_center: float | None
    window_width: float | None
    window_origin: str
    steps: tuple[Step, ...]
    cautions: tuple[Caution, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def polarity_score(luminance: NDArray[np.floating]) -> float:
    """How much a frontal chest film looks like its own negative: above zero more than not.

    Parameters
    ----------
    luminance : numpy.ndarray
        (rows, columns), larger is brighter.

    Returns
    -------
    float
        Antisymmetric: a picture and its negative score opposite. Bright corners, lungs brighter
        than what lies between them and a low median raise it.
    """
    low, high = np.percentile(luminance[::2, ::2], (1, 99))
    level = np.clip((luminance - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    grid = _means(level)
    ends = grid[0, [0, 1, -2, -1]].sum() + grid[1, [0, -1]].sum()
    corners = float(ends) / 6 - 0.5
    lungs = np.concatenate([grid[4:10, 3:6].ravel(), grid[4:10, 10:13].ravel()]).mean()
    features = (corners, float(lungs - grid[4:12, 7:9].mean()), float(np.median(level)) - 0.5)
    return float(_INVERTED @ np.array(features))


def _means(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean levels of `_GRID` x `_GRID` parts of about equal size."""
    starts = [np.arange(_GRID) * length // _GRID for length in level.shape]
    sizes = [np.diff(at, append=length) for at, length in zip(starts, level.shape, strict=True)]
    sums = np.add.reduceat(np.add.reduceat(level, starts[0], axis=0), starts[1], axis=1)
    means: NDArray[np.float32] = sums / np.outer(*sizes)
    return means


def looks_inverted(luminance: NDArray[np.floating]) -> bool:
    """True when a frontal chest film looks like a negative (see `polarity_score`)."""
    return min(luminance.shape) >= _SMALLEST and polarity_score(luminance) > _INVERTED_FROM


def is_chest_film(acquisition: Acquisition) -> bool:
    """True for a projection whose header says chest: the only pictures whose polarity is judged.

    Lateral views have other anatomy at the places that are measured.
    """
    lateral = acquisition.view_position in ("LL", "RL", "LATERAL", "LAT", "LLD", "RLD")
    part = any(word in acquisition.body_part for word in _CHEST)
    return part and acquisition.modality in PROJECTIONS and not lateral


def check_pixels(
    stored: NDArray[Any],
    luminance: NDArray[np.floating],
    *,
    storable: tuple[float, float],
    taken: Acquisition,
    photometric: str,
) -> tuple[Caution, ...]:
    """List the cautions that the pixels themselves give reason for.

    Parameters
    ----------
    stored : numpy.ndarray
        (rows, columns[, 3]), stored values.
    luminance : numpy.ndarray
        (rows, columns), larger is brighter.
    storable : tuple of float
        Smallest and largest value that the stored bits can hold.
    taken : Acquisition
        The header's account.
    photometric : str
        PhotometricInterpretation, quoted in the words.

    Returns
    -------
    tuple of Caution
        "blank" alone where there is nothing to see; else any of "inverted", "clipped",
        "few-levels" and "outside-bits".
    """
    if luminance.min() == luminance.max():
        return (Caution("blank", "Every pixel has the same value: there is nothing to see."),)
    cautions = []
    if is_chest_film(taken) and looks_inverted(luminance):
        words = (
            f"The pixels look inverted against their photometric tag ({photometric}): black and "
            "white seem to be exchanged. Nothing was changed."
        )
        cautions.append(Caution("inverted", words))
    if stored.ndim == 2 and min(stored.shape) >= _SMALLEST:
        cautions += _judge_levels(stored, storable)
    low, high = storable
    if stored.min() < low or stored.max() > high:
        words = "Some pixel values need more bits than the header says are stored."
        cautions.append(Caution("outside-bits", words))
    return tuple(cautions)


def _judge_levels(stored: NDArray[Any], storable: tuple[float, float]) -> list[Caution]:
    """Grey levels that were lost before the file came here."""
    cautions = []
    levels = np.unique(stored[::2, ::2])
    if 2 < levels.size <= _FEW_LEVELS:
        words = f"The picture has only {levels.size} grey levels."
        cautions.append(Caution("few-levels", words))
    share = float(np.mean(stored >= storable[1]))
    if levels.size > 2 and share > _CLIPPED:
        words = f"The brightest storable value fills {share:.0%} of the picture: detail is lost."
        cautions.append(Caution("clipped", words))
    return cautions


def judge_age(
    age_years: float | None, population: tuple[float, float], model: str
) -> tuple[Caution, ...]:
    """Tell whether the age of the header is one that a network was trained on.

    Parameters
    ----------
    age_years : float or None
        None when the header does not tell.
    population : tuple of float
        Youngest and oldest age in the training films, years.
    model : str
        The network's name, quoted in the words.
    """
    low, high = population
    if age_years is None or low <= age_years <= high:
        return ()
    words = (
        f"The header gives an age of {_years(age_years)} years; the AI {model} was trained "
        f"on ages {_years(low)} to {_years(high)}."
    )
    return (Caution("age", words),)


def _years(value: float) -> str:
    """Completed years from two on, else with one decimal."""
    return f"{int(value)}" if value >= 2 or float(value).is_integer() else f"{value:.1f}"


def lines(fidelity: Fidelity) -> tuple[str, ...]:
    """The report as English sentences: encoding, size, steps in order; without cautions."""
    return (encoding(fidelity), size(fidelity), *(step.words for step in fidelity.steps))


def encoding(fidelity: Fidelity) -> str:
    """How the file is encoded and who decoded it."""
    if not fidelity.transfer_syntax:
        return "The file is a PNG or JPEG picture, no DICOM."
    if not fidelity.decoder:
        return f"The pixels are not compressed ({fidelity.transfer_syntax})."
    return f"The pixels are encoded as {fidelity.transfer_syntax}, decoded by {fidelity.decoder}."


def size(fidelity: Fidelity) -> str:
    """Size and depth of the picture."""
    colour = "grey" if fidelity.samples_per_pixel == 1 else "colour"
    signed = "signed" if fidelity.signed else "unsigned"
    return (
        f"The picture is {fidelity.columns} \u00d7 {fidelity.rows} pixels, {colour}, "
        f"{fidelity.frames} frame(s), {fidelity.bits_stored} of {fidelity.bits_allocated} bits, "
        f"{signed}, {fidelity.photometric_interpretation}."
    )
