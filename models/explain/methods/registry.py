"""The registry of attribution methods: what each is called, what it shows, and its function.

Guided Backpropagation, Guided Grad-CAM and Deconvolution are left out on purpose: their maps hardly
change when the network forgets what it has learned (Adebayo et al., NeurIPS 2018, arXiv
1810.03292).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from models.explain.base.subject import Subject
from models.explain.base.targets import TargetLogOdds
from models.explain.methods import cam, evidence, fused, gradients, perturbation, segments

EVIDENCE, GRADIENT, PERTURBATION = "evidence", "gradient", "perturbation"


@dataclass(frozen=True, slots=True)
class Method:
    """An attribution method.

    Attributes
    ----------
    label, meaning : str
        Its name on screen, and what a reader should know.
    unit : str
        What the numbers of a map count.
    paper : str
        Where it comes from.
    function : callable
        Maps (model, subject) to (1, 1, size, size), signed, over the networks' input.
    forwards : int
        Inputs that one network is shown, about: by them the progress is told.
    kind : str
        How it knows: `EVIDENCE`, `GRADIENT` or `PERTURBATION`. Methods of one kind err alike.
    slow : bool
        True when a reader has to wait for it.
    needs_evidence : bool
        True when only networks whose answer is a sum over places have such a map.
    """

    label: str
    meaning: str
    unit: str
    paper: str
    function: Callable[[TargetLogOdds, Subject], Tensor]
    forwards: int
    kind: str
    slow: bool = False
    needs_evidence: bool = False


METHODS: dict[str, Method] = {
    "evidence": Method(
        "Evidence by area",
        (
            "What each area of the lungs adds to the answer. Nothing is estimated: the AI's "
            "answer is the sum of these areas."
        ),
        "Log-odds per pixel.",
        "Brendel & Bethge, ICLR 2019, arXiv 1904.00760",
        evidence.evidence,
        1,
        EVIDENCE,
        needs_evidence=True,
    ),
    "fused": Method(
        "Combined map",
        (
            "Where fine structure moves the answer away from a blurred image; weak evidence is "
            "left out."
        ),
        "Log-odds per pixel.",
        "Sundararajan et al., ICML 2017, arXiv 1703.01365",
        fused.fused,
        fused.STEPS + 2,
        GRADIENT,
    ),
    "grad_cam": Method(
        "Grad-CAM",
        "Regions whose features raise (or lower) the answer; coarse.",
        "Log-odds per cell of the last feature map.",
        "Selvaraju et al., ICCV 2017, arXiv 1610.02391",
        cam.last_grad_cam,
        1,
        GRADIENT,
    ),
    "grad_cam_fine": Method(
        "Grad-CAM, finer",
        "The same one stage earlier in the model: twice as fine, and further from the answer.",
        "Log-odds per cell of the feature map, to first order.",
        "Selvaraju et al., ICCV 2017, arXiv 1610.02391",
        cam.fine_grad_cam,
        1,
        GRADIENT,
    ),
    "integrated_gradients": Method(
        "Integrated Gradients",
        "Pixels that move the answer away from that of the blurred image; fine and noisy.",
        "Log-odds per pixel.",
        "Sundararajan et al., ICML 2017, arXiv 1703.01365",
        gradients.integrated_gradients,
        gradients.STEPS,
        GRADIENT,
        slow=True,
    ),
    "gradient_shap": Method(
        "GradientSHAP",
        "Pixels that move the answer, on average, away from a blurred, a grey and a noisy image.",
        "Log-odds per pixel.",
        "Lundberg & Lee, NeurIPS 2017, arXiv 1705.07874",
        gradients.gradient_shap,
        gradients.STEPS,
        GRADIENT,
        slow=True,
    ),
    "smooth_grad": Method(
        "SmoothGrad",
        "Pixels to which the answer is sensitive even when the image is made noisier.",
        "Log-odds per pixel, to first order.",
        "Smilkov et al. 2017, arXiv 1706.03825",
        gradients.smooth_grad,
        gradients.STEPS,
        GRADIENT,
        slow=True,
    ),
    "input_x_gradient": Method(
        "Input x Gradient",
        "Pixels to which the answer is sensitive, by how bright or dark they are; very noisy.",
        "Log-odds per pixel, to first order.",
        "Shrikumar et al. 2016, arXiv 1605.01713",
        gradients.input_x_gradient,
        1,
        GRADIENT,
    ),
    "occlusion": Method(
        "Occlusion",
        "How far the answer falls when a window of the image is blurred.",
        "Log-odds per window.",
        "Zeiler & Fergus, ECCV 2014, arXiv 1311.2901",
        perturbation.occlusion,
        perturbation.WINDOWS + 1,
        PERTURBATION,
        slow=True,
    ),
    "superpixels": Method(
        "Areas of one grey",
        "How far the answer falls when an area of one tone is blurred.",
        "Log-odds per area.",
        "Ribeiro et al., KDD 2016, arXiv 1602.04938",
        perturbation.ablate_superpixels,
        segments.GRID**2 + 1,
        PERTURBATION,
        slow=True,
    ),
    "lung_fields": Method(
        "Lung fields",
        "How far the answer falls when a third of a lung, or all around the lungs, is blurred.",
        "Log-odds per field.",
        "Zeiler & Fergus, ECCV 2014, arXiv 1311.2901",
        perturbation.ablate_lung_fields,
        segments.FIELDS + 1,
        PERTURBATION,
    ),
}


def methods_for(*, evidence: bool) -> dict[str, Method]:
    """The methods that explain a network, the one to show first at the beginning.

    Parameters
    ----------
    evidence : bool
        True where the network's answer is a sum over places (`models.network.evidence`).
    """
    return {name: m for name, m in METHODS.items() if evidence or not m.needs_evidence}
