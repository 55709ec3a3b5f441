"""Why a picture got no answer: the field that rules it out, or the region that looks foreign."""

from __future__ import annotations

from functools import partial
from io import BytesIO

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image as PilImage

from imaging.decoding import DistantImage
from imaging.entities import Assessment, Instance
from imaging.rendering import overlay_png
from models.explain.probes.refusal import (
    EXCHANGED,
    TO_THE_LEFT,
    TO_THE_RIGHT,
    UPSIDE_DOWN,
    Refusal,
    explain_refusal,
)
from models.inference.classifier import Classifier
from pages.ui import background, network_answer, resources, session
from pages.ui.data_uri import render_picture
from pages.ui.escape import plain
from pages.ui.i18n import _

_SLOT, _WIDTH = "refusal", 420
_SIDE = 1024  # pixels of the picture


def render_refusal(image: DistantImage, instance: Instance, answer: Assessment) -> None:
    """Draw what made the network refuse one picture; worked out in the background.

    Parameters
    ----------
    image : DistantImage
        The picture that was refused; its first frame is looked at.
    instance : Instance
        Its header, with what was typed where it has none.
    answer : Assessment
        The refusal; names the model that was asked.
    """
    classifier = resources.panel().named(answer.model.name if answer.model else "")
    refusal = _find_refusal(image, instance, classifier)
    if refusal is None:
        background.render_wait(_SLOT, _("Looking for the reason \u2026"))
        return
    st.markdown(f"**{_('Why there is no answer')}**")
    if refusal.header:
        _render_header(refusal)
    for change in refusal.would_pass:
        st.markdown(f"- {_would_pass(change)}")
    if refusal.would_pass:
        st.caption(_("Lightbox never changes an image by itself."))
    if refusal.foreign is not None and refusal.foreign.max() > 0:
        render_picture(
            _picture(image, refusal.foreign),
            width=_WIDTH,
            caption=_(
                "Orange: blurring this region makes the image look more like those the AI "
                "learned from. Blue: less."
            ),
        )
    st.caption(network_answer.model_line(classifier.card.identity))


def _would_pass(change: str) -> str:
    """A change of `models.explain.probes.refusal.UNDONE` as a sentence."""
    return {
        EXCHANGED: _("With black and white exchanged, the image would be accepted."),
        UPSIDE_DOWN: _("Turned upside down, the image would be accepted."),
        TO_THE_RIGHT: _("Rotated by 90 degrees to the right, the image would be accepted."),
        TO_THE_LEFT: _("Rotated by 90 degrees to the left, the image would be accepted."),
    }[change]


def _find_refusal(
    image: DistantImage, instance: Instance, classifier: Classifier
) -> Refusal | None:
    """Find the reason in the background; None until then."""
    version = instance.typed.version if instance.typed else 0
    card = classifier.card
    key = (instance.identity.sha256, version, card.weights_sha256, card.name)
    refusal = session.refusal(key)
    if refusal is not None:
        return refusal
    work = partial(_work, classifier, image, instance)
    refusal = background.start(_SLOT, key, work).result
    if refusal is not None:
        session.keep_refusal(key, refusal)
    return refusal


def _work(
    classifier: Classifier, image: DistantImage, instance: Instance, report: background.OnProgress
) -> Refusal:
    return explain_refusal(
        classifier,
        instance,
        image.luminance_values(0),
        pixel_aspect=image.pixel_aspect,
        tint=image.tint(0),
        on_progress=report,
    )


def _render_header(refusal: Refusal) -> None:
    st.table(
        [
            {
                _("Field of the header"): f"{_fields()[mismatch.keyword]} ({mismatch.keyword})",
                _("Found"): plain(mismatch.found) or "\u2013",
                _("The AI was built for"): ", ".join(mismatch.expected) or "\u2013",
            }
            for mismatch in refusal.header
        ],
        hide_index=True,
    )


def _fields() -> dict[str, str]:
    return {
        "Modality": _("Modality"),
        "ImageType": _("Kind of picture"),
        "PresentationIntentType": _("Made for"),
        "SamplesPerPixel": _("Colours of a pixel"),
        "NumberOfFrames": _("Number of frames"),
        "BodyPartExamined": _("Body part"),
        "ViewPosition": _("View"),
        "ImageLaterality": _("Side of the body"),
        "PixelSpacing": _("Size of the image"),
        "PatientAge": _("Age"),
    }


def _picture(image: DistantImage, foreign: NDArray[np.float32]) -> bytes:
    with PilImage.open(BytesIO(image.small_picture(_SIDE))) as small:
        return overlay_png(np.asarray(small.convert("RGB")), foreign)
