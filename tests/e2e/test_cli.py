"""The command line as a user runs it: a whole audit on generated images, then mistakes.

One audit runs in a process of its own. The others run in this one, since a process spends several
seconds on its imports.

One long file, since its tests share the one audit that they look at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from pixleak.analyses.exposed_records import Exposures
from pixleak.analyses.walk import result_schema
from pixleak.cli.app import app
from pixleak.pipeline.storage.store import alone
from pixleak.results.audit import Result

SMALL = {
    "title": "A <small> audit",
    "records": {"reader": "phantom", "count": 96, "size": 32, "label_noise": 0.6, "seed": 3},
    "target": {"recipe": {"network": "unet", "epochs": 10, "lr": 0.003}},
    "attacker": {
        "learned": [
            "type-i-logistic",
            "type-ii-logistic",
            {"name": "type-ii-network", "options": {"width": 4, "epochs": 2}},
            {"name": "loss-map-patches", "options": {"epochs": 2}},
        ],
    },
    "evaluation": {"replicates": 200},
    "run": {"exhibits": 3},
}


def invoke(*args: str | Path) -> CliResult:
    """``pixleak ARGS`` in this process."""
    return CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "140"})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one finished small audit."""
    folder = tmp_path_factory.mktemp("audit")
    config = folder / "audit.yaml"
    config.write_text(yaml.safe_dump(SMALL))
    done = subprocess.run(
        [sys.executable, "-m", "pixleak", "audit", config, "--out", "run", "--set", "seed=1"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        env={**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "140"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Report:" in done.stdout
    return folder / "run"


def test_a_run_folder_is_whole(finished: Path) -> None:
    result = Result.read(finished)
    content = json.loads((finished / "result.json").read_text())
    Draft202012Validator(result_schema()).validate(content)
    assert result.title == "A <small> audit"
    assert result.seeds["seed"] == 1
    assert yaml.safe_load((finished / "config.yaml").read_text())["seed"] == 1
    assert result.split is not None
    assert set(result.split.counts.values()) == {24, 0}
    assert result.split.counts["population"] == result.split.counts["canaries"] == 0
    rows = (finished / "split.csv").read_text().splitlines()
    assert rows[0].startswith("id,role")
    assert len(rows) == 97
    assert {"target", "shadow", "untrained"} == {model.name for model in result.models}
    for model in result.models[:2]:
        assert model.weights is not None
        assert (finished / model.weights).is_file()
    assert not (finished / "artefacts" / ".records").exists()


def test_every_attack_has_its_interval_its_control_and_one_row_a_record(finished: Path) -> None:
    result = Result.read(finished)
    signals = {attack.signal for attack in result.attacks}
    assert {
        "cross-entropy", "dice-loss", "type-i-logistic", "type-ii-logistic", "type-ii-network",
        "loss-map-patches",
    } <= signals  # fmt: skip
    scores = pq.read_table(finished / "scores.parquet")
    for attack in result.attacks:
        assert attack.auc.low <= attack.auc.value <= attack.auc.high
        assert attack.control_auc is not None
        assert [rate.fpr for rate in attack.tpr_at_fpr] == [0.1, 0.01, 0.001]
        assert [rate.resolvable for rate in attack.tpr_at_fpr] == [True, False, False]
        mine = (pc.field("signal") == attack.signal) & (pc.field("kind") == "attack")
        rows = scores.filter(mine)
        assert len(rows) == len(set(rows["id"].to_pylist())) == 48
        assert rows["score"].null_count == attack.not_measured
    assert {control.name for control in result.controls} == {"blind-baseline", "untrained-model"}


def test_pictures_of_the_most_and_least_exposed_records_are_kept(finished: Path) -> None:
    exposures = Result.read(finished).section(Exposures)
    assert exposures is not None
    assert [(e.side, e.rank) for e in exposures.records] == [
        ("most", 1), ("most", 2), ("most", 3), ("least", 1), ("least", 2), ("least", 3),
    ]  # fmt: skip
    with np.load(finished / "exhibits.npz") as arrays:
        for exposure in exposures.records:
            k = exposure.exhibit
            assert arrays[f"image/{k}"].shape == arrays[f"loss/{k}"].shape == (32, 32)
            assert arrays[f"truth/{k}"].dtype == np.int16


def test_the_same_command_again_uses_what_is_there_and_says_the_same(finished: Path) -> None:
    before = Result.read(finished)
    weights = [finished / str(m.weights) for m in before.models if m.weights is not None]
    written = [path.stat().st_mtime_ns for path in weights]
    config = finished.parent / "audit.yaml"
    done = invoke("audit", config, "--out", finished, "--set", "seed=1")
    assert done.exit_code == 0, done.stderr
    after = Result.read(finished)
    assert [path.stat().st_mtime_ns for path in weights] == written
    assert after.attacks == before.attacks
    assert after.verdict == before.verdict


def test_the_report_is_made_again_from_the_saved_run_alone(finished: Path) -> None:
    page = finished / "report.html"
    page.unlink()
    done = invoke("report", finished)
    assert done.exit_code == 0, done.stderr
    assert "A &lt;small&gt; audit" in page.read_text()


def test_scores_from_a_file_are_evaluated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["id,score,member"]
    lines += [f"r{i},{rng.normal() + 2 * (i < 100)},{int(i < 100)}" for i in range(200)]
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    done = invoke("evaluate", tmp_path / "scores.csv", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert Result.read(tmp_path / "run").verdict.answer == "leak"
    assert (tmp_path / "run" / "report.html").is_file()


def test_init_writes_a_configuration_that_is_valid_and_is_not_overwritten(
    tmp_path: Path,
) -> None:
    assert invoke("init", tmp_path / "mine.yaml").exit_code == 0
    (tmp_path / "mine.yaml").write_text("title: edited")
    again = invoke("init", tmp_path / "mine.yaml")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert (tmp_path / "mine.yaml").read_text() == "title: edited"


def test_list_names_every_family() -> None:
    done = invoke("list")
    assert done.exit_code == 0, done.stderr
    for name in ("cross-entropy", "type-ii-network", "threshold", "kvasir-seg", "smp-unet"):
        assert name in done.stdout


@pytest.mark.parametrize(
    "args", [("--help",), ("audit", "--help"), ("--version",), ("data", "--help")]
)
def test_help_loads_nothing_heavy(args: tuple[str, ...]) -> None:
    code = (
        "import sys, pixleak.cli.app\n"
        f"sys.argv = ['pixleak', *{args!r}]\n"
        "try:\n    pixleak.cli.app.main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'monai', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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
        assert not (out / "artefacts" / ".records").exists()


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
