"""Records that all cells of a study have in common: opened once, prepared once.

Readers are asked once a source; whatever its cells use of it is prepared together. Cells that alter
records (canaries, poison) get a preparation of their own, which reads the copies of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from pixleak.audit.run import check, used_ids
from pixleak.core.errors import PixleakError
from pixleak.core.progress import Progress, step
from pixleak.pipeline.plan.assemble import assemble
from pixleak.pipeline.plan.choosing import choose
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import digest
from pixleak.records.base import Records
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.request.audit import AuditConfig
from pixleak.request.sources import Source
from pixleak.studies.plan.cells import Cell

SOURCES = {"records", "members", "nonmembers", "shadow_records", "population"}

ATTACKS = {
    "title", "target", "attacker", "signals", "difficulties", "learned", "attacks", "evaluation",
    "exhibits", "batch_size", "workers", "runner",
}  # fmt: skip
"""Settings that change no record, whatever else is altered."""


@dataclass(frozen=True)
class Copies:
    """Loads what was prepared of a larger set; picklable, as worker processes need it.

    Args:
        prepared: some of its records.
        at: position in the set -> position among the prepared.
    """

    prepared: PreparedRecords
    at: Mapping[int, int]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.prepared.load(self.at[index])


@dataclass
class Opened:
    """Sources that were opened before, by their settings."""

    sets: dict[str, Records] = field(default_factory=dict)

    def __call__(self, source: Source) -> Records:
        key = key_of(source)
        if key not in self.sets:
            self.sets[key] = source.open()
        return self.sets[key]


def key_of(source: Source) -> str:
    """What a source is known by."""
    return digest(source.model_dump(mode="json"))


@dataclass(frozen=True)
class Ready:
    """A cell whose records are prepared.

    Args:
        cell: of the grid.
        plan: what to do.
        records: all that its run uses.
        opening: what to open its sources with in another process; of one set, the copies.
    """

    cell: Cell
    plan: Plan
    records: PreparedRecords
    opening: Opened


def planned(cells: Sequence[Cell], opening: Opened) -> list[Plan]:
    """The plan of every cell, checked as far as can be without looking at a record.

    Raises:
        PixleakError: naming the cell.
    """
    plans = []
    for cell in cells:
        try:
            plan = assemble(cell.config, opening)
            check(plan)
            choose(plan)
        except PixleakError as error:
            raise type(error)(f"cell {cell.label!r}: {error}") from error
        plans.append(plan)
    return plans


def prepared(
    cells: Sequence[Cell], plans: Sequence[Plan], opening: Opened, folder: Path, progress: Progress
) -> list[Ready]:
    """Every cell with its records, each record read from its file once.

    Args:
        cells: of the grid.
        plans: one a cell.
        opening: what they were assembled with.
        folder: where copies go; private images, to be removed when all is done.
        progress: shows how far it has come.

    Raises:
        InputError: a record cannot be used.
    """
    copies = _copies(cells, plans, opening, folder, progress)
    reread = []
    for cell, plan in zip(cells, plans, strict=True):
        altered = cell.config.records is not None and plan.records is not opening(
            cell.config.records
        )
        reread.append(assemble(cell.config, copies) if altered else plan)
    groups: dict[str, list[int]] = {}
    for i, cell in enumerate(cells):
        groups.setdefault(_group(cell.config, reread[i], opening), []).append(i)
    ready: dict[int, Ready] = {}
    for key, members in groups.items():
        first = cells[members[0]].config
        plan = reread[members[0]]
        if first.records is not None and plan.records is opening(first.records):
            load = copies(first.records).load
            assert isinstance(load, Copies)
            records = load.prepared
        else:
            used = {key for i in members for key in used_ids(reread[i])}
            wanted = plan.records.select([key for key in plan.records.ids if key in used])
            records = prepare(wanted, folder / key, on_progress=step(progress, "reading records"))
        for i in members:
            ready[i] = Ready(cells[i], reread[i], records, copies)
    return [ready[i] for i in range(len(cells))]


def _copies(
    cells: Sequence[Cell], plans: Sequence[Plan], opening: Opened, folder: Path, progress: Progress
) -> Opened:
    """Every set that is split, with what is used of it prepared."""
    used: dict[str, set[str]] = {}
    sources: dict[str, Source] = {}
    for cell, plan in zip(cells, plans, strict=True):
        if (source := cell.config.records) is not None:
            sources[key_of(source)] = source
            kept = used.setdefault(key_of(source), set())
            kept.update(used_ids(plan))
            if cell.config.poison is not None:
                # The clean original of a poisoned copy may have no role any more.
                clean = cell.config.model_copy(update={"poison": None})
                kept.update(used_ids(assemble(clean, opening)))
    copies = Opened()
    for key, source in sources.items():
        whole = opening(source)
        at = [i for i, record in enumerate(whole.keys) if record.id in used[key]]
        wanted = whole.select([whole.keys[i].id for i in at])
        copied = prepare(wanted, folder / key, on_progress=step(progress, "reading records"))
        load = Copies(copied, {position: i for i, position in enumerate(at)})
        copies.sets[key] = Records(whole.keys, load, whole.truth, whole.name)
    return copies


def _group(config: AuditConfig, plan: Plan, opening: Opened) -> str:
    """Cells of one group have the same records."""
    if config.records is not None and plan.records is not opening(config.records):
        return digest(config.model_dump(mode="json", exclude=ATTACKS))
    return digest(config.model_dump(mode="json", include=SOURCES))
