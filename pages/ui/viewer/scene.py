"""The scene a viewer shows, and the report it gives back: frozen records, no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imaging.decoding import DistantImage
from imaging.review.records import Annotation, Presentation

Layout = Literal["1", "2", "4"]
ACTS = (
    *("accept", "reject", "present", "absent", "normal", "nextFinding", "prior"),
    *("signPreliminary", "signFinal", "confirm", "back"),
    "mapSeen",
)
"""What keys may ask of the page around the films, and that a map was drawn over one."""
Edges = tuple[float, float, float, float]
WHOLE: Edges = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """An explanation laid over a film.

    Attributes
    ----------
    values : numpy.ndarray
        (h, w), float; covers the whole film whatever its own size.
    limit : float
        The magnitude that gets the full colour.
    signed : bool
        Whether values below zero mean "against".
    method, target : str
        How it was computed and for which finding, in words.
    meaning : str
        What the ends of the colour bar mean: "against | for" for signed maps, else "low | high".
    source : str
        The model's name, version and hash.
    seen : tuple of float
        Top, left, bottom and right, in fractions, of the part the network looked at.
    doubtful : bool
        True when the map is not reliable for this image: it loses its colours.
    shown : bool
        True when it opens with the film; else the reader's key brings it.
    outline : tuple of (float, float)
        Corners of a line around the strongest place: across and down, in fractions of the film.
    """

    values: NDArray[np.floating]
    limit: float
    signed: bool
    method: str
    target: str
    meaning: str
    source: str
    seen: Edges = WHOLE
    doubtful: bool = False
    shown: bool = False
    outline: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Stack:
    """The place of a picture among those of its series, which the wheel goes through.

    ``at`` counts from 0; ``series`` is the Series Instance UID.
    """

    series: str
    at: int
    count: int


@dataclass(frozen=True, slots=True)
class Marked:
    """A region that was marked on a film.

    ``box`` is left, top, right and bottom in fractions of the film; ``label`` its side and answer.
    """

    box: Edges
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Pane:
    """One film in its place.

    ``banner`` holds (label, value) pairs that name the patient and the study, already masked
    where the reader hides identities; ``marks`` are words that stand on the film, such as
    "SYNTHETIC - no patient"; ``stack`` is its place in a series to go through; ``regions`` are
    those that were marked on it.
    """

    key: str
    image: DistantImage
    title: str
    banner: tuple[tuple[str, str], ...] = ()
    marks: tuple[str, ...] = ()
    overlay: Overlay | None = None
    stack: Stack | None = None
    regions: tuple[Marked, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a prior that hangs beside the image in the first pane is laid in its place.

    Attributes
    ----------
    prior : str
        Key of the pane of the prior; empty where it does not hang.
    lungs : tuple of (float, float, float, float), optional
        The boxes around the lungs, in the image and in the prior: top, left, bottom and right in
        fractions of each picture. They are laid on each other by one scale and a shift.
    aligned : str
        What aligned the two, with the network's name, version and hash.
    reason : str
        Why there are no boxes, in words, with what to do instead; empty where there are.
    """

    prior: str = ""
    lungs: tuple[Edges, Edges] | None = None
    aligned: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything on the screen.

    ``bindings`` are action -> key pairs that replace defaults; ``finding_labels`` are code ->
    label pairs of what a region can be tied to. The client keeps its own annotations and
    presentations through reruns; a higher ``generation`` makes it take those given here.
    ``acts`` counts what keys asked for and Python did (`ACTS`); by ``name`` the page's question
    says which viewer's key asked it (`render_viewer` fills in both). ``comparison`` is there for a
    patient with a prior.
    """

    panes: tuple[Pane, ...]
    layout: Layout = "1"
    linked: bool = False
    annotations: tuple[Annotation, ...] = ()
    presentations: tuple[Presentation, ...] = ()
    bindings: Mapping[str, str] = field(default_factory=dict)
    editable: bool = True
    finding_labels: Mapping[str, str] = field(default_factory=dict)
    generation: int = 0
    acts: int = 0
    name: str = ""
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class ViewerReport:
    """The reader's drawings and how each film was left; ``revision`` counts reports."""

    annotations: tuple[Annotation, ...]
    presentations: tuple[Presentation, ...]
    revision: int
