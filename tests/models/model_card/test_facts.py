"""Model facts: read as stored, doubted when foreign, absent when missing; the card page agrees."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from models.checkpoint.card import ModelCard, Published
from models.model_card import card_page, report
from models.model_card.facts import read_facts
from models.model_card.figure import Figure
from models.model_card.figures import MEANINGS
from models.network.checkpoint import CARD, EVALUATION


def figure(value: float) -> dict[str, float]:
    """An interval of 0.02 around a value, all told apart by their third decimal."""
    return {"value": value, "low": value - 0.011, "high": value + 0.009}


def stored_split(sha256: str) -> dict[str, Any]:
    """What `models.evaluation.evaluate` stores."""
    names = ("auc", "accuracy", "sensitivity", "specificity")
    plain = {name: figure(0.901 + 0.007 * i) for i, name in enumerate(names)}
    return {
        "films": 9,
        "refused": 2,
        "disagreement": {"auc_for_wrong_calls": figure(0.877)},
        "answered": {"all": figure(0.778), "present": figure(0.799), "absent": figure(0.757)},
        "weights_sha256": sha256,
        "split": "test",
        "findings": [
            {
                "code": "pneumonia",
                "exploratory": False,
                "figures": {**plain, "ece": figure(0.041), "ece_noise_floor": {"value": 0.023}},
            },
            {
                "code": "viral",
                "exploratory": True,
                "among": "pneumonia",
                "figures": {"auc": figure(0.777)},
            },
        ],
        "subsets": [
            {
                "name": "first_film",
                "description": "One film of every patient.",
                "films": 5,
                "figures": {name: figure(0.811 + 0.003 * i) for i, name in enumerate(names)},
            }
        ],
        "members": [{"seed": 4, "figures": {"auc": figure(0.888)}}],
        "grades": {
            "classes": ["normal", "bacterial", "viral"],
            "figures": {
                "accuracy": figure(0.652),
                "within_one": figure(0.961),
                "weighted_kappa": figure(0.822),
            },
            "confusion": [[31, 2, 0], [3, 41, 5], [0, 4, 27]],
        },
        "conformal": {
            "error_rate": 0.05,
            "coverage": {"present": figure(0.961), "absent": figure(0.942), "all": figure(0.953)},
            "unsure_share": figure(0.066),
            "accuracy_answered": figure(0.971),
        },
        "answers": {"present": 4, "absent": 2, "unsure": 1, "unsuitable": 2},
    }


TABLES = {
    "test.csv": (
        "file,patient,label,p_pneumonia,p_viral,answer,conformal_set,disagreement,p_member_0\n"
        "right.png,1,viral,0.97,0.5,present,present,0.01,0.9\n"
        "missed.png,2,bacterial,0.02,0.01,absent,absent,0.12,0.1\n"
        "called.png,3,normal,0.91,0.3,present,present,0.34,0.8\n"
        "near.png,4,normal,0.52,0.3,unsure,present absent,0.2,0.5\n"
        "head.png,5,viral,,,unsuitable,,,\n"
    ),
    "test_roc.csv": "threshold,fpr,tpr\n0.9,0.0,0.5\n0.4,0.5,1.0\n0.0,1.0,1.0\n",
    "test_reliability.csv": "bin_upper,mean_probability,frequency,share\n0.5,0.1,0.2,0.4\n"
    "1.0,0.9,0.8,0.6\n",
    "test_selective.csv": "coverage,threshold,accuracy\n0.5,0.9,1.0\n1.0,0.5,0.9\n",
}


def others(sha256: str, gate: str) -> dict[str, dict[str, Any]]:
    """What the other measuring commands store."""
    level = {"corruption": "noise", "label": "Noise", "unit": "%", "films": 6, "mean_change": 0.019}
    level |= {"refused": 3}
    noise = [
        {**level, "level": at, "auc": auc, "auc_low": 0.7, "auc_high": 0.99, "flip_rate": 0.125}
        for at, auc in ((2.0, 0.931), (10.0, 0.862))
    ]
    row = {"split": "test", "films": 6, "auc": figure(0.655), "accuracy": figure(0.644)}
    network = {"name": "lungs_removed", "description": "Lungs gone.", "baseline": False}
    trivial = {"name": "area", "description": "Size alone.", "baseline": True}
    return {
        "robustness.json": {
            "weights_sha256": sha256,
            "films": 6,
            "clean_auc": 0.944,
            "rows": noise,
        },
        "shortcuts.json": {"weights_sha256": sha256, "rows": [row | network, row | trivial]},
        "gate.json": {
            "weights_sha256": gate,
            "auroc": figure(0.981),
            "kinds": [{"kind": "hand", "images": 3, "expected": "refuse", "refused": figure(0.9)}],
            "passed": figure(0.972),
        },
        "elsewhere.json": {
            "weights_sha256": sha256,
            "rows": [
                stored_hospital("own", own=True, auc=0.921, numbers=0.896),
                stored_hospital("Sealand", own=False, auc=0.713, numbers=0.531)
                | {"choice": stored_choice()},
            ],
        },
        "sides.json": {"weights_sha256": sha256, "finding": "pneumonia"} | stored_sides(),
        "starts.json": {
            "weights_sha256": sha256,
            "finding": "pneumonia",
            "rows": [
                stored_start("imagenet", auc=0.926, installed=True),
                stored_start("scratch", auc=0.716, installed=False),
            ],
        },
        "joint.json": {
            "weights_sha256": sha256,
            "films": 7,
            "rows": [
                {"kind": kind, "share": figure(0.361), "hit": figure(0.622), "density": figure(4.1)}
                for kind in ("evidence", "mean_map", "even")
            ],
        },
        "fill.json": {
            "weights_sha256": sha256,
            "fills": [
                {"fill": "lung", "normal_films": 9, "finding_films": 8}
                | {"normal": figure(0.951), "gone": figure(0.852)}
            ],
        },
        "localisation.json": {
            "weights_sha256": sha256,
            "finding": "pneumonia",
            "default": "fused",
            "sets": [
                {
                    "set": "rsna_adult",
                    "films": 5,
                    "called": 4,
                    "change": figure(0.071),
                    "methods": [
                        stored_pointing("fused", 0.333, left=figure(0.444), right=figure(0.055)),
                        stored_pointing("lot", 0.222, left=None, right=figure(0.511)),
                    ],
                }
            ],
        },
        "explanations.json": {
            "weights_sha256": sha256,
            "default": "fused",
            "open_masks": 12,
            "methods": [
                stored_method("grad_cam", gain=figure(0.411), behind=figure(1.244), sane=False),
                stored_method("fused"),
            ],
            "verdicts": {"well supported": 4, "weak": 1, "not reliable": 1},
        },
        "accuracy.json": {
            "weights_sha256": sha256,
            "rows": [
                {"network": "rival", "seeds": 3, "forward_vs_ours": 2.5}
                | {"auc": figure(0.733), "accuracy": figure(0.722)}
            ],
        },
    }


def stored_choice() -> dict[str, Any]:
    """What is stored about the choice of an epoch."""
    return {
        "epochs": 30,
        "views": 5,
        "chosen": {"epoch": 9, "auc": 0.724},
        "own": {"epoch": 7, "auc": 0.684},
        "last": {"epochs": 20, "lowest": 0.672, "mean": 0.69, "highest": 0.735},
    }


def stored_sides() -> dict[str, Any]:
    """What is stored about named sides and masks elsewhere."""
    shares = {"named": 0.853, "called_named": 0.874, "left": 0.826, "right": 0.867}
    shares |= {"mirrored": 0.841, "mean_map": 0.525, "tells": 0.893}
    counts = {"films": 34, "called": 30, "left_films": 12, "right_films": 22, "chance": 0.513}
    lungs = {"share": figure(0.946), "uniform": figure(0.436), "pointing": figure(0.967)}
    return {
        "sides": counts | {name: figure(value) for name, value in shares.items()},
        "lungs": [{"hospital": "Sealand", "films": 19, "called": 17, **lungs}],
    }


def stored_hospital(name: str, *, own: bool, auc: float, numbers: float) -> dict[str, Any]:
    """What is stored about one hospital."""
    return {
        "hospital": name,
        "own": own,
        "chooses": not own,
        "wanted": [0.0, 0.0],
        "finding": "pneumonia",
        "films": 46,
        "answered": 44,
        "with_finding": 19,
        "figures": {"auc": figure(auc), "sensitivity": figure(0.744)},
        "baselines": {"numbers": figure(numbers), "thumbnail": figure(numbers - 0.017)},
    }


def stored_start(kind: str, *, auc: float, installed: bool) -> dict[str, Any]:
    """What is stored about one start of training."""
    sets = [("val", "chooses", auc), ("test", "judges", auc - 0.011)]
    return {
        "start": kind,
        "from": "",
        "trunk": "lite0",
        "size": 160,
        "epochs": 5,
        "weights_sha256": "e" * 64,
        "installed": installed,
        "parameters": 2_960_000,
        "forward": 1.125,
        "choosing_auc": auc,
        "gap_per_forward": 0.163,
        "wins": installed,
        "sets": [
            {"name": name, "role": role, "films": 8}
            | {"figures": {"auc": figure(value), "weighted_kappa": figure(value - 0.1)}}
            for name, role, value in sets
        ],
    }


def stored_pointing(name: str, hit: float, *, left: Any, right: Any) -> dict[str, Any]:
    """What is stored about the places of one method's maps."""
    return {
        "method": name,
        "hit": figure(hit),
        "density": figure(hit + 1.2),
        "left": left,
        "left_films": 2 if left else 0,
        "right": right,
        "right_films": 1,
        "mirror": figure(0.111) if left else None,
    }


