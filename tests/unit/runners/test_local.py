"""Choosing a runner, devices for workers, and a caller that is killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from pixleak.core.errors import InputError, MissingExtraError
from pixleak.runners import runner_for
from pixleak.runners.here import HereRunner
from pixleak.runners.local import LocalRunner, environment, visible_devices
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.training.loop.fit import fit
from pixleak.training.recipe import Recipe
from toy_records import bright_squares

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {support!r})
from toy_records import bright_squares
from pixleak.training.recipe import Recipe
from pixleak.training.jobs import TrainingJob, train_all

recipe = Recipe(network="tiny", epochs=12, batch_size=2)
records = bright_squares(24)
jobs = [
    TrainingJob(f"m{{i}}", recipe, records, i, Path(f"m{{i}}.safetensors"))
    for i in range({models})
]
print("begun", flush=True)
train_all(jobs, workers=2, resume=True, progress=lambda *n: print(*n[:2], flush=True))
print("finished", flush=True)
"""


def _start(folder: Path, models: int) -> subprocess.Popen[str]:
    script = folder.parent / "pool.py"
    support = Path(__file__).parents[2] / "support"
    script.write_text(SCRIPT.format(support=str(support), models=models))
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _weights(folder: Path) -> dict[str, dict[str, list[float]]]:
    # Tensors rather than bytes: the order of a file's metadata varies.
    return {
        path.name: {key: value.flatten().tolist() for key, value in load_file(path).items()}
        for path in sorted(folder.glob("*.safetensors"))
    }


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "models"), [(1, 2), (3, 5)])
def test_killed_at_random_moments_it_ends_with_the_same_models(
    tmp_path: Path, kills: int, models: int
) -> None:
    recipe, records = Recipe(network="tiny", epochs=12, batch_size=2), bright_squares(24)
    expected = {
        f"m{i}.safetensors": {
            name: values.flatten().tolist()
            for name, values in fit(recipe, records, seed=i).module.state_dict().items()
        }
        for i in range(models)
    }
    moments = random.Random(0)
    killed = tmp_path / "killed"
    done: dict[str, bytes] = {}
    for _ in range(kills):
        process = _start(killed, models)
        assert process.stdout is not None
        # After so many of the epochs of all models, of which there are 12 each.
        for _ in range(moments.randint(2, 5 * models)):
            if not process.stdout.readline():
                break
        time.sleep(moments.random() * 0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
        finished = {p.stem: p for p in killed.glob("*.json")}
        for name, content in done.items():  # nothing that was finished changed
            assert (killed / name).read_bytes() == content
        done = {f"{n}.safetensors": (killed / f"{n}.safetensors").read_bytes() for n in finished}
    last = _start(killed, models)
    said = last.communicate(timeout=120)[0].splitlines()
    assert said[-1] == "finished"
    trained = {line.split()[0] for line in said if line.startswith("m")}
    assert trained.isdisjoint(Path(name).stem for name in done)  # not trained again
    assert _weights(killed) == expected


def test_names_of_runners() -> None:
    assert runner_for("local", 3) == LocalRunner(workers=3)
    assert runner_for("ray:auto").address == "auto"  # type: ignore[attr-defined]
    assert runner_for("ray").address is None  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="there is no runner 'rya', did you mean 'ray'"):
        runner_for("rya")
    with pytest.raises(InputError, match="workers must be at least 0, got -1"):
        runner_for("local", -1)


def test_no_workers_means_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runner_for("local", 0) == HereRunner()
    with pytest.raises(InputError, match="workers 0 is this process"):
        runner_for("ray", 0)
    monkeypatch.setenv("PIXLEAK_WORKERS", "3")
    assert runner_for("local") == LocalRunner(workers=3)
    assert runner_for("local", 2) == LocalRunner(workers=2)
    monkeypatch.setenv("PIXLEAK_WORKERS", "")
    assert runner_for("local") == LocalRunner()
    for wrong in ("many", "-1", "5000"):
        monkeypatch.setenv("PIXLEAK_WORKERS", wrong)
        with pytest.raises(InputError, match="PIXLEAK_WORKERS must be a number from 0 to 4096"):
            runner_for("local")


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    job = type("Job", (), {"name": "a", "device": "cpu"})()
    with pytest.raises(MissingExtraError, match=r"pip install 'pixleak\[ray\]'"):
        runner_for("ray").run([job], lambda job, message: None)  # type: ignore[list-item]


def test_devices_are_those_that_may_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-x")
    assert visible_devices() == ["3", "GPU-x"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_devices() == []
    assert environment("3")["CUDA_VISIBLE_DEVICES"] == "3"
    assert environment()["OMP_NUM_THREADS"] == "1"


def test_what_a_job_logs_in_its_process_is_logged_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = Recipe(network="tiny", epochs=1)  # type: ignore[arg-type]
    (tmp_path / "m.partial").write_bytes(b"no state of a training")
    heard: list[int] = []
    job = TrainingJob("m", recipe, bright_squares(4), 0, tmp_path / "m.safetensors")
    train_all([job], progress=lambda *news: heard.append(news[1]))
    assert heard == [1]
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path / 'm.partial'} is damaged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "m.safetensors"]
