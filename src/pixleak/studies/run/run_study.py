"""A study from its configuration to its folder.

The steps: build the grid and validate every cell; open and prepare the records once; train all
distinct models side by side; run the cells side by side; write the study's files, ``study.json``
last. Models and signals lie in one content-addressed store, so that whatever several cells need is
computed once, and what an interrupted run computed is used again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pixleak.auditing.run import PACKAGES
from pixleak.core.disk.private_folder import private_folder
from pixleak.core.disk.whole_files import write_whole
from pixleak.core.progress import Progress, Silent
from pixleak.pipeline.storage.save import write_parquet
from pixleak.pipeline.storage.store import Store, alone, check_writable
from pixleak.results.audit import Result
from pixleak.results.environment import environment_here
from pixleak.runners import runner_for
from pixleak.runners.base import Job, Message, available_cores, preset_workers
from pixleak.studies.plan.grid import Grid, StudyCell, build_grid
from pixleak.studies.plan.shared_records import (
    OpenSources,
    PreparedCell,
    plan_cells,
    prepare_cells,
)
from pixleak.studies.plan.study_config import StudyConfig
from pixleak.studies.plan.study_plan import (
    StudyPlan,
    TimeEstimate,
    cell_folder,
    look_for_finished,
)
from pixleak.studies.plan.training_trials import error_sentence, time_trainings
from pixleak.studies.plan.trainings import distinct_trainings
from pixleak.studies.run.cell_job import CellJob
from pixleak.studies.run.earlier_study import keep_earlier_study
from pixleak.studies.run.parquet import tidy
from pixleak.studies.summary.study_result import (
    AxisInfo,
    CellInfo,
    LevelInfo,
    StudyResult,
    TrainedInfo,
)
from pixleak.training.jobs import TrainingJob


@contextmanager
def _prepared(
    config: StudyConfig, folder: Path, progress: Progress, where: str
) -> Iterator[tuple[Grid, list[PreparedCell], Store]]:
    """A study whose records are prepared for the duration of the block."""
    grid = build_grid(config, where)
    sources = OpenSources()
    plans = plan_cells(grid.cells, sources)
    check_writable(folder)
    with alone(folder):
        store = Store(folder / "artefacts")
        # A study's folder is passed on; private images must not be.
        with private_folder() as copies:
            with _one_thread():
                cells = prepare_cells(grid.cells, plans, sources, copies, progress)
            yield grid, cells, store


@contextmanager
def _one_thread() -> Iterator[None]:
    """Reading images takes many small steps, for which threads of torch only add waiting."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _number(workers: int | None) -> int:
    given = preset_workers() if workers is None else workers
    return available_cores() if given is None else given


def plan_study(
    config: StudyConfig,
    folder: Path,
    progress: Progress | None = None,
    *,
    workers: int | None = None,
    where: str = "study",
) -> tuple[StudyPlan, TimeEstimate]:
    """What a study would do, and how long that would take; only short trials are trained.

    Arguments and errors are those of :func:`run_study`.
    """
    with _prepared(config, folder, progress or Silent(), where) as (_, cells, store):
        trainings = distinct_trainings(cells, store)
        plan = look_for_finished(cells, trainings, folder, _number(workers))
        return plan, plan.time_left(time_trainings(plan.untimed, plan.workers))


def run_study(
    config: StudyConfig,
    folder: Path,
    progress: Progress | None = None,
    *,
    workers: int | None = None,
    where: str = "study",
    on_plan: Callable[[StudyPlan, TimeEstimate], None] | None = None,
) -> StudyResult:
    """Run a study into ``folder``; whatever was computed before is used again.

    Args:
        config: the study.
        folder: made if missing. Gets ``artefacts/``, a run folder ``cells/ID/`` per cell,
            ``study.parquet``, ``study.html`` and, last, ``study.json``. Those of another study
            are moved to ``earlier/``.
        progress: is told how far the study has come.
        workers: processes side by side; 0 for this process; None for one per core.
        where: the file that the study was read from, for messages.
        on_plan: called with the plan before anything is trained.

    Returns:
        What was run, including the cells that failed, each with an error in one sentence.

    Raises:
        InputError: the study is not valid, or its records or its folder cannot be used.
    """
    progress = progress or Silent()
    begun = time.monotonic()
    with _prepared(config, folder, progress, where) as (grid, cells, store):
        trainings = distinct_trainings(cells, store)
        plan = look_for_finished(cells, trainings, folder, _number(workers))
        if on_plan is not None:
            on_plan(plan, plan.time_left())
        failures = _train(plan, progress)
        failures |= _run_cells(plan, failures, folder, store, progress)
        plan = look_for_finished(cells, trainings, folder, plan.workers)
        result = _result(config, grid, plan, failures, begun)
        keep_earlier_study(folder, result)
        # Earlier figures stand until all of the new ones are known.
        (folder / "study.json").unlink(missing_ok=True)
        rows = [
            (info, one.cell.config, plan.results.get(info.id))
            for info, one in zip(result.cells, cells, strict=True)
        ]
        write_parquet(folder / "study.parquet", tidy(rows, [axis.name for axis in grid.axes]))
        write_whole(folder / "study.json", result.model_dump_json(indent=1) + "\n")
    from pixleak.studies.output.page import write_page

    write_page(folder)
    return result


