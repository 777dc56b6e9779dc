"""One cell as a job: everything after the trainings, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, Self

from pixleak.audit.run import Shared, run
from pixleak.core.errors import InputError
from pixleak.pipeline.plan.assemble import assemble
from pixleak.records.prepared.prepare import PreparedRecords
from pixleak.request.audit import AuditConfig
from pixleak.runners import Job
from pixleak.runners.base import Message
from pixleak.studies.plan.sharing import Opened


@dataclass(frozen=True, eq=False)
class CellJob(Job):
    """The audit of one cell.

    Args:
        name: the cell's id.
        label: the cell in words.
        config: its audit.
        records: all that it uses, prepared.
        opening: the sources of its records.
        folder: its run folder.
        artefacts: the study's store; the models of the cell are there already.
        device: where its models are asked.
    """

    name: str
    label: str
    config: AuditConfig
    records: PreparedRecords
    opening: Opened
    folder: Path
    artefacts: Path
    device: str = "cpu"

    @property
    def title(self) -> str:
        return f"cell {self.label!r}"

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
        # All models are there, so nothing is left to a cluster.
        plan = replace(assemble(self.config, self.opening), runner="local", workers=1)
        result = run(plan, self.folder, _Told(say), Shared(self.artefacts, self.records))
        say({"doing": "done", "finished": True})
        return {"seconds": result.seconds}


class _Told:
    """Progress as messages: one for every piece of work that begins."""

    def __init__(self, say: Callable[[Message], None]) -> None:
        self._say = say
        self._last = ""

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        if name != self._last:
            self._last = name
            self._say({"doing": name})
