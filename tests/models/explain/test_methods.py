"""Every attribution method: right on a network solved on paper, and where evidence is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor

from models.explain.base.baselines import BLUR, blur
from models.explain.base.subject import Subject
from models.explain.base.targets import TargetLogOdds
from models.explain.methods import fused, gradients, perturbation
from models.explain.methods.cam import grad_cam
from models.explain.methods.explainer import Explainer
from models.explain.methods.fused import fuse, layer_integrated_gradients
from models.explain.methods.registry import METHODS, methods_for
from models.explain.methods.segments import lung_fields, superpixels
from models.inference.classifier import Classifier
from models.network.network import MultiScaleResNet, NetworkSettings, fold_norms
from models.rules.crop_box import WHOLE
from tests.planted import BRIGHT, DARK, RADIUS, SETTINGS, disc, planted_film, planted_network

POOLED = methods_for(evidence=False)  # methods for a network that pools before it decides

SLOPE, OFFSET = 30.0, 10.0
SIDE = 32


@pytest.fixture
def subject() -> Subject:
    """A film of noise whose tones are all different."""
    x = torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    return Subject(x[0, 0].numpy(), x, WHOLE, (SIDE, SIDE))


@pytest.fixture
def linear() -> TargetLogOdds:
    """Log-odds = `SLOPE` times the mean of (every second pixel of every second row + `OFFSET`).

    The offset keeps every ReLU open; every filter looks at one pixel, every stage takes the mean.
    """
    network = MultiScaleResNet(SETTINGS).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        middle = (0, 0, 1, 1)
        for name, place in (
            ("stem.0", middle),
            ("stem.1", middle),
            ("stages.0.0.shortcut.1", (0, 0, 0, 0)),
            ("stages.1.0.shortcut.1", (0, 0, 0, 0)),
        ):
            layer = network.get_submodule(name)
            layer.get_parameter("0.weight")[place] = 1.0
            layer.get_parameter("1.weight")[0] = (1 + 1e-5) ** 0.5  # undoes the norm's epsilon
        network.get_parameter("stem.0.1.bias")[0] = OFFSET
        network.classifier.weight[1, 0] = SLOPE
    return TargetLogOdds(fold_norms(network).requires_grad_(False), ([1], [0]))


def weights() -> Tensor:
    """The gradient of the linear network: (1, 1, side, side)."""
    found = torch.zeros(1, 1, SIDE, SIDE)
    found[:, :, ::2, ::2] = SLOPE / (SIDE // 2) ** 2
    return found


def gained(subject: Subject) -> Tensor:
    """What each pixel adds to the log-odds of the blurred film."""
    return weights() * (subject.x - blur(subject.x))


def close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-4, atol=3e-4)  # log-odds of 300, in float32


def test_input_x_gradient_on_paper(linear: TargetLogOdds, subject: Subject) -> None:
    assert close(gradients.input_x_gradient(linear, subject), weights() * subject.x)


def test_integrated_gradients_on_paper(linear: TargetLogOdds, subject: Subject) -> None:
    assert close(gradients.integrated_gradients(linear, subject), gained(subject))


def test_smooth_grad_on_paper(linear: TargetLogOdds, subject: Subject) -> None:
    assert close(gradients.smooth_grad(linear, subject), gained(subject))


def test_gradient_shap_on_paper(linear: TargetLogOdds, subject: Subject) -> None:
    """With a constant gradient it is this times the mean way from the baselines drawn."""
    found = gradients.gradient_shap(linear, subject)
    assert (found[weights() == 0] == 0).all()
    seen = weights() != 0
    way = subject.x - blur(subject.x) / 3  # of three baselines one is grey, one noise about it
    error = (found[seen] / weights()[seen] - way[seen]).abs()
    assert error.mean() < 0.5 < way[seen].abs().mean()


def test_occlusion_on_paper(linear: TargetLogOdds, subject: Subject) -> None:
    """A pixel's value is the mean, over the windows that hold it, of what they take away."""
    total, count = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
    gain, starts = gained(subject)[0, 0], [*range(0, SIDE - 6, 3), 27]
    for top in starts:
        for left in starts:
            window = slice(top, top + 6), slice(left, left + 6)
            total[window] += gain[window].sum()
            count[window] += 1
    assert close(perturbation.occlusion(linear, subject)[0, 0], total / count)


