"""The film on screen: original first, window and frame by choice, an explanation on request.

Pictures travel inside the page as PNG data, never as files of the media store: those have
addresses anyone can open, and names that two large films can share.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image as PilImage

from imaging.dicom import Image, read_image
from imaging.display import overlay_png, png_bytes
from imaging.entities import Assessment, Instance, VoiPreset
from models.localiser import WHOLE
from pages.ui import explanation, resources, state
from pages.ui.i18n import _, sentence
from pages.ui.messages import in_words

LONGEST_SIDE = 1460  # pixels sent to the browser; a full-resolution viewer is another issue
_OPPOSITE = str.maketrans("LRAPHF", "RLPAFH")

Window = tuple[str, Callable[[], VoiPreset | None]]


@st.fragment
def render_film(instance: Instance, assessment: Assessment | None) -> None:
    """Draw the film with its controls; moving one redraws the film alone."""
    with in_words():
        image = state.image(instance.identity.sha256, partial(_read, instance))
        key = instance.identity.sop_instance_uid
        with st.container(horizontal=True, vertical_alignment="bottom"):
            frame = _choose_frame(instance)
            window, preset = _choose_window(image, frame)
            shown = bool(assessment and assessment.findings) and explanation.render_switch(key)
        base = (instance.identity.sha256, frame, window)
        film = state.picture(base, lambda: data_uri(png_bytes(_fitted(image, frame, preset))))
        if not shown:
            st.html(_figure(instance, film, _("Original film"), low=False))
        else:
            asked = assessment.model.name if assessment and assessment.model else ""
            _render_explained(image, asked, base, film, partial(_fitted, image, frame), preset)
        for remark in image.remarks:
            st.caption(sentence(remark))


def data_uri(png: bytes) -> str:
    """A PNG file as the address of an <img>."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _read(instance: Instance) -> Image:
    """The stored original, decoded."""
    content = resources.repository().content(instance.identity.sha256)
    return read_image(content, file_name=instance.file_name)


def _render_explained(
    image: Image,
    model: str,
    base: tuple[str, int, str],
    film: str,
    fitted: Callable[[Callable[[], VoiPreset | None]], NDArray[np.uint8]],
    preset: Callable[[], VoiPreset | None],
) -> None:
    """Draw the explanation over the film, or beside it."""
    instance = image.instance
    choice = explanation.render_choice(instance.identity.sop_instance_uid, model)
    with st.spinner(_("Asking the network why ...")):
        found = explanation.explain(image, choice)
    key = (*base, found.model.weights_sha256, *choice.key)
    overlay = state.picture(
        key,
        lambda: data_uri(
            overlay_png(
                fitted(preset),
                found.values,
                opacity=choice.opacity,
                threshold=choice.threshold,
                signed=True,
                seen=found.view.edges,
            )
        ),
    )
    figures = _figure(instance, overlay, explanation.caption(choice), low=True)
    if choice.beside:
        figures = _figure(instance, film, _("Original film"), low=True) + figures
        figures = f'<div class="lb-pair">{figures}</div>'
    st.html(figures + explanation.legend(choice, framed=found.view != WHOLE))


def _fitted(image: Image, frame: int, preset: Callable[[], VoiPreset | None]) -> NDArray[np.uint8]:
    """Display values, no larger than the browser is sent."""
    values = image.display_values(frame, preset=preset())
    picture = PilImage.fromarray(values)
    if max(picture.size) > LONGEST_SIDE:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), PilImage.Resampling.LANCZOS)
    return np.asarray(picture)


def _choose_frame(instance: Instance) -> int:
    """The frame to show, counted from 0."""
    frames = instance.geometry.frames
    if frames < 2:
        return 0
    key = f"frame-{instance.identity.sop_instance_uid}"
    label = _("Frame (of {frames})").format(frames=frames)
    return int(st.slider(label, 1, frames, 1, key=key)) - 1


def _choose_window(image: Image, frame: int) -> tuple[str, Callable[[], VoiPreset | None]]:
    """The display window: the file's own ones first; colour pictures have none."""
    if image.instance.geometry.samples_per_pixel > 1:
        return "", lambda: None
    windows: dict[str, Window] = {
        f"file-{i}": (_preset_label(i, preset), partial(_same, preset))
        for i, preset in enumerate(image.instance.voi_presets)
    }
    windows["automatic"] = (_("Automatic"), partial(image.automatic_preset, frame))
    windows["full"] = (_("Full range"), partial(image.full_range_preset, frame))
    chosen = st.selectbox(
        _("Window"),
        list(windows),
        format_func=lambda name: windows[name][0],
        key=f"window-{image.instance.identity.sop_instance_uid}",
        label_visibility="collapsed",
        width=330,
    )
    return chosen, windows[chosen][1]


def _same(preset: VoiPreset) -> VoiPreset:
    return preset


def _preset_label(index: int, preset: VoiPreset) -> str:
    """A preset of the file by its own name, else by its numbers."""
    name = preset.explanation or (_("look-up table") if preset.kind == "lut" else "")
    if preset.window_center is not None and preset.window_width is not None:
        numbers = f"C {preset.window_center:g} W {preset.window_width:g}"
        name = f"{name} ({numbers})" if name else numbers
    return _("File {number}: {name}").format(number=index + 1, name=name)


def _figure(instance: Instance, picture: str, caption: str, *, low: bool) -> str:
    """A picture on black, with its caption and side letters laid beside it, not into it."""
    corner = caption
    if instance.acquisition.synthetic:
        corner += " \u00b7 " + _("SYNTHETIC - no patient")
    return (
        f'<div class="lb-film{" lb-low" if low else ""}">'
        f'<img src="{picture}" alt="{escape(caption)}">'
        f'<div class="lb-corner">{escape(corner)}</div>{_edges(instance)}</div>'
    )


def _edges(instance: Instance) -> str:
    """Which side of the patient lies left and right (PatientOrientation, PS3.3 C.7.6.1.1.1)."""
    row = (instance.acquisition.patient_orientation or ("",))[0]
    sides = (("left", row.translate(_OPPOSITE)), ("right", row))
    return "".join(
        f'<div class="lb-edge" style="{side}:0.7rem">{escape(letters)}</div>'
        for side, letters in sides
    )
