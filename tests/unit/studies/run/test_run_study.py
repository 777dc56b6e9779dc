"""A small study, run in this process so that its jobs can be made to fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from pixleak.core.errors import InputError
from pixleak.pipeline.storage.store import alone
from pixleak.runners import Job, Runner
from pixleak.runners.base import Message, OnMessage, outcome
from pixleak.studies.plan.study_config import StudyConfig
from pixleak.studies.plan.study_plan import StudyPlan, TimeEstimate
from pixleak.studies.run import run_study as module
from pixleak.studies.run.cell_job import CellJob
from pixleak.studies.run.run_study import plan_study, run_study
from pixleak.studies.summary.study_result import StudyResult
from pixleak.training.jobs import TrainingJob
from private_copies import left_behind

STUDY = StudyConfig(
    base={
        "records": {"reader": "phantom", "count": 60, "size": 16},
        "target": {"recipe": {"network": "tiny", "epochs": 1}},
        "attacker": {"shadow": None, "signals": ["cross-entropy"], "attacks": []},
        "evaluation": {"replicates": 100},
    },
    axes={"defence": ["none", "rounding"], "seed": [0, 1]},
)


@dataclass
class InThisProcess(Runner):
    """Runs jobs one after another; ``fails`` answers in place of some of them."""

    fails: Callable[[Job], Message | None] = lambda job: None
    jobs: list[Job] = field(default_factory=list)
    name = "local"

    def run(
        self, jobs: Sequence[Job], on_message: OnMessage, *, keep_going: bool = False
    ) -> list[Message]:
        assert keep_going
        self.jobs += jobs
        return [
            self.fails(job) or outcome(job, lambda said, job=job: on_message(job, said))
            for job in jobs
        ]


@dataclass
class Recorded:
    """Progress that remembers what it was told."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        self.steps.append((name, done, total))


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> InThisProcess:
    made = InThisProcess()
    monkeypatch.setattr(module, "runner_for", lambda *_: made)
    return made


def errors_of(result: StudyResult) -> dict[str, str | None]:
    return {cell.label: cell.error for cell in result.cells}