def stored_method(name: str, **values: Any) -> dict[str, Any]:
    """What is stored about one attribution method."""
    return {
        "method": name,
        "films": 6,
        "share": figure(0.811),
        "uniform": figure(0.522),
        "pointing": figure(0.833),
        "gain": figure(1.655),
        "behind": None,
        "masks": 9,
        "wide": figure(0.788),
        "wide_pointing": figure(0.866),
        "layers": {"classifier": 0.912, "stem": 0.122},
        "itself": 0.899,
        "random_labels": 0.233,
        "sane": True,
    } | values


def write_evaluation(folder: Path, *, sha256: str = "", gate: str = "g" * 64) -> None:
    """Store a hand-made evaluation beside a checkpoint, of its own weights unless told."""
    stamp = sha256 or ModelCard.read(folder / CARD).weights_sha256
    target = folder / EVALUATION
    target.mkdir()
    for name, values in {"test.json": stored_split(stamp), **others(stamp, gate)}.items():
        (target / name).write_text(json.dumps(values))
    for name, text in TABLES.items():
        (target / name).write_text(text)
    (folder / "gate.json").write_text(json.dumps({"weights_sha256": "g" * 64}))


@pytest.fixture
def folder(checkpoint_folder: Path, tmp_path: Path) -> Path:
    """A checkpoint of its own, without evaluation."""
    return Path(shutil.copytree(checkpoint_folder, tmp_path / "weights" / "tiny"))


