"""The serving pipeline says what training's code says, on small films and on large ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from bench.films import film_bytes
from bench.triage_parity import assess_in_full, enlarge
from imaging.dicom import read_image
from imaging.entities import Assessment, Status
from imaging.errors import CheckpointError
from imaging.intake import decode_process
from imaging.intake.decode_process import DecodedFilm
from imaging.jobs import Task
from imaging.settings import ROOT, Settings
from models.batch.file_worker import ENOUGH, FileWorker
from models.checkpoint.installed import find_checkpoint
from models.data.dataset import select
from models.inference import model_input, onnx_networks
from models.inference.assessor import Assessor
from models.inference.classifier import Classifier
from models.inference.fingerprint import fingerprint
from models.inference.model_input import ModelInput, halve, squash
from models.inference.precision_networks import LIMIT
from models.network.checkpoint import save_checkpoint
from models.network.preprocess import equalise
from models.rules.crop_box import WHOLE, CropBox
from models.training.config import read_config
from tests.factories import make_dicom_bytes

DRAW = np.random.default_rng(5)


def grain(rows: int, columns: int) -> NDArray[np.float32]:
    return DRAW.normal(100, 20, (rows, columns)).astype(np.float32)


def said(assessment: Assessment) -> tuple[object, ...]:
    return assessment.status, assessment.answer, assessment.messages


def reading(content: bytes, *, enough: int = 0) -> DecodedFilm:
    """The file as the pipeline reads it, by default in full."""
    found = decode_process.read_for_triage(content, "x", enough=enough)
    assert isinstance(found, DecodedFilm)
    return found


@pytest.mark.parametrize("shape", [(300, 200), (64, 64), (90, 411)])
def test_squashing_is_torchs(shape: tuple[int, int]) -> None:
    values = grain(*shape)
    theirs = F.interpolate(
        torch.from_numpy(values)[None, None], (64, 64), mode="bilinear", antialias=True
    )
    assert squash(values, 64) == pytest.approx(theirs[0, 0].numpy(), abs=1e-4)


@pytest.mark.parametrize("values", [grain(64, 64), np.full((8, 8), 3, np.float32)])
def test_equalising_is_that_of_training_bit_for_bit(values: NDArray[np.float32]) -> None:
    theirs = equalise(torch.from_numpy(values)[None, None])[0, 0].numpy()
    assert np.array_equal(model_input.equalise(values), theirs)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.int32, np.float32])
def test_halving_takes_means_of_any_type(kind: type) -> None:
    values: NDArray[Any] = DRAW.integers(0, 100, (41, 60)).astype(kind)
    expected = values[:40].astype(np.float64).reshape(20, 2, 30, 2).mean((1, 3))
    assert halve(values, enough=15) == pytest.approx(expected, abs=0.51)
    assert halve(values, enough=21) is values


def test_darker_is_brighter_turned() -> None:
    values = grain(50, 40)
    bright = ModelInput.of(values, size=32).input(32)
    turned = ModelInput.of(-values, size=32, reverse=True).input(32)
    assert np.array_equal(bright, turned)


def test_a_part_of_the_picture_is_the_part_of_the_film() -> None:
    values: NDArray[np.float32] = grain(64, 64).cumsum(1)
    box = CropBox(0.25, 0.5, 0.75, 1.0)
    assert np.array_equal(
        ModelInput.of(values, size=32).part(16, box), squash(values[16:48, 32:64], 16)
    )
    assert ModelInput.of(values, size=32).part(16, WHOLE).shape == (16, 16)


def test_both_engines_agree_with_the_classifier(
    tiny_settings: Settings, tiny_classifier: Classifier
) -> None:
    films = [
        make_dicom_bytes(),
        make_dicom_bytes(PhotometricInterpretation="MONOCHROME1"),
        make_dicom_bytes(PatientAge="006Y"),
        make_dicom_bytes(Modality="US"),
        make_dicom_bytes(DRAW.integers(0, 4096, (300, 200)).astype(np.uint16)),
    ]
    served, eager = Assessor.load(tiny_settings), Assessor.load(tiny_settings, eager=True)
    assert (served.engine, eager.engine) == ("onnxruntime fp32", "torch fp32")
    quick = [reading(film, enough=served.size * ENOUGH) for film in films]
    answered = 0
    for film, a, b in zip(films, served.assess(quick), eager.assess(quick), strict=True):
        assert said(a) == said(b)
        if not a.findings:
            continue
        answered += 1
        plain = tiny_classifier.predict(read_image(film).luminance_values(0))
        assert plain.answer is a.answer
        for x, y, z in zip(a.findings, b.findings, plain.findings, strict=True):
            assert x.probability == pytest.approx(y.probability, abs=1e-4)
            assert x.probability == pytest.approx(z.probability, abs=1e-4)
    assert answered == 4


def test_a_batch_says_what_its_films_say_alone(tiny_settings: Settings) -> None:
    assessor = Assessor.load(tiny_settings)
    films = [
        reading(make_dicom_bytes(DRAW.integers(0, 4096, (60, 50)).astype(np.uint16)))
        for _ in range(5)
    ]
    together = assessor.assess(films)
    for film, found in zip(films, together, strict=True):
        (alone,) = assessor.assess([film])
        assert alone.findings[0].probability == pytest.approx(
            found.findings[0].probability, abs=1e-6
        )


def test_a_refused_film_does_not_move_the_others(tiny_settings: Settings) -> None:
    assessor = Assessor.load(tiny_settings)
    good, bad = reading(make_dicom_bytes()), reading(make_dicom_bytes(Modality="US"))
    found = assessor.assess([bad, good, bad])
    assert [f.status for f in found] == [Status.REFUSED, Status.OK, Status.REFUSED]


def test_graphs_of_other_weights_do_not_serve(tmp_path: Path, checkpoint_folder: Path) -> None:
    import shutil

    folder = tmp_path / "tiny"
    shutil.copytree(checkpoint_folder, folder)
    weights = bytearray((folder / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(weights)
    with pytest.raises(CheckpointError, match="damaged or were altered"):
        onnx_networks.OnnxNetworks(folder)


def test_new_weights_take_the_old_graphs_away(tmp_path: Path, tiny_classifier: Classifier) -> None:
    folder = tmp_path / "tiny"
    save_checkpoint(folder, tiny_classifier.trained, tiny_classifier.card)
    graphs_json = folder / "graphs.json"
    graphs_json.write_text("{}")
    save_checkpoint(folder, tiny_classifier.trained, tiny_classifier.card)
    assert not graphs_json.exists()
    settings = Settings(home=tmp_path, weights=tmp_path)
    assert Assessor.load(settings).engine == "torch fp32"


def test_the_shipped_graphs_hold_no_weights_of_their_own() -> None:
    folder = find_checkpoint(ROOT / "models" / "weights", "paediatric-cxr")
    sizes = [(folder / name).stat().st_size for name in (onnx_networks.MEMBERS, onnx_networks.GATE)]
    assert max(sizes) < 1_000_000 < (folder / "weights.safetensors").stat().st_size


def test_the_fingerprint_is_of_weights_rate_and_reading(tiny_settings: Settings) -> None:
    from dataclasses import replace

    one = fingerprint(tiny_settings)
    assert one == fingerprint(tiny_settings)
    others = {
        fingerprint(tiny_settings, reduced=False),
        fingerprint(replace(tiny_settings, weights=ROOT / "models" / "weights")),
        fingerprint(replace(tiny_settings, engine="torch")),
        fingerprint(replace(tiny_settings, outside_population=True)),
    }
    assert one not in others and len(others) == 4
    assert Assessor.load(replace(tiny_settings, engine="torch")).engine == "torch fp32"


def test_a_file_worker_needs_no_torch(tiny_settings: Settings, tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(make_dicom_bytes())
    code = f"""
