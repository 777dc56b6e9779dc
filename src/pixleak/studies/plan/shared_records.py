"""Records shared by the cells of a study: opened once, read from their files once.

Each source is opened once, and all records that some cell uses are prepared together. Cells that
alter records (canaries, poison) are prepared apart, from the prepared copies of the originals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from pixleak.auditing.run import check, used_ids
from pixleak.core.errors import PixleakError
from pixleak.core.progress import Progress, Step, step
from pixleak.pipeline.plan.choosing import choose
from pixleak.pipeline.plan.plan import Plan
from pixleak.records.base import Records
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.records.readers import Reader
from pixleak.studies.plan.cell_config import source_key
from pixleak.studies.plan.grid import StudyCell


@dataclass(frozen=True)
class PreparedLoader:
    """Loads records of a set from prepared copies; picklable, as worker processes need it.

    Args:
        at: position in the set -> position among the copies.
    """

    prepared: PreparedRecords
    at: Mapping[int, int]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.prepared.load(self.at[index])


@dataclass
class OpenSources:
    """Opens each source at its first use and keeps its records."""

    sets: dict[str, Records] = field(default_factory=dict)

    def __call__(self, source: Reader) -> Records:
        key = source_key(source)
        if key not in self.sets:
            self.sets[key] = source.open()
        return self.sets[key]


@dataclass(frozen=True)
class PreparedCell:
    """A cell whose records are prepared.

    Args:
        cell: of the grid.
        plan: of its audit.
        records: all that its audit uses.
        sources: opens its sources in another process, from prepared copies where they are split.
    """

    cell: StudyCell
    plan: Plan
    records: PreparedRecords
    sources: OpenSources


def plan_cells(cells: Sequence[StudyCell], sources: OpenSources) -> list[Plan]:
    """The plan of every cell, checked as far as possible without loading a record.

    Raises:
        PixleakError: a plan cannot be made; the message names the cell.
    """
    plans = []
    for cell in cells:
        try:
            plan = cell.config.plan(sources)
            check(plan)
            choose(plan)
        except PixleakError as error:
            raise type(error)(f"cell {cell.label!r}: {error}") from error
        plans.append(plan)
    return plans


def prepare_cells(
    cells: Sequence[StudyCell],
    plans: Sequence[Plan],
    sources: OpenSources,
    folder: Path,
    progress: Progress,
) -> list[PreparedCell]:
    """Every cell with its records.

    Args:
        cells: of the grid.
        plans: one per cell.
        sources: what the plans were made with.
        folder: where copies go; they are private images, to be removed when all is done.
        progress: is told how many records are read.

    Raises:
        InputError: a record cannot be used.
    """
    copies = _copy_split_sets(cells, plans, sources, folder, progress)
    prepared: dict[str, PreparedRecords] = {}
    keys: list[str] = []
    final: list[Plan] = []
    for cell, plan in zip(cells, plans, strict=True):
        source = cell.config.source
        altered = source is not None and plan.records is not sources(source)
        keys.append(cell.config.records_key(altered=altered))
        final.append(cell.config.plan(copies) if altered else plan)
        if source is not None and not altered:
            loader = copies(source).load
            assert isinstance(loader, PreparedLoader)
            prepared[keys[-1]] = loader.prepared
    for key in dict.fromkeys(keys):
        if key not in prepared:
            members = [plan for plan, own in zip(final, keys, strict=True) if own == key]
            used = {id_ for plan in members for id_ in used_ids(plan)}
            wanted = members[0].records
            wanted = wanted.select([id_ for id_ in wanted.ids if id_ in used])
            prepared[key] = prepare(wanted, folder / key, on_progress=_reading(progress))
    return [
        PreparedCell(cell, plan, prepared[key], copies)
        for cell, plan, key in zip(cells, final, keys, strict=True)
    ]


def _copy_split_sets(
    cells: Sequence[StudyCell],
    plans: Sequence[Plan],
    sources: OpenSources,
    folder: Path,
    progress: Progress,
) -> OpenSources:
    """Prepare what the cells use of every set that is split."""
    used: dict[str, set[str]] = {}
    wholes: dict[str, Records] = {}
    for cell, plan in zip(cells, plans, strict=True):
        if (source := cell.config.source) is None:
            continue
        key = source_key(source)
        wholes[key] = sources(source)
        used.setdefault(key, set()).update(used_ids(plan))
        if cell.config.poison is not None:
            # The clean original of a poisoned copy may have lost its role.
            used[key].update(used_ids(cell.config.without_poison().plan(sources)))
    copies = OpenSources()
    for key, whole in wholes.items():
        at = [i for i, record in enumerate(whole.keys) if record.id in used[key]]
        wanted = whole.select([whole.keys[i].id for i in at])
        copied = prepare(wanted, folder / key, on_progress=_reading(progress))
        loader = PreparedLoader(copied, {position: i for i, position in enumerate(at)})
        copies.sets[key] = Records(whole.keys, loader, whole.truth, whole.name)
    return copies


def _reading(progress: Progress) -> Step:
    return step(progress, "reading records")
