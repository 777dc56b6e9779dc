"""Mistakes at the command line, and models and folders that are not what they were."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pixleak.pipeline.storage.store import alone
from pixleak.results.audit import Result
from private_copies import left_behind
from small_audit import SMALL, invoke

MODEL = """
import torch
def steady(images):
    return torch.cat([images, 1 - images], dim=1) * 3
def members(seed=0):
    draws = torch.Generator().manual_seed(seed)
    return [
        (torch.rand(1, 32, 32, generator=draws), (torch.rand(32, 32, generator=draws) < 0.3).long())
        for _ in range(24)
    ]
def nonmembers():
    return members(1)
def make():
    return torch.nn.Conv2d(1, 2, 3, padding=1)
def nan(images):
    return torch.full((len(images), 2, 32, 32), float("nan"))
def small(images):
    return torch.zeros(len(images), 2, 8, 8)
def logits(images):
    return torch.randn(len(images), 2, 32, 32) * 9
def broken():
    return {}["x"]
def sigmoid(images):
    return 0.4 + 0.2 * torch.rand(len(images), 1, 32, 32)
def half(images):
    return torch.full((len(images), 2, 32, 32), 0.25)
"""


def given(target: dict[str, object], **changes: object) -> dict[str, object]:
    """A configuration with an existing target."""
    phantom = {"reader": "phantom", "count": 24, "size": 32}
    return {
        "members": phantom | {"seed": 1},
        "nonmembers": phantom | {"seed": 2},
        "target": target,
        "attacker": {"shadow": None},
        "run": {"exhibits": 0},
    } | changes


def trying(**tries: object) -> dict[str, object]:
    """A configuration whose attacker tries something else."""
    return SMALL | {"attacker": tries}


MISTAKES: dict[str, tuple[dict[str, object], str]] = {
    "unknown key": (SMALL | {"sead": 1}, "unknown key 'sead', did you mean 'seed'?"),
    "missing folder": (
        SMALL | {"records": {"reader": "folders", "root": "nowhere", "classes": 2}},
        "nowhere",
    ),
    "unknown data set": (
        SMALL | {"records": {"reader": "named", "set": "kvasir", "root": "."}},
        "did you mean 'kvasir-seg'?",
    ),
    "unknown signal": (trying(signals=["cross-entrpy"]), "did you mean 'cross-entropy'?"),
    "unknown option": (
        trying(learned=[{"name": "type-ii-network", "options": {"widht": 4}}]),
        "did you mean 'width'?",
    ),
    "nothing to attack": (trying(signals=[], learned=[]), "nothing to attack with"),
    "no attack at all": (trying(signals=["mask-share"]), "never asks the model"),
    "named twice": (trying(signals=["margin", "margin"]), "'margin' is named twice"),
    "rate of two": (
        SMALL | {"evaluation": {"fprs": [2]}},
        "evaluation.fprs.0 must be less than 1, got 2",
    ),
    "no such device": (
        SMALL | {"target": {"recipe": {}, "device": "abacus"}},
        "device 'abacus' cannot be used here",
    ),
    "background that is no class": (
        SMALL
        | {"records": {"reader": "dataset", "function": "model.py:make", "background": 5}},
        "background=5 is none of the classes 0..1",
    ),
    "data set that fails": (
        SMALL | {"records": {"reader": "dataset", "function": "model.py:broken"}},
        "fails with KeyError",
    ),
    "enormous size": (
        SMALL | {"records": {"reader": "named", "set": "camvid", "root": ".", "size": [9, 99999]}},
        "must be at most 8192",
    ),
    "one channel of probabilities": (
        given({"function": "model.py:sigmoid"}),
        "these look like probabilities",
    ),
    "shadow without records": (
        given({"function": "model.py:logits"},
              attacker={"shadow": {"recipe": {"network": "tiny"}}}),
        "attacker.shadow needs attacker.records",
    ),
    "too few records": (
        SMALL | {"records": {"reader": "phantom", "count": 20, "size": 32}},
        "at least 10",
    ),
    "overlap": (
        given({"function": "model.py:logits"}, nonmembers={
            "reader": "phantom", "count": 24, "size": 32, "seed": 1}),
        "must not overlap",
    ),
    "nan": (given({"function": "model.py:nan"}), "NaN"),
    "wrong shape": (given({"function": "model.py:small"}), "shape"),
    "logits for probabilities": (
        given({"function": "model.py:logits", "access": "probability"}),
        "logit",
    ),
    "sum not one": (
        given({"function": "model.py:half", "access": "probability"}),
        "sum",
    ),
    "no such function": (given({"function": "model.py:nothing"}), "nothing"),
    "no such checkpoint": (
        given({"module": "model.py:make", "checkpoint": "none.safetensors"}),
        "none.safetensors",
    ),
    "signal beyond access": (
        given({"function": "model.py:logits", "access": "label"},
              attacker={"shadow": None, "signals": ["margin"]}),
        "it needs probability access, the target grants label",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_one_sentence_and_code_2(tmp_path: Path, name: str) -> None:
    content, words = MISTAKES[name]
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(content))
    done = invoke("audit", tmp_path / "audit.yaml", "--out", tmp_path / "run")
    said = " ".join(done.stderr.split())
    assert done.exit_code == 2, said
    assert words in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / "result.json").exists()
    # Nothing is trained before everything that was asked for is known to be possible.
    assert "training" not in said


def test_a_model_that_exists_is_audited_from_its_checkpoint(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    (tmp_path / "model.py").write_text(MODEL)
    module = torch.nn.Conv2d(1, 2, 3, padding=1)
    save_file(module.state_dict(), tmp_path / "w.safetensors")
    content = given({"module": "model.py:make", "checkpoint": "w.safetensors"})
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(content))
    done = invoke("audit", tmp_path / "audit.yaml", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    result = Result.read(tmp_path / "run")
    assert result.verdict.answer != "leak"
    assert all(attack.control_auc is not None for attack in result.attacks)


@pytest.mark.slow
def test_other_classes_in_the_same_folder_are_not_mistaken_for_the_old_ones(
    tmp_path: Path,
) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    content = given({"function": "model.py:steady"})
    found = {}
    for background, folder in ((0, "same"), (1, "same"), (1, "fresh")):
        sides = {
            side: {"reader": "dataset", "function": f"model.py:{side}", "background": background}
            for side in ("members", "nonmembers")
        }
        (tmp_path / "audit.yaml").write_text(yaml.safe_dump(content | sides))
        out = tmp_path / folder
        done = invoke("audit", tmp_path / "audit.yaml", "-o", out)
        assert done.exit_code == 0, done.stderr
        dice = [a.auc.value for a in Result.read(out).attacks if a.signal == "dice-loss"]
        found[background, folder] = dice[0]
    assert found[1, "same"] == found[1, "fresh"] != found[0, "same"]


def test_another_model_with_the_same_labels_at_first_is_not_mistaken_for_the_old_one(
    tmp_path: Path,
) -> None:
    labels = (
        "import torch\ncalls = 0\ndef ask(images):\n    global calls\n    calls += len(images)\n"
    )
    # Both say "background" on the first records that are asked for, then go their own ways.
    ways = ("(images[:, 0] > 0.5).long()", "(images[:, 0] > 0.2).long()")
    content = given({"function": "model.py:ask", "access": "label"}, run={"batch_size": 1})
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(content))
    found = []
    for way in ways:
        first = "torch.zeros_like(images[:, 0]).long()"
        (tmp_path / "model.py").write_text(f"{labels}    return {first} if calls <= 4 else {way}\n")
        out = tmp_path / "run"
        done = invoke("audit", tmp_path / "audit.yaml", "-o", out)
        assert done.exit_code == 0, done.stderr
        found.append(pq.read_table(tmp_path / "run" / "signals.parquet"))
    assert not found[0].equals(found[1])


def test_a_run_that_fails_keeps_the_earlier_result_and_no_copies(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    out = tmp_path / "run"
    for function, code in (("steady", 0), ("nan", 2)):
        content = given({"function": f"model.py:{function}"})
        (tmp_path / "audit.yaml").write_text(yaml.safe_dump(content))
        done = invoke("audit", tmp_path / "audit.yaml", "-o", out)
        assert done.exit_code == code, done.stderr
        saved = yaml.safe_load((out / "config.yaml").read_text())
        assert saved["target"]["function"].endswith("steady")
        assert Result.read(out).arguments == saved
        assert not left_behind()


def test_a_signal_that_too_few_records_have_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    content = given({"function": "model.py:steady"})
    sides = {
        side: {"reader": "phantom", "count": 24, "size": 32, "seed": seed, "empty_share": 0.9}
        for seed, side in ((1, "members"), (2, "nonmembers"))
    }
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(content | sides))
    out = tmp_path / "run"
    done = invoke("audit", tmp_path / "audit.yaml", "-o", out)
    assert done.exit_code == 0, done.stderr
    result = Result.read(out)
    assert "cross-entropy" in {attack.signal for attack in result.attacks}
    assert "dice-loss" not in {attack.signal for attack in result.attacks}
    assert any("dice-loss was left out: it is defined for" in w for w in result.warnings)


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(given({"function": "model.py:steady"})))
    out = tmp_path / "run"
    out.mkdir()
    with alone(out):
        done = invoke("audit", tmp_path / "audit.yaml", "-o", out)
    assert done.exit_code == 2
    assert "another run is using" in " ".join(done.stderr.split())


def test_an_output_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(SMALL))
    done = invoke("audit", tmp_path / "audit.yaml", "--out", tmp_path / "file" / "run")
    assert done.exit_code == 2
    assert "cannot write to the output folder" in " ".join(done.stderr.split())
