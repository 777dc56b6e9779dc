"""A command of the user's own: what it is told, what may come of it, and what is left behind."""

from __future__ import annotations

import csv
import logging
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch import nn

import brightness_script
from pixleak.core.errors import InputError
from pixleak.training import TrainingCommand
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.training.own.process import run_command
from toy_records import bright_squares

RECORDS = bright_squares(3)


def load(path: Path) -> nn.Module:
    module = nn.Conv2d(1, 2, 1)
    module.load_state_dict(torch.load(path, weights_only=True))
    return module


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.py"


def command(script: Path, text: str, places: str = "{ids} {out}", **options: Any) -> Any:
    script.write_text(textwrap.dedent(text))
    words = f"{sys.executable} script.py {places}"
    return TrainingCommand(**({"command": words, "load": load, "folder": script.parent} | options))


def test_it_is_told_records_as_lists_folders_and_ids(script: Path) -> None:
    text = """
        import json, pathlib, sys, shutil
        ids, records, images, truths, seed, device, out = sys.argv[1:]
        kept = pathlib.Path("kept")
        kept.mkdir()
        for i, path in enumerate((images, truths)):
            shutil.copytree(path, kept / str(i))
        shutil.copy(ids, kept)
        shutil.copy(records, kept)
        (kept / "rest.json").write_text(json.dumps([images, seed, device, out]))
    """
    method = command(script, text, "{ids} {records} {images} {truths} {seed} {device} {out}")
    with pytest.raises(InputError, match="wrote no model: it must write one to the path"):
        method.train(RECORDS, seed=2**33 + 5)
    kept = script.parent / "kept"
    assert (kept / "ids.txt").read_text().splitlines() == list(RECORDS.ids)
    rows = list(csv.DictReader((kept / "records.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == list(RECORDS.ids)
    assert [Path(row["image"]).name for row in rows] == ["00000.npy", "00001.npy", "00002.npy"]
    for i, record in enumerate(RECORDS):
        image, truth = (np.load(kept / side / f"{i:05d}.npy") for side in "01")
        assert np.array_equal(image, record.image.numpy())
        assert np.array_equal(truth, record.truth.numpy())
    text = (kept / "rest.json").read_text()
    assert '"5", "cpu"' in text
    assert not Path(text.split('"')[1]).exists()  # copies of private images are gone


def test_images_are_only_written_where_the_command_wants_them(script: Path) -> None:
    text = """
        import pathlib, sys
        pathlib.Path("found").write_text(" ".join(sorted(p.name for p in
            pathlib.Path(sys.argv[1]).parent.iterdir())))
    """
    with pytest.raises(InputError, match="wrote no model"):
        command(script, text).train(RECORDS, seed=0)
    assert (script.parent / "found").read_text() == "ids.txt"


@pytest.mark.slow
def test_a_model_is_trained_in_a_process_and_its_lines_are_shown(
    script: Path, caplog: pytest.LogCaptureFixture
) -> None:
    method = TrainingCommand(
        command=f"{{python}} {brightness_script.__file__} {{records}} {{seed}} {{out}}",
        load=f"{brightness_script.__file__}:load",
    )
    job = TrainingJob("mine", method, RECORDS, 5, script.parent / "w.safetensors")
    with caplog.at_level(logging.WARNING, logger="pixleak"):
        (model,) = train_all([job], workers=1)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("mine: loss 0.")
    here = method.train(RECORDS, seed=5).module.state_dict()
    there = method.load(model.path).state_dict()
    assert all(torch.equal(value, there[key]) for key, value in here.items())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "1 / 0",
            r"ended with exit code 1; the end .* standard error:\n(.*\n)*.*ZeroDivisionError",
        ),
        ("raise SystemExit(3)", "ended with exit code 3, and wrote nothing on standard error"),
        ("import os; os.kill(os.getpid(), 9)", r"was ended by signal 9 \(out of memory\?\)"),
        (
            "import sys; open(sys.argv[-1], 'w').close()",
            r"load: load fails with .*Error",
        ),
    ],
)
def test_how_a_command_can_fail(script: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        command(script, text).train(RECORDS, seed=0)


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(script: Path) -> None:
    text = """
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open("child", "w").write(str(child.pid))
        time.sleep(60)
    """
    method = command(script, text, limit=2)
    with pytest.raises(InputError, match=r"did not end within 2 seconds \(limit\), and was ended"):
        method.train(RECORDS, seed=0)
    _gone(int((script.parent / "child").read_text()))


def _gone(number: int) -> None:
    until = time.monotonic() + 20
    while psutil.pid_exists(number) and psutil.Process(number).status() != "zombie":
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_command_ends_with_the_process_that_waits_for_it(tmp_path: Path) -> None:
    waits = (
        "import sys; from pathlib import Path\n"
        "from pixleak.training.own.process import run_command\n"
        "run_command([sys.executable, '-c', 'import os, time; "
        'open("number", "w").write(str(os.getpid())); time.sleep(60)\'], '
        "Path('.'), limit=None, on_line=print)"
    )
    waiting = subprocess.Popen([sys.executable, "-c", waits], cwd=tmp_path)
    number, until = tmp_path / "number", time.monotonic() + 60
    while not (number.is_file() and number.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    waiting.kill()
    waiting.wait()
    _gone(int(number.read_text()))


def test_a_command_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the command `no-such-program` cannot be started in "):
        run_command(["no-such-program"], tmp_path, limit=None, on_line=print)


def test_a_command_has_the_callers_own_import_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setenv("PYTHONPATH", "/of/the/worker")
    monkeypatch.setenv("PIXLEAK_CALLERS_PYTHONPATH", "")
    show = [sys.executable, "-c", "import os; print(os.environ.get('PYTHONPATH'))"]
    run_command(show, tmp_path, limit=None, on_line=lines.append)
    assert lines == ["None"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"command": "train {ids}"}, r"does not say where to write the model: add the place {out}"),
        ({"command": "train {out}"}, r"does not say what to train on: add one of the places"),
        ({"command": "train {id} {out}"}, r"no place {id}; there are {ids}"),
        ({"command": "train {ids {out}"}, "write {{ for a brace"),
        ({"command": "train 'a"}, "cannot be read as a command"),
        ({"command": ""}, "it is empty"),
        ({"limit": 0}, "greater than 0"),
        ({"folder": "/no/such/place"}, "there is no folder /no/such/place"),
        ({"load": lambda: None}, r"load: .* takes nothing, but is called with path"),
        ({"load": "missing.py:load"}, "there is no file missing.py"),
        ({"files": ["missing.yaml"]}, "there is no file or folder missing.yaml"),
    ],
)
def test_settings_that_do_not_fit_are_refused_at_once(options: dict[str, Any], told: str) -> None:
    given = {"command": "train {ids} {out}", "load": load} | options
    with pytest.raises(InputError, match=told):
        TrainingCommand(**given)


