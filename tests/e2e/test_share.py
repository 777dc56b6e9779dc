"""A report to pass on holds no path, no name of a person or machine, no id, and no picture."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import pixleak
from pixleak.cli.app import app
from pixleak.core.errors import InputError
from pixleak.records.base import RecordKey, Records


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secret-folder")
    plain = pixleak.phantom(48, size=16, seed=0)
    keys = [RecordKey(f"mueller-{i:02}", subject=f"patient-{i // 2}") for i in range(48)]
    records = Records(keys, plain.load, plain.truth, str(folder / "images"))
    torch.manual_seed(0)
    report = pixleak.audit(
        torch.nn.Conv2d(1, 2, 3, padding=1),
        records.select(records.ids[:24]),
        records.select(records.ids[24:]),
        evaluation=pixleak.Evaluation(replicates=100),
        out=folder / "run",
    )
    return report.save(folder / "run").parent


@pytest.mark.parametrize("pictures", [False, True])
def test_nothing_private_is_passed_on(run: Path, tmp_path: Path, pictures: bool) -> None:
    options = ["--pictures"] if pictures else []
    out = tmp_path / "shared"
    done = CliRunner().invoke(app, ["report", str(run), "--share", str(out), *options])
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "result.json"]
    whole, page = (run / "result.json").read_text(), (out / "report.html").read_text()
    shared = (out / "result.json").read_text()
    assert "secret-folder" in whole
    assert "mueller" in whole
    for text in (shared, page):
        for private in ("secret-folder", "mueller", "patient-", str(run.parent), str(Path.home())):
            assert private not in text
        for word in (getpass.getuser(), platform.node()):
            assert len(word) < 3 or f"/{word}" not in text
    before, after = json.loads(whole), json.loads(shared)
    assert after["verdict"] == before["verdict"]
    assert after["attacks"] == before["attacks"]
    assert ("exposed-records" in after["sections"]) == pictures
    assert ("data:image/png" in page) == pictures


def test_it_never_replaces_the_run(run: Path, tmp_path: Path) -> None:
    from pixleak.report.share import write_shared_copy

    with pytest.raises(InputError, match="the run's own folder"):
        write_shared_copy(run, run)
    done = CliRunner().invoke(app, ["report", str(run), "--pictures"])
    assert done.exit_code == 2


@pytest.mark.parametrize("user", ["root", "mean", "a", "members"])
def test_a_user_named_like_a_word_renames_no_word(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    from pixleak.report.share import write_shared_copy

    monkeypatch.setattr(getpass, "getuser", lambda: user)
    monkeypatch.setenv("HOME", f"/home/{user}")
    write_shared_copy(run, tmp_path / "shared")
    before, after = (
        json.loads((folder / "result.json").read_text()) for folder in (run, tmp_path / "shared")
    )
    assert after["shift"] == before["shift"]
    assert after["attacks"] == before["attacks"]
    assert after["arguments"].keys() == before["arguments"].keys()
