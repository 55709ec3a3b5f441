"""A model's identity: what decides on an answer is under one hash; what is altered shows."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from typer.testing import CliRunner

from imaging.errors import CheckpointError
from imaging.settings import ROOT, Settings
from models.checkpoint import sealing
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD, EVALUATION, MANIFEST, SIGNATURE, measured
from models.checkpoint.sealing import identity_of, read_card, sign_manifest, write_manifest
from models.graphs.export import export
from models.inference.assessor import Assessor
from models.inference.classifier import Classifier
from models.inference.fingerprint import fingerprint
from models.model_card.facts import read_facts
from models.network.checkpoint import save_checkpoint
from pages.ui.network_answer import model_line
from tests.factories import make_dicom_bytes
from tests.served import Judge

SHIPPED = ROOT / "models" / "weights" / "paediatric-cxr"
Spoil = Callable[[Path], object]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The shipped model in a folder of its own, sealed."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "weights" / SHIPPED.name))


@pytest.fixture
def tiny(checkpoint_folder: Path, tmp_path: Path) -> Path:
    """A model in the making: no manifest."""
    return Path(shutil.copytree(checkpoint_folder, tmp_path / "weights" / "tiny"))


def call_nothing(folder: Path) -> None:
    """Finding 11: operating points at which nothing is ever called."""
    card = ModelCard.read(folder / CARD)
    findings = tuple(replace(f, operating_point=0.999) for f in card.findings)
    replace(card, findings=findings).write(folder / CARD)


def other_gate(folder: Path) -> None:
    """Finding 11: another text in the gate's settings."""
    path = folder / "gate.json"
    path.write_text(path.read_text().replace("{", "{ ", 1))


def other_graph(folder: Path) -> None:
    """A graph and its record that fit each other, as `models.graphs.export` would leave them."""
    record = json.loads((folder / "graphs.json").read_text())
    (folder / "gate.onnx").write_bytes((folder / "localiser.onnx").read_bytes())
    record["gate.onnx"] = record["localiser.onnx"]
    (folder / "graphs.json").write_text(json.dumps(record))


@pytest.mark.parametrize("spoil", [call_nothing, other_gate, other_graph])
def test_an_altered_model_neither_serves_nor_explains(model: Path, spoil: Spoil) -> None:
    spoil(model)
    settings = Settings(home=model.parent, weights=model.parent)
    for load in (Assessor.load, fingerprint):
        with pytest.raises(CheckpointError, match="altered"):
            load(settings)
    for read in (Classifier.load, read_facts, read_card):
        with pytest.raises(CheckpointError, match="altered"):
            read(model)


@pytest.mark.parametrize("spoil", [call_nothing, other_gate, other_graph])
def test_without_its_manifest_it_bears_another_hash(model: Path, spoil: Spoil) -> None:
    before, settings = read_card(model), Settings(home=model.parent, weights=model.parent)
    served = fingerprint(settings)
    spoil(model)
    (model / MANIFEST).unlink()
    after = read_card(model)
    assert after.weights_sha256 == before.weights_sha256
    assert model_line(after.identity) != model_line(before.identity)
    assert fingerprint(settings) != served, "stored answers would count as this model's"


def test_every_single_file_is_under_the_seal(model: Path) -> None:
    files = [p for p in model.rglob("*") if p.is_file() and p.name not in (MANIFEST, SIGNATURE)]
    assert len(files) > 30 and {p.name for p in files} >= {CARD, "gate.json", "receipts.json"}
    for path in files:
        content = path.read_bytes()
        for spoilt in (content[:-1] + bytes([content[-1] ^ 1]), content + b"\n"):
            path.write_bytes(spoilt)
            with pytest.raises(CheckpointError, match=path.name):
                identity_of(model)
        path.unlink()
        with pytest.raises(CheckpointError, match=path.name):
            identity_of(model)
        path.write_bytes(content)
    identity_of(model)


@pytest.mark.parametrize("name", ["precision.json", "evaluation/more.json", "deep/er/x"])
def test_a_file_that_was_added_is_refused(model: Path, name: str) -> None:
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).write_text("{}")
    with pytest.raises(CheckpointError, match=name):
        identity_of(model)


def test_a_folder_behind_a_link_is_under_the_hash(model: Path, tmp_path: Path) -> None:
    (model / MANIFEST).unlink()
    before, aside = identity_of(model), tmp_path / "aside"
    aside.mkdir()
    (model / "more").symlink_to(aside)
    (aside / "gate.json").write_text("{}")
    assert identity_of(model) != before


def test_what_systems_strew_is_not_read_and_does_not_count(model: Path) -> None:
    before = identity_of(model)
    (model / ".DS_Store").write_text("x")
    assert identity_of(model) == before