import sys
from pathlib import Path
from typing import Any
from imaging.jobs import Task
from imaging.settings import Settings
from models.inference.assessor import Assessor
from models.batch.file_worker import ENOUGH, FileWorker
settings = Settings(home=Path("unused"), weights=Path({str(tiny_settings.weights)!r}))
worker = FileWorker(Assessor.load(settings))
(result,) = worker.run([Task("j", 0, "film.dcm", {str(film)!r})], at=lambda _: None)
print(result.outcome.assessment.status.value, {{"torch", "captum", "streamlit"}} & set(sys.modules))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "ok set()"


def test_what_is_known_is_not_read_again(tiny_settings: Settings, tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(make_dicom_bytes())
    worker, task = FileWorker(Assessor.load(tiny_settings)), Task("j", 0, "film.dcm", str(film))
    (first,) = worker.run([task], at=lambda _: None)
    (again,) = worker.run([task], known=lambda hashes: hashes, at=lambda _: None)
    assert first.outcome is not None and again.outcome is None and first.sha256 == again.sha256


def test_the_same_bytes_twice_are_looked_at_once(
    tiny_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("a.dcm", "b.dcm", "c.txt", "d.txt")
    for name in names:
        (tmp_path / name).write_bytes(make_dicom_bytes() if name.endswith("dcm") else b"text")
    looks: list[str] = []
    read = decode_process.read_for_triage

    def listened(content: bytes, file_name: str, **kwargs: Any) -> Any:
        looks.append(file_name)
        return read(content, file_name, **kwargs)

    monkeypatch.setattr(decode_process, "read_for_triage", listened)
    worker = FileWorker(Assessor.load(tiny_settings))
    tasks = [Task("j", i, name, str(tmp_path / name)) for i, name in enumerate(names)]
    found = worker.run(tasks, at=lambda _: None)
    assert looks == ["a.dcm", "c.txt"]
    outcomes = [one.outcome for one in found if one.outcome is not None]
    assert [one.file_name for one in outcomes] == list(names)
    assert outcomes[0].assessment == outcomes[1].assessment
    assert outcomes[2].assessment == outcomes[3].assessment
    assert outcomes[1].instance is not None and outcomes[1].instance.file_name == "b.dcm"


@pytest.mark.slow
def test_large_films_are_answered_as_by_torch(data: Path, tmp_path: Path) -> None:
    """Six films of the parity bench, which measures a hundred (docs/performance.md)."""
    settings = Settings.from_environment()
    films = select(read_config(ROOT / "models/configs/paediatric_cxr.toml").films(data), "val")
    classifier = Classifier.load(find_checkpoint(settings.weights, "paediatric-cxr"))
    worker = FileWorker(Assessor.load(settings))
    place = tmp_path / "film"
    for number, film in enumerate(films[:: len(films) // 5]):
        values = enlarge(film.path, number)
        reference = assess_in_full(classifier, film_bytes("raw", values, number))
        for name in ("raw", "j2k", "htj2k"):
            place.write_bytes(film_bytes(name, values, number))
            (result,) = worker.run([Task("", 0, "film", str(place))], at=lambda _: None)
            assert result.outcome is not None
            found = result.outcome.assessment
            assert said(found) == said(reference)
            assert found.findings[0].probability == pytest.approx(
                reference.findings[0].probability, abs=LIMIT
            )
