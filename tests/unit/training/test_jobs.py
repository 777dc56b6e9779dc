"""Workers: same weights whatever their number, and nothing lost or left running."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from pixleak.core.disk.whole_files import file_digest
from pixleak.core.errors import InputError, PixleakError
from pixleak.records.base import RecordKey, Records
from pixleak.records.prepared.prepare import prepare
from pixleak.training import jobs as jobs_module
from pixleak.training.checkpoint import load_network
from pixleak.training.jobs import TrainingJob, finished, train_all
from pixleak.training.loop.fit import fit
from pixleak.training.recipe import Recipe
from toy_records import bright_squares

TINY = Recipe(network="tiny", epochs=2, batch_size=4)


def job(
    name: str, folder: Path, recipe: Recipe = TINY, records: Records | None = None, seed: int = 0
) -> TrainingJob:
    records = bright_squares(8) if records is None else records
    return TrainingJob(name, recipe, records, seed, folder / f"{name}.safetensors")


def test_three_jobs_on_two_workers(tmp_path: Path) -> None:
    """Two workers, of which one takes two jobs: each model equals the one trained alone."""
    prepared = prepare(bright_squares(8), tmp_path / "records")
    jobs = [
        job("a", tmp_path, seed=1),
        job("b", tmp_path, seed=1, records=prepared),
        job("c", tmp_path, seed=2),
    ]
    heard: list[tuple[str, int, int, float]] = []
    models = train_all(jobs, workers=2, progress=lambda *news: heard.append(news))
    assert [model.name for model in models] == ["a", "b", "c"]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for one, model in zip(jobs, models, strict=True):
            alone = fit(TINY, one.records, seed=one.seed)
            assert model.epoch_losses == alone.epoch_losses
            stored = load_network(model.path).state_dict()
            for key, value in alone.module.state_dict().items():
                assert torch.equal(stored[key], value)
            assert [news for news in heard if news[0] == one.name] == [
                (one.name, 1, 2, alone.epoch_losses[0]),
                (one.name, 2, 2, alone.epoch_losses[1]),
            ]
            assert finished(one) == model
    finally:
        torch.set_num_threads(threads)
    heard.clear()
    assert train_all(jobs, progress=lambda *news: heard.append(news), resume=True) == models
    assert heard == []


def test_an_error_comes_back_as_its_sentence_and_finished_models_stay(tmp_path: Path) -> None:
    wild = Recipe(network="tiny", optimizer="sgd", lr=1e30, epochs=9)
    jobs = [job("good", tmp_path), job("bad", tmp_path, wild), job("waiting", tmp_path)]
    with pytest.raises(
        InputError, match=r"training 'bad': training diverged in epoch \d: the loss"
    ):
        train_all(jobs)
    assert finished(jobs[0]) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.json", "good.safetensors"]


SCRIPT = """
import signal
import torch
from pathlib import Path
from pixleak.records.base import RecordKey, Records
from pixleak.training.recipe import Recipe
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.core.truth import LabelTruth

# A shell's background jobs ignore interrupts, and so would this script if it inherited that.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("script runs")
images = torch.rand(4, 1, 8, 8)

def load(i):
    return images[i], (images[i, 0] > 0.5).long()

