"""Training on a real Ray cluster: the same weights as here, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pixleak.core.errors import InputError
from pixleak.records.prepared.prepare import prepare
from pixleak.runners import runner_for
from pixleak.runners.base import Message
from pixleak.training import TrainingFunction
from pixleak.training.jobs import TrainingJob, finished, train_all
from pixleak.training.recipe import Recipe
from toy_records import bright_squares

pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")


@dataclass(frozen=True, eq=False)
class Fragile(TrainingJob):
    """Kills the process that trains it, the first time."""

    marker: Path = Path()

    def run(self, say):  # type: ignore[no-untyped-def]
        def heard(message: Message) -> None:
            say(message)
            if not self.marker.exists():
                self.marker.touch()
                time.sleep(0.2)
                os.kill(os.getpid(), signal.SIGKILL)

        return super().run(heard)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two workers, which all tests here share."""
    import ray

    from pixleak.runners.ray import _paths

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env=_paths(),
    )
    yield
    ray.shutdown()


def _jobs(folder: Path, marker: Path | None = None) -> list[TrainingJob]:
    prepared = prepare(bright_squares(8), folder / "records")
    recipe = Recipe(network="tiny", epochs=3, batch_size=4)
    jobs: list[TrainingJob] = [
        TrainingJob(n, recipe, prepared, i, folder / f"{n}.safetensors")
        for i, n in enumerate("abc")
    ]
    if marker is not None:
        jobs[1] = Fragile("b", recipe, prepared, 1, folder / "b.safetensors", marker=marker)
    return jobs


@pytest.mark.slow
def test_the_same_weights_as_here_though_a_worker_is_killed(cluster: None, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    local = train_all(_jobs(here), workers=2)
    heard: list[str] = []
    jobs = _jobs(there, tmp_path / "killed")
    found = train_all(jobs, runner=runner_for("ray"), progress=lambda name, *_: heard.append(name))
    assert (tmp_path / "killed").exists()
    assert set(heard) == {"a", "b", "c"}
    assert [m.name for m in found] == [m.name for m in local]
    for mine, theirs in zip(local, found, strict=True):
        assert mine.epoch_losses == theirs.epoch_losses
        one, other = load_file(mine.path), load_file(theirs.path)
        assert one.keys() == other.keys()
        assert all(torch.equal(value, other[key]) for key, value in one.items())
    # What came back is found again, with this runner or the other.
    assert all(finished(job) for job in jobs)
    assert train_all(jobs, resume=True, runner=runner_for("ray")) == found
    assert train_all(jobs, resume=True) == found


@pytest.mark.slow
def test_an_error_comes_back_as_its_sentence(cluster: None, tmp_path: Path) -> None:
    wild = Recipe(network="tiny", optimizer="sgd", lr=1e30, epochs=9)
    records = prepare(bright_squares(8), tmp_path / "records")
    job = TrainingJob("bad", wild, records, 0, tmp_path / "bad.safetensors")
    with pytest.raises(InputError, match=r"training 'bad': training diverged"):
        train_all([job], runner=runner_for("ray"))
    assert not job.path.exists()


def test_records_in_memory_are_those_on_disk(tmp_path: Path) -> None:
    from pixleak.runners.ray import _arrays

    stored = prepare(bright_squares(8), tmp_path / "records").select(["r5", "r1", "r2"])
    moved = stored.in_memory(_arrays(stored.folder))
    assert moved.ids == stored.ids
    assert moved.digest == stored.digest
    assert moved.image_shape == stored.image_shape
    for one, other in zip(stored.batches(2), moved.batches(2), strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.truths, other.truths)


@pytest.mark.slow
def test_a_function_of_the_users_is_trained_there_as_it_is_here(
    cluster: None, tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("OUTPUTS = 2\n")
    (tmp_path / "train.py").write_text(
        "import torch\nfrom beside import OUTPUTS\n\nclass Net(torch.nn.Conv2d):\n    pass\n\n"
        "def train(records, seed):\n    list(records)\n    return Net(1, OUTPUTS, 1)\n"
    )
    method = TrainingFunction(function=f"{tmp_path}/train.py:train")
    job = TrainingJob("mine", method, bright_squares(6), 4, tmp_path / "w.safetensors")
    (model,) = train_all([job], runner=runner_for("ray"))
    back, here = method.load(model.path), method.train(bright_squares(6), seed=4).module
    assert type(back).__name__ == "Net"
    assert all(
        torch.equal(value, back.state_dict()[key]) for key, value in here.state_dict().items()
    )