def _train(plan: StudyPlan, progress: Progress) -> dict[str, str]:
    """Train the missing models; id of a cell that misses one -> why its training failed."""
    todo = plan.to_train
    epochs = {training.job.name: 0 for training in todo}
    total = sum(training.job.method.steps or 1 for training in todo)
    title = f"training {len(todo)} model{'s' if len(todo) > 1 else ''}"

    def on_message(job: Job, message: Message) -> None:
        assert isinstance(job, TrainingJob)
        epochs[job.name] = min(int(message["epoch"]), job.method.steps or 1)
        note = f"{job.method.label}, loss {message['loss']:.3f}"
        progress.update(title, sum(epochs.values()), total, note)

    runner = runner_for(plan.cells[0].cell.config.runner, plan.workers)
    answers = runner.run([training.job for training in todo], on_message, keep_going=True)
    failures: dict[str, str] = {}
    for training, answer in zip(todo, answers, strict=True):
        if "error" in answer:
            sentence = f"training the {' and '.join(training.roles)}: {error_sentence(answer)}"
            for cell in training.cells:
                failures.setdefault(cell, sentence)
    return failures


def _run_cells(
    plan: StudyPlan, untrained: Mapping[str, str], folder: Path, store: Store, progress: Progress
) -> dict[str, str]:
    """Run the unfinished cells, except those that miss a model; id of a failed cell -> why."""
    jobs = [
        CellJob(
            one.cell,
            one.records,
            one.sources,
            cell_folder(folder, one.cell.id),
            store.root,
            one.plan.target.device,
        )
        for one in plan.to_run
        if one.cell.id not in untrained
    ]
    for job in jobs:
        check_writable(job.folder)
        write_whole(job.folder / "label.txt", job.cell.label + "\n")
    title = f"auditing {len(jobs)} cell{'s' if len(jobs) > 1 else ''}"
    done: list[str] = []

    def on_message(job: Job, message: Message) -> None:
        assert isinstance(job, CellJob)
        if message.get("finished"):
            done.append(job.name)
        progress.update(title, len(done), len(jobs), f"{job.cell.label}: {message['doing']}")

    answers = runner_for("local", plan.workers).run(jobs, on_message, keep_going=True)
    failures = {}
    for job, answer in zip(jobs, answers, strict=True):
        traceback = job.folder / "error.txt"
        traceback.unlink(missing_ok=True)
        if "error" in answer:
            failures[job.name] = error_sentence(answer)
            if not answer["kind"]:
                write_whole(traceback, answer["error"])
    return failures


def _result(
    config: StudyConfig, grid: Grid, plan: StudyPlan, failures: Mapping[str, str], begun: float
) -> StudyResult:
    cells = [
        _cell_info(one.cell, plan.results.get(one.cell.id), failures.get(one.cell.id))
        for one in plan.cells
    ]
    models = [
        TrainedInfo(
            id=training.job.name,
            description=training.job.method.description,
            defences=[defence.description for defence in training.job.defences],
            records=training.records,
            seconds=plan.models[training.job.name].seconds,
            cells=list(training.cells),
            roles=list(training.roles),
        )
        for training in plan.trainings
        if training.job.name in plan.models
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


def _cell_info(cell: StudyCell, result: Result | None, error: str | None) -> CellInfo:
    info = CellInfo(
        id=cell.id,
        label=cell.label,
        levels=dict(cell.levels),
        folder=f"cells/{cell.id}",
        status="failed" if result is None else "finished",
    )
    if result is None:
        return info.model_copy(update={"error": error or "it left no result"})
    update = {"seconds": result.seconds, "seeds": result.seeds, "timings": result.timings}
    return info.model_copy(update=update)
