"""One cell as a job: everything after the trainings, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, Self

from pixleak.auditing.run import Shared, run_plan
from pixleak.core.errors import InputError
from pixleak.records.prepared.prepare import PreparedRecords
from pixleak.runners import Job
from pixleak.runners.base import Message
from pixleak.studies.plan.grid import StudyCell
from pixleak.studies.plan.shared_records import OpenSources


@dataclass(frozen=True, eq=False)
class CellJob(Job):
    """The audit of one cell.

    Args:
        cell: of the grid.
        records: all that it uses, prepared.
        sources: opens the sources of its records.
        folder: its run folder.
        artefacts: the study's store, which holds the cell's models already.
        device: where its models are queried.
    """

    cell: StudyCell
    records: PreparedRecords
    sources: OpenSources
    folder: Path
    artefacts: Path
    device: str = "cpu"

    @property
    def name(self) -> str:  # type: ignore[override]
        """The cell's id."""
        return self.cell.id

    @property
    def title(self) -> str:
        return f"cell {self.cell.label!r}"

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.folder / "result.json",)

    @property
    def inputs(self) -> Path | None:
        return self.records.folder

    def portable(self, folder: Path) -> Self:
        return self

    def elsewhere(self, arrays: Mapping[str, Any], folder: Path) -> NoReturn:
        raise InputError("cells of a study are run on this machine, where their models lie")

    def run(self, say: Callable[[Message], None]) -> Message:
        # All models are trained already, so there is nothing to give to other processes.
        plan = replace(self.cell.config.plan(self.sources), runner="local", workers=0)
        result = run_plan(plan, self.folder, _Spoken(say), Shared(self.artefacts, self.records))
        say({"doing": "done", "finished": True})
        return {"seconds": result.seconds}


class _Spoken:
    """Progress as messages, one for every piece of work that begins."""

    def __init__(self, say: Callable[[Message], None]) -> None:
        self._say = say
        self._last = ""

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        if name != self._last:
            self._last = name
            self._say({"doing": name})
