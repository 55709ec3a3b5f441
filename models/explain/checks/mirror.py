"""Whether a map follows the film, or stays on its side of the picture.

A film and its mirror image show the same disease at mirrored places. A map that stays where it was
when the film is mirrored tells of the picture's sides and not of the film. Nothing here is shown.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.explain.base.subject import Subject
from models.explain.checks.agreement import Agreement, agree
from models.explain.methods.explainer import Attribution, Explainer
from models.rules.crop_box import CropBox


def mirrored(subject: Subject) -> Subject:
    """The same part of the mirrored film."""
    view, region = subject.view, subject.region
    return replace(
        subject,
        squashed=np.ascontiguousarray(subject.squashed[:, ::-1]),
        x=subject.x.flip(-1),
        view=CropBox(view.top, 1 - view.right, view.bottom, 1 - view.left),
        region=None if region is None else np.ascontiguousarray(region[:, ::-1]),
    )


def mirror_agreement(explainer: Explainer, subject: Subject, attribution: Attribution) -> Agreement:
    """How alike a map is to that of the mirrored film, mirrored back.

    Parameters
    ----------
    explainer : Explainer
    subject : Subject
        The film the map is of.
    attribution : Attribution
        The map; its method is asked once more.
    """
    map_ = explainer.attribute(mirrored(subject), attribution.target, attribution.method)
    return agree(attribution.inner, map_.inner[:, ::-1])