@pytest.mark.parametrize("name", ["superpixels", "lung_fields"])
def test_areas_on_paper(linear: TargetLogOdds, subject: Subject, name: str) -> None:
    divided = superpixels(subject.x) if name == "superpixels" else lung_fields(subject)
    gain = gained(subject)
    sums = torch.zeros(int(divided.max()) + 1).index_add_(0, divided.flatten(), gain.flatten())
    assert close(METHODS[name].function(linear, subject), sums[divided])


def test_grad_cam_on_paper(linear: TargetLogOdds, subject: Subject) -> None:
    """At the last stage a cell holds its share of the log-odds."""
    cells = torch.nn.functional.avg_pool2d(subject.x[:, :, ::2, ::2] + OFFSET, 4)
    coarse, logits = grad_cam(linear, subject.x, 2)
    assert close(coarse, cells * SLOPE / cells[0].numel())
    assert float(coarse.sum()) == pytest.approx(float(logits[0, 1] - logits[0, 0]), rel=1e-5)


@pytest.mark.parametrize("depths", [(0,), (0, 1), (1, 2)])
def test_layers_integrated_gradients_add_up(
    linear: TargetLogOdds, subject: Subject, depths: tuple[int, ...]
) -> None:
    """Each layer's pixels add up to the difference between film and baseline."""
    baseline = torch.full_like(subject.x, -2.0)
    change = float(linear(subject.x) - linear(baseline))
    found = layer_integrated_gradients(linear, subject.x, baseline, depths=depths, steps=2)
    # the offset goes: film less baseline; bilinear stretching keeps the sum but at the edges
    assert [float(each.sum()) for each in found] == pytest.approx([change] * len(depths), rel=0.05)


def test_fusing_spares_weak_evidence() -> None:
    """Seven in ten pixels of the mean go, the rest come nearer to zero and keep their sign."""
    values = torch.arange(-10.0, 11.0).reshape(1, 1, 3, 7)
    found = fuse([values, 3 * values]).flatten()
    assert int((found == 0).sum()) / len(found) == pytest.approx(fused.SPARED, abs=0.05)
    assert (found[-3:] > 0).all() and (found[:3] < 0).all()
    assert found.abs().max() == pytest.approx(20 - 14, abs=1e-5)


def test_blurring_keeps_an_even_film_and_takes_detail() -> None:
    even = torch.full((1, 1, SIDE, SIDE), 0.7)
    assert torch.allclose(blur(even), even, atol=1e-6)
    point = torch.zeros(1, 1, 65, 65)
    point[0, 0, 32, 32] = 1.0
    width = ((torch.arange(65) - 32) ** 2 * blur(point)[0, 0].sum(0)).sum().sqrt()
    assert float(width) == pytest.approx(65 * BLUR, rel=0.03)


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("back", [0, 1])
def test_cut_grad_cam_is_captums_to_the_bit(folded: bool, back: int) -> None:
    torch.manual_seed(0)
    network = MultiScaleResNet(NetworkSettings(classes=3)).eval()
    model = TargetLogOdds(fold_norms(network) if folded else network, ([1, 2], [0]))
    size, depth = 64, model.depth - back
    x = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(0))
    layer = model.network.stages[depth - 1]
    theirs = LayerGradCam(model, layer).attribute(x, relu_attributions=False)
    ours, logits = grad_cam(model, x, depth)
    assert torch.equal(ours, theirs)
    with torch.inference_mode():
        assert torch.equal(logits, model.network(x))


@pytest.fixture(scope="module")
def explainer(planted_classifier: Classifier) -> Explainer:
    return Explainer(planted_classifier)


@pytest.mark.parametrize("method", POOLED)
def test_planted_evidence_is_found(explainer: Explainer, method: str) -> None:
    """The strongest evidence for lies in the bright mark, the strongest against in the dark."""
    subject = explainer.look(planted_film(dark=True))
    found = explainer.attribute(subject, "pneumonia", method).inner
    near = 1.3 * RADIUS  # a window, area or cell reaches over the edge of the mark
    bright, dark = disc(len(found), BRIGHT, near), disc(len(found), DARK, near)
    assert found.max() > 0 > found.min()
    assert found[bright].max() == pytest.approx(found.max())
    assert found[dark].min() == pytest.approx(found.min())
    assert found[bright].mean() > 3 * abs(found[~bright & ~dark].mean())