def test_what_it_names_determines_it_and_where_it_lies_does_not(
    script: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = "import helper"
    (script.parent / "helper.py").write_text("X = 1\n")
    (script.parent / "conf.yaml").write_text("lr: 1\n")
    places = "--conf=conf.yaml {ids} {out}"
    first = command(script, text, places)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("helper.py", "conf.yaml"):
        (elsewhere / name).write_text((script.parent / name).read_text())
    assert command(elsewhere / "script.py", text, places).identity == first.identity
    assert command(script, text, places, limit=7).identity == first.identity
    for name, content in (("helper.py", "X = 2\n"), ("conf.yaml", "lr: 2\n")):
        (script.parent / name).write_text(content)
        second = command(script, text, places)
        assert second.identity != first.identity
        first = second
    assert command(script, text, places + " more").identity != first.identity


def test_a_brace_is_written_twice_and_words_may_be_a_list(script: Path) -> None:
    text = "import sys; open('words', 'w').write('|'.join(sys.argv[1:-1]))"
    words = (sys.executable, "script.py", "a {{b}} c", "--ids={ids}", "{out}")
    with pytest.raises(InputError, match="wrote no model"):
        command(script, text, command=words).train(RECORDS, seed=0)
    first, second = (script.parent / "words").read_text().split("|")
    assert first == "a {b} c"
    assert second.startswith("--ids=/")
    assert second.endswith("ids.txt")


def test_private_copies_go_even_when_the_training_fails(
    script: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "private"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(place))
    with pytest.raises(InputError, match="exit code 1"):
        command(script, "1 / 0", "{images} {out}").train(RECORDS, seed=0)
    assert list(place.iterdir()) == []
