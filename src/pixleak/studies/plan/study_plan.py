"""What a study will do, what is finished already, and how long the rest takes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.core.disk.whole_files import damaged
from pixleak.core.errors import InputError
from pixleak.results.audit import Result
from pixleak.results.numbers import duration
from pixleak.results.run_files import is_as_written
from pixleak.studies.plan.shared_records import PreparedCell
from pixleak.studies.plan.training_trials import TrialTimes
from pixleak.studies.plan.trainings import Training, seconds_per_record
from pixleak.training.jobs import TrainedModel, finished

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class TimeEstimate:
    """Wall time still to come.

    Args:
        training: seconds of the trainings whose time can be predicted.
        unknown: number of trainings whose time cannot.
        cells: seconds of the audits after the trainings; None before the first is finished.
        errors: why some trainings will fail.
    """

    training: float
    unknown: int
    cells: float | None
    errors: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = []
        if self.training or not self.unknown:
            parts.append(f"trainings about {duration(self.training)}")
        if self.unknown:
            parts.append(f"{self.unknown} trainings of unknown duration")
        if self.cells is None:
            parts.append("and the audits (known once one is finished)")
        else:
            parts.append(f"audits about {duration(self.cells)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class StudyPlan:
    """All cells and trainings of a study, and which of them are finished.

    Args:
        results: id of a finished cell -> its result.
        trainings: of all cells, each once.
        models: name of a finished training -> its model.
        workers: number of processes side by side; 0 for the calling one.
        spoilt: names of trainings that left something, but not a model that can be used.
    """

    cells: Sequence[PreparedCell]
    results: dict[str, Result]
    trainings: Sequence[Training]
    models: dict[str, TrainedModel]
    workers: int
    spoilt: frozenset[str] = frozenset()

    @property
    def to_run(self) -> list[PreparedCell]:
        """Cells that are not finished."""
        return [one for one in self.cells if one.cell.id not in self.results]

    @property
    def to_train(self) -> list[Training]:
        """Trainings that some unfinished cell needs, or that are spoilt; not the finished ones."""
        waiting = {one.cell.id for one in self.to_run}
        return [
            training
            for training in self.trainings
            if training.job.name not in self.models
            and (training.job.name in self.spoilt or waiting & set(training.cells))
        ]

    @property
    def untimed(self) -> list[Training]:
        """One training of each kind of which none is finished."""
        known = seconds_per_record(self.trainings, self.models)
        return list({t.kind: t for t in self.to_train if t.kind not in known}.values())

    def time_left(self, trials: TrialTimes | None = None) -> TimeEstimate:
        """How long the rest takes.

        Args:
            trials: of kinds of training of which none is finished.
        """
        trials = trials or TrialTimes({})
        at_once = max(self.workers, 1)
        rates = trials.per_record | seconds_per_record(self.trainings, self.models)
        todo = self.to_train
        seconds = [rates[one.kind] * one.records for one in todo if one.kind in rates]
        cells = None
        if self.results:
            # Trainings are not part of a cell's own time.
            each = statistics.mean(result.seconds for result in self.results.values())
            cells = each * len(self.to_run) / min(at_once, max(len(self.to_run), 1))
        return TimeEstimate(
            training=max(sum(seconds) / at_once, *seconds, 0.0),
            unknown=len(todo) - len(seconds),
            cells=cells,
            errors=trials.errors,
        )

    def as_table(self, left: TimeEstimate) -> RenderableType:
        """The plan for the terminal, with the time that the rest takes."""
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold")
        table.add_column(justify="right")
        table.add_column()
        done, finished = len(self.results), len(self.models)
        table.add_row("cells", str(len(self.cells)), f"{done} finished already" if done else "")
        models = sum(len(one.cells) * len(one.roles) for one in self.trainings)
        notes = []
        if models > len(self.trainings):
            notes.append(f"distinct, for {models} models in the cells")
        if finished:
            notes.append(f"{finished} finished already")
        table.add_row("trainings", str(len(self.trainings)), "; ".join(notes))
        table.add_row("to do", str(len(self.to_run)), f"cells, {len(self.to_train)} trainings")
        place = f"on {self.workers} processes side by side" if self.workers else "in this process"
        table.add_row("time", "", f"{left}, {place}")
        for error in left.errors:
            table.add_row("will fail", "", error)
        return table


def look_for_finished(
    cells: Sequence[PreparedCell], trainings: Sequence[Training], folder: Path, workers: int
) -> StudyPlan:
    """The plan of a study, with the work that is finished already in its folder."""
    results = {one.cell.id: result for one in cells if (result := finished_result(one, folder))}
    left = {one.job.name for one in trainings if any(path.is_file() for path in one.job.outputs)}
    models = {one.job.name: model for one in trainings if (model := finished(one.job))}
    return StudyPlan(cells, results, trainings, models, workers, frozenset(left - models.keys()))


def cell_folder(folder: Path, cell: str) -> Path:
    """The run folder of a cell."""
    return folder / "cells" / cell


def finished_result(prepared: PreparedCell, folder: Path) -> Result | None:
    """The result of a cell; None if it is missing or of other records.

    If the cell's folder is not what its run wrote, a line says so, and the result is removed.
    """
    from pixleak.auditing.run import used_ids

    place = cell_folder(folder, prepared.cell.id)
    if not (place / "result.json").is_file():
        return None
    try:
        result = Result.read(place) if is_as_written(place) else None
    except InputError:
        result = None
    if result is None:
        damaged(place)
        (place / "result.json").unlink(missing_ok=True)
        return None
    records = prepared.records.select(used_ids(prepared.plan))
    same = result.records is not None and result.records.digest == records.digest
    return result if same else None
