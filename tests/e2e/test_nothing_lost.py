"""What an audit found is never lost: not to another audit, and not to a full disk."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import nn

import pixleak
from pixleak.auditing import writing as auditing_writing
from pixleak.auditing.writing import UnsavedError
from pixleak.core.errors import InputError
from pixleak.results.audit import Result
from small_audit import invoke

RECORDS = pixleak.phantom(48, size=16, seed=0)
M, N = RECORDS.select(RECORDS.ids[:24]), RECORDS.select(RECORDS.ids[24:])
MODEL = """
import torch
def net():
    torch.manual_seed(0)
    return torch.nn.Conv2d(1, 2, 3, padding=1)
"""
QUICK: dict[str, Any] = {
    "members": {"reader": "phantom", "count": 24, "size": 16, "seed": 1},
    "nonmembers": {"reader": "phantom", "count": 24, "size": 16, "seed": 2},
    "target": {"module": "model.py:net"},
    "attacker": {"signals": ["cross-entropy"], "attacks": []},
    "evaluation": {"replicates": 100},
    "run": {"exhibits": 0},
}


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Conv2d(1, 2, 3, padding=1)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    file = tmp_path / "audit.yaml"
    file.write_text(yaml.safe_dump(QUICK))
    return file


def earlier(folder: Path) -> list[Path]:
    return sorted((folder / "earlier").glob("*"))


def test_another_configuration_moves_the_earlier_result_aside(config: Path) -> None:
    out = config.parent / "out"
    assert invoke("audit", config, "-o", out).exit_code == 0
    first = (out / "result.json").read_bytes()
    assert invoke("audit", config, "-o", out, "--set", "evaluation.level=0.9").exit_code == 0
    (place,) = earlier(out)
    assert place.name == json.loads(first)["created"][:19].replace(":", "-")
    assert (place / "result.json").read_bytes() == first
    assert {"config.yaml", "split.csv", "scores.parquet", "signals.parquet", "report.html"} < {
        path.name for path in place.iterdir()
    }
    assert Result.read(out).arguments["evaluation"]["level"] == 0.9
    assert invoke("report", place).exit_code == 0


def test_the_line_about_it_names_the_folder(config: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = config.parent / "out"
    invoke("audit", config, "-o", out)
    invoke("audit", config, "-o", out, "--set", "seed=1")
    (place,) = earlier(out)
    (told,) = [r.getMessage() for r in caplog.records if "earlier" in r.getMessage()]
    assert told == f"the earlier result in {out} was moved to {place}"


def test_the_same_configuration_replaces_its_own_result(config: Path) -> None:
    out = config.parent / "out"
    for _ in range(2):
        assert invoke("audit", config, "-o", out).exit_code == 0
    # How it runs changes no figure.
    assert invoke("audit", config, "-o", out, "--set", "run.batch_size=3").exit_code == 0
    assert not earlier(out)


def test_a_changed_file_of_a_named_set_is_another_audit_and_is_measured_anew(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draws, asked = np.random.default_rng(0), dict(QUICK)
    for side in ("members", "nonmembers"):
        root = config.parent / side
        for folder, step in (("images", 1), ("masks", 255)):
            (root / folder).mkdir(parents=True)
            for number in range(24):
                pixels = draws.integers(0, 255 // step + 1, (16, 16), np.uint8) * np.uint8(step)
                Image.fromarray(pixels).save(root / folder / f"{side}-{number:02d}.bmp")
        named = {"reader": "named", "set": "kvasir-seg", "channels": 1}
        asked[side] = named | {"root": str(root)}
    config.write_text(yaml.safe_dump(asked))
    out, tables = config.parent / "out", config.parent / "out" / "artefacts" / "signals"
    assert invoke("audit", config, "-o", out).exit_code == 0
    first, measured = Result.read(out), set(tables.glob("[!.]*"))
    assert first.records is not None
    file = root / "images" / "nonmembers-07.bmp"
    was, content = file.stat(), bytearray(file.read_bytes())
    content[-40] ^= 1  # one bit of one pixel, under the old name, size and time
    file.write_bytes(content)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert invoke("audit", config, "-o", out).exit_code == 0
    again = Result.read(out)
    assert again.records is not None
    assert again.records.digest != first.records.digest
    assert set(tables.glob("[!.]*")) - measured
    (place,) = earlier(out)
    assert Result.read(place) == first
    assert any("was moved to" in record.getMessage() for record in caplog.records)


def test_another_model_object_is_another_audit(tmp_path: Path) -> None:
    for model in (net(0), net(0), net(1)):
        pixleak.audit(model, M, N, out=tmp_path)
    assert len(earlier(tmp_path)) == 1


def test_other_scores_move_the_earlier_evaluation_aside(tmp_path: Path) -> None:
    member = np.arange(40) < 20
    scores = np.random.default_rng(0).normal(size=40)
    for given in (scores, scores, -scores):
        pixleak.evaluate(given, member).save(tmp_path)
    (place,) = earlier(tmp_path)
    assert (place / "scores.parquet").is_file()


def test_a_result_that_cannot_be_read_is_moved_aside_as_well(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"created": "../../x"}')
    pixleak.evaluate(range(40), np.arange(40) < 20).save(tmp_path)
    (place,) = earlier(tmp_path)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d", place.name)


def test_another_answer_moves_the_earlier_one_aside(tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    one, other = M.select(M.ids[:1]), M.select(M.ids[1:2])
    for record in (one, one, other):
        pixleak.query(net(), record, N).save(file)
    ((kept,),) = [list(place.iterdir()) for place in earlier(tmp_path)]
    assert json.loads(kept.read_text())["record"] == one.ids[0]
    assert json.loads(file.read_text())["record"] == other.ids[0]


def test_an_answer_takes_the_place_of_no_other_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a,b\n")
    with pytest.raises(InputError, match="is no answer that pixleak wrote"):
        pixleak.query(net(), M.select(M.ids[:1]), N).save(file)
    assert file.read_text() == "a,b\n"


def test_a_result_that_cannot_be_saved_is_printed(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, table: object) -> None:
        raise InputError(f"no space left to write {path}")

    monkeypatch.setattr(auditing_writing, "write_parquet", full)
    done = invoke("audit", config, "-o", config.parent / "out")
    assert done.exit_code == 2
    assert "cross-entropy" in done.stdout.lower()
    assert "the result was computed, but it cannot be saved: no space left" in done.stderr
    assert "Report:" not in done.stdout


def test_the_error_in_python_holds_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path, table: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(auditing_writing, "write_parquet", denied)
    with pytest.raises(UnsavedError, match="Permission denied") as caught:
        pixleak.audit(net(), M, N, out=tmp_path)
    assert isinstance(caught.value.result, pixleak.AuditReport)
    assert str(caught.value.result)


@pytest.fixture
def questions(config: Path) -> Path:
    from PIL import Image

    folder = config.parent
    Image.fromarray(np.full((16, 16), 99, dtype=np.uint8)).save(folder / "in.png")
    Image.fromarray(np.eye(16, dtype=np.uint8)).save(folder / "truth.png")
    target = {"module": "model.py:nowhere"}
    (folder / "query.yaml").write_text(
        yaml.safe_dump({"target": target, "record": {"kind": "photo-to-labels", "channels": 1}})
    )
    (folder / "set.yaml").write_text(
        yaml.safe_dump(
            {"target": target, "owned": QUICK["members"], "comparable": QUICK["nonmembers"]}
        )
    )
    (folder / "scores.csv").write_text("score,member\nx,1\n")
    return folder


@pytest.mark.parametrize(
    "command", [("query", "query.yaml", "in.png", "truth.png"), ("set-test", "set.yaml")]
)
@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("model.py/answer.json", "part of it is a file, not a folder"),
        (".", "there is a folder of that name"),
        ("model.py", "is no answer that pixleak wrote"),
        ("/dev/null", "is no file, but a device or a pipe"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_computed(
    command: tuple[str, ...], out: str, told: str, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(questions)
    done = invoke(*command, "-o", out)  # the model is missing: whoever opened it would say so
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())


def test_evaluate_refuses_its_output_before_it_reads_the_scores(
    questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(questions)
    done = invoke("evaluate", "scores.csv", "-o", "model.py/out")
    assert done.exit_code == 2
    assert "choose another with --out" in " ".join(done.stderr.split())


def test_evaluate_prints_what_it_cannot_save(
    questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{i % 7},{i % 2}\n" for i in range(40))
    (questions / "scores.csv").write_text("score,member\n" + rows)

    def full(self: object, folder: Path) -> Path:
        raise InputError("no space left")

    monkeypatch.setattr(pixleak.AuditReport, "save", full)
    done = invoke("evaluate", questions / "scores.csv", "-o", questions / "out")
    assert done.exit_code == 2
    assert "Evaluation of scores.csv" in done.stdout
    assert "no space left" in done.stderr