def test_every_stored_file_is_read(folder: Path) -> None:
    write_evaluation(folder)
    facts = read_facts(folder)
    assert facts.foreign == facts.unstamped == facts.unreadable == ()
    assert facts.split and facts.split.films == 9 and facts.split.answers["unsure"] == 1
    assert facts.lead and facts.lead.figures["auc"].whole == "0.901 (0.890 \u2013 0.910)"
    assert facts.split.subsets[0].title == "first film" and facts.split.members[0].seed == 4
    assert (len(facts.roc), len(facts.reliability), len(facts.selective)) == (3, 2, 2)
    assert facts.gate and facts.gate.kinds[0].images == 3 and list(facts.gate.shares) == ["passed"]
    assert [s.baseline for s in facts.shortcuts] == [False, True]
    assert facts.contenders[0].forward == 2.5
    assert facts.explanations and facts.explanations.verdicts["weak"] == 1
    assert [m.method for m in facts.explanations.methods] == ["fused", "grad_cam"]
    assert [(s.start, s.wins) for s in facts.starts] == [("imagenet", True), ("scratch", False)]


def test_the_card_shows_how_much_evidence_lies_at_the_joint_line(folder: Path) -> None:
    assert "Evidence at the joint line" not in card_page.card_page(read_facts(folder))
    write_evaluation(folder)
    page = card_page.card_page(read_facts(folder))
    assert "7 test films with the finding" in page
    assert "| The evidence that is shown | 0.361 (0.350 \u2013 0.370) | 0.622" in page