records = Records([RecordKey(str(i)) for i in range(4)], load, LabelTruth(2))
recipe = Recipe(network="tiny", epochs={epochs})
jobs = [TrainingJob(n, recipe, records, 0, Path(n + ".safetensors")) for n in "ab"]
models = train_all(jobs, workers={workers}, progress=lambda *news: print("epoch", flush=True))
print(len(models), "trained")
"""


@pytest.mark.slow
def test_a_plain_script_needs_no_main_guard(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT.format(epochs=1, workers=1))
    # What lies in the working folder must not get in the workers' way.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "torch.py").write_text("raise ImportError")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "mine.py")],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["script runs", "epoch", "epoch", "2 trained"]
    assert (elsewhere / "a.safetensors").is_file()


def children(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    )
    return [int(line) for line in listed.stdout.split()]


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_an_interrupted_caller_ends_its_workers(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT.format(epochs=100_000, workers=1))
    caller = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert caller.stdout is not None
    while caller.stdout.readline() != "epoch\n":
        assert caller.poll() is None
    workers = children(caller.pid)
    assert len(workers) == 2  # one that trains, and the guard of the copies of the records
    caller.send_signal(signal.SIGINT)
    caller.communicate(timeout=30)
    deadline = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_worker_whose_caller_is_gone_ends() -> None:
    """However the caller went, its end of the pipe is closed."""
    command = [sys.executable, "-m", "pixleak.runners.worker"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, env=env, timeout=30)
    assert done.returncode == 0


def test_a_worker_that_dies_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os, signal; os.kill(os.getpid(), 9)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        PixleakError, match=r"the process training 'a' ended with signal 9 \(out of memory\?\)"
    ):
        train_all([job("a", tmp_path)], workers=1)


def test_an_unforeseen_error_brings_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "prepare", lambda records, folder: "no records")
    with pytest.raises(RuntimeError, match="training 'a' failed:\nTraceback"):
        train_all([job("a", tmp_path)])


def test_jobs_that_collide(tmp_path: Path) -> None:
    def refused(jobs: list[TrainingJob], sentence: str, workers: int | None = None) -> None:
        with pytest.raises(InputError, match=re.escape(sentence)):
            train_all(jobs, workers=workers)

    one, two = job("a", tmp_path), job("b", tmp_path)
    refused([one, one], "two training jobs share the name 'a'")
    same_place = TrainingJob("b", TINY, two.records, 0, tmp_path / "x" / ".." / "a.safetensors")
    refused([one, same_place], "two training jobs share the path")
    refused([one], "workers must be at least 0, got -1", workers=-1)
    assert train_all([]) == []


def test_records_that_cannot_be_stored_are_refused_before_training(tmp_path: Path) -> None:
    def load(index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(1, 4, 4), torch.full((4, 4), 9)

    records = Records([RecordKey("r")], load, bright_squares().truth)
    with pytest.raises(InputError, match=r"'r'.*9"):
        train_all([job("a", tmp_path, records=records)])


def test_what_is_damaged_or_of_another_training_is_not_finished_and_a_line_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = prepare(bright_squares(8), tmp_path / "records")
    one = job("a", tmp_path, records=records)
    summary = one.path.with_suffix(".json")
    assert finished(one) is None
    one.path.write_bytes(b"weights")
    assert finished(one) is None
    assert not caplog.records
    told = {
        "recipe": TINY.model_dump(mode="json"),
        "seed": 0,
        "records": records.digest,
        "reserve": None,
        "epoch_losses": [1.0],
        "seconds": 2.0,
        "facts": {},
        "digests": {one.path.name: file_digest(one.path)},
    }
    text = json.dumps(told, sort_keys=True)
    told["digest"] = hashlib.sha256(text.encode()).hexdigest()
    whole = json.dumps(told)

    def refused(meant: TrainingJob, content: str) -> None:
        summary.write_text(content)
        caplog.clear()
        assert [finished(meant), finished(meant)] == [None, None]
        assert ["computed again" in line for line in caplog.messages] == [True]

    summary.write_text(whole)
    # Of a training that was killed when all but its partial states was in order.
    for name in ("a.partial", "a.partial.teacher", "a.partial.teacher.partial"):
        (tmp_path / name).write_bytes(b"state")
    found = finished(one)
    assert found is not None
    assert not list(tmp_path.glob("*.partial*"))
    assert found.epoch_losses == (1.0,)
    refused(job("a", tmp_path, records=records, seed=1), whole)
    refused(job("a", tmp_path, TINY.model_copy(update={"lr": 0.1}), records=records), whole)
    # The same training of other records, put in this one's place.
    refused(job("a", tmp_path, records=records.select(records.ids[1:])), whole)
    for other in ("{", "[]", "{}", whole.replace("1.0", "1.5"), whole.replace("2.0", "2.5")):
        refused(one, other)
    one.path.write_bytes(b"weighty")
    refused(one, whole)
    one.path.unlink()
    refused(one, whole)
