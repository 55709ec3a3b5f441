"""Explanations of a task without masks: measured all the same, but for where the evidence lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from models.data.dataset import Film
from models.evaluation.evaluate_explanations import Ruler, measure_rows, method_facts
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier

METHODS = ("grad_cam", "input_x_gradient")


def draw(folder: Path, number: int, *, masked: bool) -> Film:
    """A film with the finding, with a mask of its left half or none."""
    lot, path = np.random.default_rng(number), folder / f"{number}.png"
    Image.fromarray(lot.integers(0, 255, (48, 48), np.uint8)).save(path)
    region = None
    if masked:
        mask = np.zeros((48, 48), np.uint8)
        mask[:, :24] = 255
        region = folder / f"{number}-mask.png"
        Image.fromarray(mask).save(region)
    return Film(path, "bacterial", f"P{number}", "val", region=region)


def test_a_task_without_masks_is_measured_but_for_them(
    tiny_classifier: Classifier, tmp_path: Path
) -> None:
    explainer = Explainer(tiny_classifier)
    ruler = Ruler(explainer, tiny_classifier.card.findings[0], full=True)
    for masked in (False, True):
        folder = tmp_path / str(masked)
        folder.mkdir()
        films = [draw(folder, number, masked=masked) for number in range(2)]
        rows = measure_rows(folder / "rows.csv", films, METHODS, ruler)
        assert len(rows) == 4 and all(np.isfinite(row.gain) for row in rows)
        assert all(np.isfinite(row.share) == masked for row in rows)
        again = measure_rows(folder / "rows.csv", films, METHODS, ruler)
        assert [row.gain for row in again] == [row.gain for row in rows], "nothing is done twice"
        called = [replace(row, called=1) for row in rows]
        found = method_facts("grad_cam", called, (), default="grad_cam")
        assert found["films"] == 2 and np.isfinite(found["gain"]["value"])
        inside = [found[name] is not None for name in ("share", "uniform", "pointing")]
        assert inside == [masked] * 3