def test_explanations_without_masks_say_so(folder: Path) -> None:
    write_evaluation(folder)
    with_masks = card_page.card_page(read_facts(folder))
    assert "evidence inside the lungs" in with_masks and "no human masks" not in with_masks
    path = folder / EVALUATION / "explanations.json"
    stored = json.loads(path.read_text())
    nothing = {"share": None, "uniform": None, "pointing": None, "masks": 0}
    none = nothing | {"wide": None, "wide_pointing": None}
    stored["methods"] = [method | none for method in stored["methods"]]
    path.write_text(json.dumps(stored))
    page = card_page.card_page(read_facts(folder))
    assert "There are no human masks of these films" in page
    assert "evidence inside the lungs" not in page and "insertion less deletion" in page


def test_the_card_shows_where_training_began(folder: Path) -> None:
    assert "Where training began" not in card_page.card_page(read_facts(folder))
    write_evaluation(folder)
    page = card_page.card_page(read_facts(folder))
    assert "| ImageNet weights, lite0, 5 epochs - installed, chosen | lite0 | 160 x 160 |" in page
    assert "| test (judges) | 8 | 0.915 (0.904 \u2013 0.924) |" in page
    assert "Random weights" in page and "2.96" in page and "0.163" in page


def test_refused_films_are_said_beside_the_figures_and_not_among_them(folder: Path) -> None:
    write_evaluation(folder)
    facts = read_facts(folder)
    assert facts.split and (facts.split.refused, facts.split.measured) == (2, 7)
    assert "head.png" not in {film.file for film in facts.films} and len(facts.films) == 4
    page = card_page.card_page(facts)
    assert "9 films of the test split (2 of them refused as unsuitable" in page
    assert "| not refused, present | 0.799 |" in page and "2 unsuitable" in page
    assert facts.robustness and facts.robustness.levels[0].refused == 3
    assert "| Noise | 10 % | 6 | 3 |" in page


def test_older_figures_say_of_no_film_that_it_was_refused(folder: Path) -> None:
    write_evaluation(folder)
    path = folder / EVALUATION / "test.json"
    older = json.loads(path.read_text())
    del older["refused"], older["answered"]
    path.write_text(json.dumps(older))
    split = read_facts(folder).split
    assert split and split.refused == 0 and split.measured == 9 and not split.answered


def test_without_evaluation_nothing_is_claimed(folder: Path) -> None:
    facts = read_facts(folder)
    assert facts.split is facts.gate is facts.robustness is facts.lead is None
    assert not (facts.roc or facts.films or facts.shortcuts or facts.foreign or facts.unreadable)
    assert card_page.card_page(facts).count("Not measured.") == 13


@pytest.mark.parametrize("name", ["test.json", "test_roc.csv", "robustness.json", "gate.json"])
def test_a_missing_file_leaves_the_others(folder: Path, name: str) -> None:
    write_evaluation(folder)
    (folder / EVALUATION / name).unlink()
    facts = read_facts(folder)
    assert not facts.unreadable and facts.films and facts.shortcuts
    assert (facts.split is None) == (name == "test.json")


@pytest.mark.parametrize(
    ("name", "text"),
    [("test.json", "{"), ("test.json", "[]"), ("gate.json", "{}"), ("test_roc.csv", "fpr\nx\n")],
)
def test_a_spoilt_file_is_named_not_shown(folder: Path, name: str, text: str) -> None:
    write_evaluation(folder)
    (folder / EVALUATION / name).write_text(text)
    facts = read_facts(folder)
    assert facts.unreadable == (name,)
    assert {"test.json": facts.split, "gate.json": facts.gate, "test_roc.csv": None}[name] is None


