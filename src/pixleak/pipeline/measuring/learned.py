"""The pass over the shadow, and the signals that are learned on its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pixleak.core.disk.private_folder import private_folder
from pixleak.core.progress import step
from pixleak.core.roles import Role
from pixleak.core.tables import SignalTable
from pixleak.pipeline.measuring.passes import Passes
from pixleak.pipeline.models import Model
from pixleak.pipeline.storage.store import Artefact
from pixleak.signals.learned.map_store import MapStore

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.signals.base import Signal


def shadow_pass(
    passes: Passes, shadow: Model, records: PreparedRecords
) -> tuple[SignalTable, list[tuple[Signal, str]]]:
    """The shadow's signals, and the learned signals, each with what identifies it.

    Args:
        passes: of the audit.
        shadow: asked about all its records.
        records: the shadow's members and non-members.
    """
    plan, store, progress = passes.plan, passes.store, passes.progress
    members = set(plan.ids(Role.SHADOW_MEMBERS))
    member = {key: key in members for key in records.ids}
    places = [
        store.artefact(
            "learned",
            {
                "signal": repr(signal),
                "shadow": dict(shadow.identity),
                "records": records.digest,
                "member": [member[key] for key in records.ids],
                "seed": plan.seed_for(signal.info.name),
            },
        )
        for signal in passes.chosen.learned
    ]
    described = [(s, s.identity) for s in passes.chosen.fixed]
    with ExitStack() as held:
        # In one order everywhere, so that two runs that share a store never wait for one another.
        for place in sorted(places, key=lambda place: place.key):
            held.enter_context(passes.held(place))
        if all(place.exists for place in places):
            table = passes.table(shadow, records, described, progress)
        else:
            table = _learn(passes, shadow, records, member, described, places)
    # Loaded again even when just fitted: a resumed run must see exactly the same signal.
    return table, [
        (signal.fitted.load(place.folder), place.key)
        for signal, place in zip(passes.chosen.learned, places, strict=True)
    ]


def _learn(
    passes: Passes,
    shadow: Model,
    records: PreparedRecords,
    member: Mapping[str, bool],
    described: Sequence[tuple[Signal, str]],
    places: Sequence[Artefact],
) -> SignalTable:
    """Fit what is not fitted yet on the outputs of a pass that is made for it."""
    plan, progress = passes.plan, passes.progress
    with ExitStack() as stack:
        maps = stack.enter_context(MapStore(stack.enter_context(private_folder())))
        table = passes.table(shadow, records, described, progress, maps)
        for signal, place in zip(passes.chosen.learned, places, strict=True):
            if place.exists:
                continue
            report = step(progress, f"learning {signal.info.name}")
            with passes.clock("attack-training"):
                fitted = signal.fit(
                    maps, records, member, seed=plan.seed_for(signal.info.name), on_epoch=report
                )
            with place.writing() as folder:
                fitted.save(folder)
    return table
