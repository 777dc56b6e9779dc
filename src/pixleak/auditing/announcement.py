"""What an audit would do, said before anything is trained or asked."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.auditing.run import check, used_ids
from pixleak.core.disk.private_folder import private_folder
from pixleak.core.progress import Progress, step
from pixleak.core.roles import Role
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.choosing import choose
from pixleak.pipeline.plan.plan import TrainedTarget
from pixleak.pipeline.queries import meter_of, queries_of
from pixleak.records.prepared.prepare import prepare

if TYPE_CHECKING:
    from rich.table import Table

    from pixleak.pipeline.asking.rehearsal import Expected
    from pixleak.request.audit import AuditRequest
    from pixleak.targets.endpoint.meter import Meter


@dataclass(frozen=True)
class Announcement:
    """What an audit would do.

    Args:
        members: records that the target was trained on.
        nonmembers: records that it was not trained on.
        trained: models that are trained, finished ones included.
        queries: what asking the target takes; None where queries are free.
        meter: of the target, or None.
    """

    members: int
    nonmembers: int
    trained: int
    queries: Expected | None
    meter: Meter | None

    def as_table(self) -> Table:
        """Lines of what and how much."""
        from rich.table import Table

        table = Table(title="This audit", show_header=False, box=None)
        table.add_row("target members", str(self.members))
        table.add_row("target non-members", str(self.nonmembers))
        table.add_row("models to train", str(self.trained))
        if self.queries is None:
            table.add_row("queries", "not limited")
            return table
        found = self.queries
        table.add_row("queries, at most", str(found.queries))
        table.add_row("queries before", str(found.paid))
        table.add_row("budget", "none" if found.budget is None else str(found.budget))
        if found.per_second is not None:
            seconds = ceil(found.queries / found.together / found.per_second)
            table.add_row("asking takes at least", f"{seconds} s")
        return table

    def check(self) -> None:
        """Refuse what would exceed the budget.

        Raises:
            InputError: the run would be refused.
        """
        if self.queries is not None and self.meter is not None:
            self.meter.check(self.queries.queries)


def announce(request: AuditRequest, folder: Path, progress: Progress) -> Announcement:
    """Say what an audit would do; records are read, and nothing is written, trained or asked.

    Args:
        request: of the audit.
        folder: that it would run into; answers that are kept there count as answered.
        progress: shows how far reading has come.

    Raises:
        InputError: the audit cannot be run.
    """
    plan = build(request)
    check(plan)
    chosen = choose(plan)
    with private_folder() as copies:
        used = plan.records.select(used_ids(plan))
        records = prepare(used, copies, on_progress=step(progress, "reading records"))
        queries = queries_of(plan, chosen, folder / "artefacts", records)
    trained = int(isinstance(plan.target, TrainedTarget))
    trained += int(plan.shadow is not None and bool(plan.ids(Role.SHADOW_MEMBERS)))
    trained += 0 if plan.references is None else len(plan.references.membership.models)
    return Announcement(
        len(plan.ids(Role.TARGET_MEMBERS)),
        len(plan.ids(Role.TARGET_NONMEMBERS)),
        trained,
        queries,
        meter_of(plan),
    )