def test_the_plan_is_shown_before_anything_is_trained(
    runner: InThisProcess, tmp_path: Path
) -> None:
    seen: list[tuple[int, int, int]] = []

    def on_plan(plan: StudyPlan, left: TimeEstimate) -> None:
        seen.append((len(plan.to_run), len(plan.to_train), len(runner.jobs)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(STUDY, tmp_path, on_plan=on_plan)
    # Four cells; rounding changes answers only, so there is one training per seed.
    assert seen == [(4, 2, 0)]
    # Private images are removed whatever happens.
    assert not left_behind()


def test_progress_counts_epochs_and_cells(runner: InThisProcess, tmp_path: Path) -> None:
    progress = Recorded()
    result = run_study(STUDY, tmp_path, progress)
    assert errors_of(result) == dict.fromkeys(errors_of(result))
    assert ("training 2 models", 2, 2) in progress.steps
    assert [s for s in progress.steps if s[0] == "auditing 4 cells"][-1] == (
        "auditing 4 cells",
        4,
        4,
    )
    kinds = [type(job) for job in runner.jobs]
    assert kinds == [TrainingJob] * 2 + [CellJob] * 4
    # Everything is finished, so a second run has nothing to do.
    runner.jobs.clear()
    again = run_study(STUDY, tmp_path)
    assert runner.jobs == []
    assert [cell.seconds for cell in again.cells] == [cell.seconds for cell in result.cells]


def test_a_failed_training_fails_the_cells_that_need_it(
    runner: InThisProcess, tmp_path: Path
) -> None:
    def diverges(job: Job) -> Message | None:
        fails = isinstance(job, TrainingJob) and job is runner.jobs[1]
        return {"kind": "InputError", "error": "training diverged\nmore"} if fails else None

    runner.fails = diverges
    errors = errors_of(run_study(STUDY, tmp_path))
    sentence = "training the target: training diverged"
    assert errors == {
        "defence none, seed 0": None,
        "defence none, seed 1": sentence,
        "rounding, seed 0": None,
        "rounding, seed 1": sentence,
    }
    assert sum(isinstance(job, CellJob) for job in runner.jobs) == 2


def test_an_unforeseen_error_leaves_its_traceback_until_the_cell_succeeds(
    runner: InThisProcess, tmp_path: Path
) -> None:
    trace = "Traceback:\n  a line\nValueError: odd"

    def breaks(job: Job) -> Message | None:
        fails = isinstance(job, CellJob) and job.cell.label == "rounding, seed 1"
        return {"kind": "", "error": trace} if fails else None

    runner.fails = breaks
    result = run_study(STUDY, tmp_path)
    assert errors_of(result)["rounding, seed 1"] == "unforeseen: ValueError: odd"
    (cell,) = result.failed
    kept = tmp_path / cell.folder / "error.txt"
    assert kept.read_text(encoding="utf-8") == trace
    runner.fails = lambda job: None
    runner.jobs.clear()
    assert run_study(STUDY, tmp_path).failed == []
    assert [type(job) for job in runner.jobs] == [CellJob]
    assert not kept.exists()


@pytest.mark.parametrize("name", ["result.json", "signals.parquet"])
def test_a_cell_that_lacks_a_file_is_run_again(
    name: str, runner: InThisProcess, tmp_path: Path
) -> None:
    one = StudyConfig(base=STUDY.base, axes={"seed": [0]})
    (cell,) = run_study(one, tmp_path).cells
    (tmp_path / cell.folder / name).unlink()
    runner.jobs.clear()
    run_study(one, tmp_path)
    assert [job.name for job in runner.jobs] == [cell.id]


@pytest.mark.parametrize(
    "name", ["result.json", "signals.parquet", "scores.parquet", "digests.json", "config.yaml"]
)
def test_a_cell_with_a_damaged_file_is_run_again_and_a_line_says_so(
    name: str, runner: InThisProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = StudyConfig(base=STUDY.base, axes={"seed": [0]})
    (cell,) = run_study(one, tmp_path).cells
    file = tmp_path / cell.folder / name
    content = file.read_bytes()
    file.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    runner.jobs.clear()
    run_study(one, tmp_path)
    assert [job.name for job in runner.jobs] == [cell.id]
    told = [line for line in caplog.messages if "computed again" in line]
    assert [str(tmp_path / cell.folder) in line for line in told] == [True]
    assert len(told) == 1


@pytest.mark.parametrize("damage", ["weights", "summary"])
def test_a_damaged_model_of_finished_cells_is_trained_again(
    damage: str, runner: InThisProcess, tmp_path: Path
) -> None:
    one = StudyConfig(base=STUDY.base, axes={"seed": [0]})
    before = run_study(one, tmp_path)
    (weights,) = tmp_path.glob("artefacts/model/*/weights.safetensors")
    spoilt = weights if damage == "weights" else weights.with_suffix(".json")
    whole = weights.read_bytes()
    spoilt.write_bytes(spoilt.read_bytes()[:-9])
    runner.jobs.clear()
    again = run_study(one, tmp_path)
    assert [type(job) for job in runner.jobs] == [TrainingJob]
    assert [model.id for model in again.models] == [model.id for model in before.models]
    old, new = load(whole), load(weights.read_bytes())
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_a_cell_whose_folder_is_that_of_another_is_run_again(
    runner: InThisProcess, tmp_path: Path
) -> None:
    two = StudyConfig(base=STUDY.base, axes={"seed": [0, 1]})
    first, second = (tmp_path / cell.folder for cell in run_study(two, tmp_path).cells)
    shutil.rmtree(first)
    shutil.copytree(second, first)
    runner.jobs.clear()
    run_study(two, tmp_path)
    assert [job.name for job in runner.jobs] == [first.name]


def test_a_study_that_another_run_holds_is_left_alone(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(InputError, match="another run is using"):
        plan_study(STUDY, tmp_path)


def test_a_cell_stays_on_this_machine_and_tells_what_it_does(
    runner: InThisProcess, tmp_path: Path
) -> None:
    one = StudyConfig(base=STUDY.base, axes={"seed": [0]})
    run_study(one, tmp_path)
    (job,) = (job for job in runner.jobs if isinstance(job, CellJob))
    assert job.portable(tmp_path) is job
    assert job.title == "cell 'seed 0'"
    with pytest.raises(InputError, match="run on this machine"):
        job.elsewhere({}, tmp_path)
    said: list[dict[str, Any]] = []
    # The copies of the records are gone after a study, so this cannot succeed.
    with pytest.raises((OSError, InputError)):
        job.run(said.append)
    doing = [message["doing"] for message in said]
    assert len(doing) == len(set(doing))