def test_figures_of_other_weights_are_foreign(folder: Path) -> None:
    write_evaluation(folder, sha256="0" * 64)
    facts = read_facts(folder)
    assert {"test.json", "test.csv", "robustness.json", "shortcuts.json"} <= set(facts.foreign)
    assert "gate.json" not in facts.foreign
    page = card_page.card_page(facts)
    assert "**tiny: test.json measured on other weights**" in page.replace(facts.card.name, "tiny")


def test_the_gate_is_held_against_its_own_weights(folder: Path) -> None:
    write_evaluation(folder, gate="1" * 64)
    assert read_facts(folder).foreign == ("gate.json",)


def test_tables_without_their_stamp_are_doubted(folder: Path) -> None:
    write_evaluation(folder)
    (folder / EVALUATION / "test.json").unlink()
    facts = read_facts(folder)
    assert set(facts.unstamped) == set(TABLES) and len(card_page.problems(facts)) == len(TABLES)


def test_the_most_confident_mistakes_come_first(folder: Path) -> None:
    write_evaluation(folder)
    facts = read_facts(folder)
    wrong = [film.file for film in facts.worst_films(9)]
    assert wrong[:2] == ["missed.png", "called.png"] and "right.png" not in wrong
    assert [film.file for film in facts.worst_films(1)] == ["missed.png"]


def test_published_figures_stand_below_ours(folder: Path) -> None:
    """Card and page; a finding nobody published about gets no row."""
    write_evaluation(folder)
    card = ModelCard.read(folder / CARD)
    other = Published("Somebody 2018", "viral", "other images", {"auc": 0.94})
    replace(card, published=(other,)).write(folder / CARD)
    page = card_page.card_page(read_facts(folder)).partition("## Beside published figures")[2]
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines() if "|" in line]
    assert [row[2] for row in rows[2:4]] == ["this model", "Somebody 2018"]
    assert [row[4] for row in rows[2:4]] == ["0.777", "0.940"]
    assert all(row[1] == "viral" for row in rows[2:])


def test_the_worst_level_stands_for_a_corruption(folder: Path) -> None:
    write_evaluation(folder)
    robustness = read_facts(folder).robustness
    assert robustness and [(w.level, w.text) for w in robustness.worst()] == [(10.0, "10 %")]


def test_an_undefined_figure_is_a_dash() -> None:
    assert Figure.of({"value": float("nan"), "low": None, "high": None}).whole == "\u2013"
    assert Figure.of(0.5).interval == ""


def test_every_figure_has_a_name_and_a_meaning() -> None:
    assert list(card_page.LABELS) == list(MEANINGS)


@pytest.fixture
def readme(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of its own for the command: a README, a docs folder, one checkpoint."""
    write_evaluation(folder)
    path = tmp_path / "README.md"
    path.write_text(f"before\n{report.START}\nold\n{report.END}\nafter\n")
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "WEIGHTS", folder.parent)
    return path


def run(*arguments: str) -> int:
    """Exit status of the command."""
    import typer

    app = typer.Typer()
    app.command()(report.main)
    return CliRunner().invoke(app, arguments).exit_code


def test_the_report_writes_what_the_check_wants(readme: Path) -> None:
    assert run("--check") == 1
    assert run() == 0 and run("--check") == 0
    text = readme.read_text()
    assert "pneumonia: AUC | 0.901 | 0.890" in text and "old" not in text
    assert "0.531" in text and "films of Sealand helped to choose the epoch" in text
    assert text.startswith("before\n") and text.endswith("\nafter\n")


def test_the_check_fails_when_a_stored_figure_changes(readme: Path, folder: Path) -> None:
    run()
    path = folder / EVALUATION / "test.json"
    path.write_text(path.read_text().replace('"value": 0.901', '"value": 0.902'))
    assert run("--check") == 1


def test_the_check_refuses_figures_of_other_weights(readme: Path, folder: Path) -> None:
    path = folder / EVALUATION / "robustness.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "weights_sha256": "0" * 64}))
    assert run() == 0 and run("--check") == 1