@pytest.mark.parametrize("method", POOLED)
def test_no_mark_no_evidence(explainer: Explainer, method: str) -> None:
    """Nothing on the film moves these networks, and no method makes anything up."""
    film = explainer.look(planted_film(bright=False))
    assert np.abs(explainer.attribute(film, "pneumonia", method).values).max() < 1e-4


@pytest.mark.parametrize("method", POOLED)
def test_what_speaks_for_one_class_speaks_against_the_other(
    explainer: Explainer, method: str
) -> None:
    subject = explainer.look(planted_film())
    one = explainer.attribute(subject, "bacterial|viral", method).values
    other = explainer.attribute(subject, "viral|bacterial", method).values
    assert np.abs(one).max() > 0
    assert np.allclose(one, -other, atol=1e-4 * float(np.abs(one).max()))


@pytest.mark.parametrize("method", POOLED)
def test_spread_is_the_members_disagreement(
    explainer: Explainer, planted_classifier: Classifier, method: str
) -> None:
    subject = explainer.look(planted_film())
    both = explainer.attribute(subject, "pneumonia", method)
    assert both.spread.shape == both.values.shape
    assert both.spread.min() >= 0 and both.spread.max() > 0
    card = replace(planted_classifier.card, members=1)
    only = planted_classifier.private_network().networks[:1]
    single = Explainer(Classifier(type(planted_classifier._trained)(only), card))
    assert (single.attribute(subject, "pneumonia", method).spread == 0).all()


@pytest.mark.parametrize("method", POOLED)
def test_memory_is_bounded_and_the_work_foretold(method: str) -> None:
    """Few inputs at a time, and about as many in all as the registry says."""
    taken: list[int] = []
    network = fold_norms(planted_network(("normal", "bacterial", "viral"), 1.0))
    model = TargetLogOdds(network, ([1, 2], [0]), taken.append)
    x = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    METHODS[method].function(model, Subject(x[0, 0].numpy(), x, WHOLE, (64, 64)))
    assert max(taken) <= 10
    assert 0.6 * METHODS[method].forwards <= sum(taken) <= METHODS[method].forwards


@pytest.mark.parametrize("method", ["gradient_shap", "smooth_grad"])
def test_lots_are_drawn_alike_and_nobody_elses_are_touched(
    explainer: Explainer, method: str
) -> None:
    subject = explainer.look(planted_film())
    torch.manual_seed(1)
    one, expected = explainer.attribute(subject, "pneumonia", method), torch.get_rng_state()
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), expected)
    torch.manual_seed(2)
    np.random.seed(7)
    other = explainer.attribute(subject, "pneumonia", method)
    assert np.array_equal(one.values, other.values)
    assert np.random.rand() == np.random.RandomState(7).rand()


def test_superpixels_follow_the_tones(explainer: Explainer) -> None:
    """Most of a mark lies in areas that hold little else."""
    areas = superpixels(explainer.look(planted_film()).x)[0, 0].numpy()
    assert set(np.unique(areas)) == set(range(areas.max() + 1))
    mark = disc(len(areas))
    pure = [a for a in np.unique(areas) if mark[areas == a].mean() > 0.8]
    assert np.isin(areas[mark], pure).mean() > 0.8


def test_lung_fields_are_thirds_of_the_lungs(subject: Subject) -> None:
    region = np.zeros((SIDE, SIDE), np.float32)
    region[4:28, 4:12] = region[4:28, 20:28] = 1.0
    fields = lung_fields(replace(subject, region=region))[0, 0].numpy()
    assert set(np.unique(fields)) == set(range(7))
    assert fields[16, 16] == fields[0, 0] == 0
    assert len({fields[row, column] for row in (6, 16, 26) for column in (6, 24)}) == 6


def test_lung_fields_without_lungs_are_thirds_of_the_view(subject: Subject) -> None:
    fields = lung_fields(subject)[0, 0].numpy()
    assert len(np.unique(fields)) == 6
    assert len({fields[row, column] for row in (0, 16, 31) for column in (0, 31)}) == 6


def test_every_method_says_what_it_is() -> None:
    for method in METHODS.values():
        assert method.label and method.meaning.endswith(".") and method.unit.endswith(".")
        assert "20" in method.paper and method.forwards >= 1
    for evidence, first in ((False, "fused"), (True, "evidence")):
        assert next(iter(methods_for(evidence=evidence))) == first and not METHODS[first].slow
    banned = ("guided", "deconv")  # their maps outlive what the network has learned
    assert not [m for m in METHODS.values() for word in banned if word in m.label.lower()]