def test_measuring_a_model_makes_no_other_model(tiny: Path) -> None:
    before = write_manifest(tiny)
    target = measured(tiny)
    target.mkdir(exist_ok=True)
    (target / "test.json").write_text("{}")
    assert identity_of(tiny) == before == write_manifest(tiny)
    (target / "test.json").write_text('{"auc": 1}')
    with pytest.raises(CheckpointError, match=EVALUATION):
        read_facts(tiny)


def test_the_answer_bears_the_identity(judge: Judge, checkpoint_folder: Path) -> None:
    said = judge(make_dicom_bytes()).assessment.model
    assert said is not None and said.files_sha256 == identity_of(checkpoint_folder)
    assert said.short_hash == said.files_sha256[:12] != said.weights_sha256[:12]
    assert said.short_hash in model_line(said)


def test_the_shipped_model_is_sealed_as_it_is() -> None:
    listed = json.loads((SHIPPED / MANIFEST).read_text())["files"]
    assert identity_of(SHIPPED) == sealing.identity_of_files(listed)
    assert "models/weights/** -text" in (ROOT / ".gitattributes").read_text()


def test_the_identity_is_the_listing_of_sha256sum(tiny: Path) -> None:
    names = sorted(p.name for p in tiny.iterdir())
    lines = [f"{hashlib.sha256((tiny / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    assert identity_of(tiny) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_files_are_hashed_once_in_a_process(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, reads = identity_of(tiny), list[Path]()
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        reads.append(path)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    assert identity_of(tiny) == before and reads == []
    call_nothing(tiny)
    assert identity_of(tiny) != before and reads != []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2, "files": {}}', '{"format": 1}'])
def test_a_spoilt_manifest_is_one_sentence(tiny: Path, text: str) -> None:
    (tiny / MANIFEST).write_text(text)
    with pytest.raises(CheckpointError, match="tiny"):
        identity_of(tiny)


def test_who_writes_weights_graphs_or_gate_breaks_the_seal(tiny: Path) -> None:
    classifier = Classifier.load(tiny)

    def sealed_after(write: Callable[[], object]) -> bool:
        write_manifest(tiny)
        write()
        return (tiny / MANIFEST).exists()

    assert not sealed_after(lambda: save_checkpoint(tiny, classifier.trained, classifier.card))
    assert not sealed_after(lambda: export(tiny))
    assert ModelCard.read(tiny / CARD).files_sha256 == "", "the hash of a file is not in it"


def keys(folder: Path) -> tuple[Path, Path]:
    """A new pair of keys, as openssl genpkey -algorithm ed25519 writes it."""
    private = Ed25519PrivateKey.generate()
    secret, public = folder / "private.pem", folder / "public.pem"
    secret.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return secret, public


def test_a_site_that_names_a_key_serves_what_was_signed_by_it_alone(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, public = keys(tmp_path)
    monkeypatch.setenv(sealing.KEY, str(public))
    with pytest.raises(CheckpointError, match="not signed"):
        read_card(model)
    sign_manifest(model, secret)
    assert model_line(read_card(model).identity)
    call_nothing(model)
    write_manifest(model)  # who has no key may do this
    with pytest.raises(CheckpointError, match="not signed"):
        read_card(model)
    (tmp_path / "other").mkdir()
    sign_manifest(model, keys(tmp_path / "other")[0])
    with pytest.raises(CheckpointError, match="not signed"):
        Assessor.load(Settings(home=tmp_path, weights=model.parent))


def test_a_site_whose_key_is_gone_serves_nothing(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sealing.KEY, str(tmp_path / "gone.pem"))
    with pytest.raises(CheckpointError, match=sealing.KEY):
        read_card(tiny)


def test_only_what_is_whole_is_signed(tiny: Path, tmp_path: Path) -> None:
    secret, public = keys(tmp_path)
    with pytest.raises(CheckpointError, match="no manifest"):
        sign_manifest(tiny, secret)
    write_manifest(tiny)
    for wrong in (public, tmp_path / "gone"):
        with pytest.raises(CheckpointError, match="private key"):
            sign_manifest(tiny, wrong)
    call_nothing(tiny)
    with pytest.raises(CheckpointError, match="altered"):
        sign_manifest(tiny, secret)


def test_from_the_terminal(tiny: Path, tmp_path: Path) -> None:
    secret, _ = keys(tmp_path)

    def say(*arguments: object) -> str:
        done = CliRunner().invoke(sealing.app, list(map(str, arguments)))
        assert done.exit_code == 0, done.output
        return done.output

    assert "not sealed" in say("verify", tiny)
    identity = say("write", tiny).split()[-1]
    assert "signed" in say("sign", tiny, "--key", secret)
    assert say("verify", tiny).split()[1].startswith(identity)
    assert (tiny / SIGNATURE).stat().st_size == 64
