"""A study from its configuration to its folder.

In this order: the grid is laid out and every cell checked; records are opened and prepared once;
all distinct trainings run side by side; then the cells, side by side as well; then the study's
files are written, ``study.json`` last. Models and signals lie in one content-addressed store, so
that whatever cells have in common is computed once, and what an interrupted run computed is used
again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pixleak.audit.run import PACKAGES
from pixleak.core.files import write_whole
from pixleak.core.progress import Progress, Silent
from pixleak.pipeline.storage.save import write_parquet
from pixleak.pipeline.storage.store import Store, alone, check_writable
from pixleak.results.audit import Result
from pixleak.results.environment import environment_here
from pixleak.runners import runner_for
from pixleak.runners.base import Job, Message, available_cores
from pixleak.studies.plan.cells import Cell, Grid, grid_of
from pixleak.studies.plan.config import StudyConfig
from pixleak.studies.plan.planning import (
    Calibrated,
    Estimate,
    StudyPlan,
    calibrated,
    cell_folder,
    plan_of,
    sentence_of,
)
from pixleak.studies.plan.sharing import Opened, Ready, planned, prepared
from pixleak.studies.plan.trainings import Training, trainings_of
from pixleak.studies.run.parquet import tidy
from pixleak.studies.run.work import CellJob
from pixleak.studies.summary.saved import AxisInfo, CellInfo, LevelInfo, StudyResult, TrainedInfo
from pixleak.training.jobs import TrainedModel, TrainingJob

Seen = Callable[[StudyPlan, Estimate], None]
"""Is shown the plan before anything is trained."""


@contextmanager
def _ready(
    config: StudyConfig, folder: Path, progress: Progress, where: str
) -> Iterator[tuple[Grid, list[Ready], Store]]:
    """A study whose records are prepared, for as long as the block lasts."""
    grid = grid_of(config, where)
    opening = Opened()
    plans = planned(grid.cells, opening)
    check_writable(folder)
    with alone(folder):
        store = Store(folder / "artefacts")
        for left in store.root.glob(".maps-*"):
            shutil.rmtree(left, ignore_errors=True)  # of processes that were killed
        copies = store.root / ".records"
        try:
            with _one_thread():
                ready = prepared(grid.cells, plans, opening, copies, progress)
            yield grid, ready, store
        finally:
            # A study's folder is passed on, private images are not.
            shutil.rmtree(copies, ignore_errors=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Reading images is many small steps, on which threads of torch only wait for one another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def plan_study(
    config: StudyConfig,
    folder: Path,
    progress: Progress | None = None,
    *,
    workers: int | None = None,
    where: str = "study",
) -> tuple[StudyPlan, Estimate]:
    """What a study would do, and how long that would take; nothing is trained to its end.

    Args:
        config: the study.
        folder: where it would go, and where finished work is looked for.
        progress: shows how far it has come.
        workers: processes side by side; None for one a core.
        where: the file that the study was read from, for messages.

    Raises:
        InputError: as :func:`run_study`.
    """
    with _ready(config, folder, progress or Silent(), where) as (_, cells, store):
        plan = plan_of(cells, trainings_of(cells, store), folder, workers or available_cores())
        return plan, plan.seconds(calibrated(plan))


def run_study(
    config: StudyConfig,
    folder: Path,
    progress: Progress | None = None,
    *,
    workers: int | None = None,
    where: str = "study",
    seen: Seen | None = None,
) -> StudyResult:
    """Run a study into ``folder``; whatever was computed before is used again.

    Args:
        config: the study.
        folder: made if missing. Gets ``artefacts/``, ``cells/ID/`` with a run folder each,
            ``study.parquet``, ``study.html`` and, last, ``study.json``.
        progress: shows how far it has come.
        workers: processes side by side; None for one a core.
        where: the file that the study was read from, for messages.
        seen: is shown the plan before anything is trained.

    Returns:
        What was run. Cells that failed are in it with their sentence.

    Raises:
        InputError: the study is not valid, its records cannot be used, or the folder cannot.
    """
    progress = progress or Silent()
    begun = time.monotonic()
    with _ready(config, folder, progress, where) as (grid, cells, store):
        trainings = trainings_of(cells, store)
        plan = plan_of(cells, trainings, folder, workers or available_cores())
        if seen is not None:
            seen(plan, plan.seconds(Calibrated({})))
        broken = _train(plan, cells[0].cell.config.runner, progress)
        failures = _audit(plan, broken, folder, store, progress)
        after = plan_of(cells, trainings, folder, plan.workers)
        result = _result(config, grid, after, failures, folder, begun)
        _write(folder, grid, after, result)
    from pixleak.studies.output.page import write

    write(folder)
    return result


def _train(plan: StudyPlan, runner: str, progress: Progress) -> dict[str, str]:
    """Train what is missing; the sentences of trainings that failed, by name."""
    todo = plan.to_train
    course = _Course(todo, progress)
    jobs = [training.job for training in todo]
    answers = runner_for(runner, plan.workers).run(jobs, course.heard, keep_going=True)
    return {
        job.name: sentence_of(answer)
        for job, answer in zip(jobs, answers, strict=True)
        if "error" in answer
    }


def _audit(
    plan: StudyPlan, broken: Mapping[str, str], folder: Path, store: Store, progress: Progress
) -> dict[str, str]:
    """Run the cells that are not finished; the sentences of those that failed, by id."""
    failures: dict[str, str] = {}
    for training in plan.trainings:
        if training.job.name in broken:
            for cell in training.cells:
                roles = " and ".join(training.roles)
                failures.setdefault(cell, f"training the {roles}: {broken[training.job.name]}")
    jobs = []
    for ready in plan.to_run:
        if ready.cell.id not in failures:
            place = cell_folder(folder, ready.cell.id)
            check_writable(place)
            write_whole(place / "label.txt", ready.cell.label + "\n")
            jobs.append(
                CellJob(
                    ready.cell.id,
                    ready.cell.label,
                    ready.cell.config,
                    ready.records,
                    ready.opening,
                    place,
                    store.root,
                    ready.plan.target.device,
                )
            )
    course = _Cells(len(jobs), progress)
    answers = runner_for("local", plan.workers).run(jobs, course.heard, keep_going=True)
    for job, answer in zip(jobs, answers, strict=True):
        trace = job.folder / "error.txt"
        trace.unlink(missing_ok=True)
        if "error" in answer:
            failures[job.name] = sentence_of(answer)
            if not answer["kind"]:
                write_whole(trace, answer["error"])
    return failures


@dataclass
class _Course:
    """Progress of all trainings together."""

    trainings: Sequence[Training]
    progress: Progress
    epochs: dict[str, int] = field(default_factory=dict)

    def heard(self, job: Job, message: Message) -> None:
        """After an epoch of one of them."""
        assert isinstance(job, TrainingJob)
        self.epochs[job.name] = min(int(message["epoch"]), job.method.steps or 1)
        count = len(self.trainings)
        total = sum(training.job.method.steps or 1 for training in self.trainings)
        title = f"training {count} model{'s' if count > 1 else ''}"
        note = f"{job.method.label}, loss {message['loss']:.3f}"
        self.progress.update(title, sum(self.epochs.values()), total, note)


@dataclass
class _Cells:
    """Progress of all cells together."""

    count: int
    progress: Progress
    done: int = 0

    def heard(self, job: Job, message: Message) -> None:
        """When a piece of work begins, or a cell ends."""
        assert isinstance(job, CellJob)
        self.done += bool(message.get("finished"))
        title = f"auditing {self.count} cell{'s' if self.count > 1 else ''}"
        self.progress.update(title, self.done, self.count, f"{job.label}: {message['doing']}")


def _result(
    config: StudyConfig,
    grid: Grid,
    plan: StudyPlan,
    failures: Mapping[str, str],
    folder: Path,
    begun: float,
) -> StudyResult:
    cells = [_cell_info(ready.cell, plan.done.get(ready.cell.id), failures) for ready in plan.cells]
    models = [
        _trained_info(training, model)
        for training, model in (
            plan.models[t.job.name] for t in plan.trainings if t.job.name in plan.models
        )
    ]
    timings: dict[str, float] = {"training": sum(float(model.seconds) for model in models)}
    for cell in cells:
        for name, seconds in cell.timings.items():
            timings[name] = timings.get(name, 0.0) + seconds
    return StudyResult(
        title=config.title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 2),
        arguments=config.model_dump(mode="json"),
        environment=environment_here(*PACKAGES, device=plan.cells[0].plan.target.device),
        axes=[
            AxisInfo(
                name=axis.name,
                levels=[
                    LevelInfo(label=level.label, settings=level.value, overrides=level.overrides)
                    for level in axis.levels
                ],
            )
            for axis in grid.axes
        ],
        cells=cells,
        models=models,
        timings={name: round(seconds, 3) for name, seconds in timings.items()},
    )


def _cell_info(cell: Cell, result: Result | None, failures: Mapping[str, str]) -> CellInfo:
    common: dict[str, Any] = {
        "id": cell.id,
        "label": cell.label,
        "levels": dict(cell.levels),
        "folder": f"cells/{cell.id}",
    }
    if result is None:
        return CellInfo(status="failed", error=failures.get(cell.id, "it left no result"), **common)
    return CellInfo(
        status="finished",
        seconds=result.seconds,
        seeds=result.seeds,
        timings=result.timings,
        **common,
    )


def _trained_info(training: Training, model: TrainedModel) -> TrainedInfo:
    job = training.job
    return TrainedInfo(
        id=job.name,
        description=job.method.description,
        defences=[defence.description for defence in job.defences],
        records=training.records,
        seconds=model.seconds,
        cells=list(training.cells),
        roles=list(training.roles),
    )


def _write(folder: Path, grid: Grid, plan: StudyPlan, result: StudyResult) -> None:
    # Earlier figures stand until all of these are known.
    (folder / "study.json").unlink(missing_ok=True)
    rows = [
        (info, ready.cell.config, plan.done.get(ready.cell.id))
        for info, ready in zip(result.cells, plan.cells, strict=True)
    ]
    write_parquet(folder / "study.parquet", tidy(rows, [axis.name for axis in grid.axes]))
    write_whole(folder / "study.json", result.model_dump_json(indent=1) + "\n")
