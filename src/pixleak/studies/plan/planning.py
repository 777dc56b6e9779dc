"""What a study will do, told before it does it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.core.errors import InputError
from pixleak.results.audit import Result
from pixleak.runners import runner_for
from pixleak.runners.base import Message
from pixleak.studies.plan.sharing import Ready
from pixleak.studies.plan.trainings import Calibration, Training, rates_of
from pixleak.training.jobs import TrainedModel

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class StudyPlan:
    """What there is and what is still to be done.

    Args:
        cells: all of them.
        done: ids of the cells that are finished -> their results.
        trainings: of all cells, each once.
        models: of the trainings that are finished, by name.
        workers: how many processes work side by side.
    """

    cells: Sequence[Ready]
    done: dict[str, Result]
    trainings: Sequence[Training]
    models: dict[str, tuple[Training, TrainedModel]]
    workers: int

    @property
    def to_run(self) -> list[Ready]:
        """Cells that are not finished."""
        return [ready for ready in self.cells if ready.cell.id not in self.done]

    @property
    def to_train(self) -> list[Training]:
        """Trainings that are not finished, and that some unfinished cell waits for."""
        waiting = {ready.cell.id for ready in self.to_run}
        return [
            training
            for training in self.trainings
            if training.job.name not in self.models and waiting & set(training.cells)
        ]

    def unknown(self) -> list[Training]:
        """One training of each kind of which none is finished."""
        rates = rates_of(self.models)
        return list({t.kind: t for t in self.to_train if t.kind not in rates}.values())

    def seconds(self, trials: Calibrated) -> Estimate:
        """How long it will take.

        Args:
            trials: of kinds of training that were never finished.
        """
        rates = trials.rates | rates_of(self.models)
        known = [t for t in self.to_train if t.kind in rates]
        work = sum(rates[t.kind] * t.records for t in known)
        longest = max((rates[t.kind] * t.records for t in known), default=0.0)
        cells = None
        if self.done:
            # Trainings are no part of a cell's own time.
            each = statistics.mean(result.seconds for result in self.done.values())
            cells = each * len(self.to_run) / min(self.workers, max(len(self.to_run), 1))
        return Estimate(
            training=max(work / self.workers, longest),
            untold=len(self.to_train) - len(known),
            cells=cells,
            errors=trials.errors,
        )


@dataclass(frozen=True)
class Estimate:
    """Wall time to come.

    Args:
        training: seconds, of the trainings whose time can be told.
        untold: trainings whose time cannot.
        cells: seconds of the audits after the trainings; None before the first is finished.
        errors: why some trainings cannot be tried.
    """

    training: float
    untold: int
    cells: float | None
    errors: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = []
        if self.training or not self.untold:
            parts.append(f"trainings about {duration(self.training)}")
        if self.untold:
            parts.append(f"{self.untold} trainings of which nothing is known yet")
        if self.cells is None:
            parts.append("the audits besides (known once one is finished)")
        else:
            parts.append(f"audits about {duration(self.cells)}")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """``"3 h 20 min"``, ``"12 min"``, ``"8 s"``.

    >>> duration(12_030), duration(59.7), duration(60), duration(0)
    ('3 h 20 min', '1 min', '1 min', '0 s')
    """
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def plan_of(
    cells: Sequence[Ready], trainings: Sequence[Training], folder: Path, workers: int
) -> StudyPlan:
    """Look for what is finished already.

    Args:
        cells: of the study.
        trainings: of all cells.
        folder: of the study.
        workers: how many processes will work side by side.
    """
    done = {}
    for ready in cells:
        result = finished_cell(ready, folder)
        if result is not None:
            done[ready.cell.id] = result
    models = {t.job.name: (t, m) for t in trainings if (m := t.finished()) is not None}
    return StudyPlan(cells, done, trainings, models, workers)


def cell_folder(folder: Path, cell: str) -> Path:
    """Where the run folder of a cell lies."""
    return folder / "cells" / cell


def finished_cell(ready: Ready, folder: Path) -> Result | None:
    """The result of a cell, or None where there is none, or not whole, or of other records."""
    from pixleak.audit.run import used_ids

    place = cell_folder(folder, ready.cell.id)
    try:
        result = Result.read(place)
    except InputError:
        return None
    if not all((place / name).is_file() for name in _FILES):
        return None
    records = ready.records.select(used_ids(ready.plan))
    if result.records is None or result.records.digest != records.digest:
        return None
    return result


@dataclass(frozen=True)
class Calibrated:
    """What short trials of trainings told.

    Args:
        rates: kind of training -> seconds a record.
        errors: one sentence for every way in which trials failed; the trainings will, too.
    """

    rates: dict[str, float]
    errors: tuple[str, ...] = ()


_FILES = ("config.yaml", "split.csv", "signals.parquet", "scores.parquet")
"""What every finished cell has beside its result."""


def calibrated(plan: StudyPlan) -> Calibrated:
    """Time a short version of each kind of training of which none is finished."""
    kinds = [training for training in plan.unknown() if training.job.method.trial() is not None]
    jobs = [Calibration.of(training) for training in kinds]
    answers = runner_for("local", plan.workers).run(jobs, lambda *_: None, keep_going=True)
    rates = {
        job.name: answer["rate"]
        for job, answer in zip(jobs, answers, strict=True)
        if "rate" in answer
    }
    errors = [sentence_of(answer) for answer in answers if "error" in answer]
    return Calibrated(rates, tuple(dict.fromkeys(errors)))


def sentence_of(answer: Message) -> str:
    """What went wrong, in one line; of an unforeseen error the end of its traceback."""
    lines = str(answer["error"]).strip().splitlines()
    return lines[0] if answer["kind"] else f"unforeseen: {lines[-1]}"


def told(plan: StudyPlan, estimate: Estimate) -> RenderableType:
    """The plan as a table."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    count, done = len(plan.cells), len(plan.done)
    table.add_row("cells", str(count), f"{done} finished already" if done else "")
    trainings, finished = len(plan.trainings), len(plan.models)
    asked = sum(len(t.cells) * len(t.roles) for t in plan.trainings)
    note = f"distinct, for {asked} models in the cells" if asked > trainings else ""
    if finished:
        note = f"{note + '; ' if note else ''}{finished} finished already"
    table.add_row("trainings", str(trainings), note)
    table.add_row("to do", str(len(plan.to_run)), f"cells, {len(plan.to_train)} trainings")
    table.add_row("time", "", f"{estimate}, on {plan.workers} processes side by side")
    for error in estimate.errors:
        table.add_row("will fail", "", error)
    return table
