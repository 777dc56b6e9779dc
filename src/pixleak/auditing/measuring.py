"""Signals of every model on every record it is asked about, each model queried once a record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from pixleak.auditing.choosing import Chosen
from pixleak.auditing.models import Model, Models, Reference
from pixleak.auditing.plan import Plan
from pixleak.auditing.progress import Progress, Silent, step
from pixleak.auditing.store import Artefact, Store
from pixleak.signals.difficulty.base import measure_difficulty
from pixleak.signals.learned import load_fitted
from pixleak.signals.maps import MapStore
from pixleak.signals.measure import measure
from pixleak.types import Bools, ReferenceTable, SignalInfo, SignalTable

if TYPE_CHECKING:
    from pixleak.records.prepare import PreparedRecords
    from pixleak.signals.base import Signal
    from pixleak.signals.learned.base import FittedSignal


@dataclass(frozen=True)
class Measured:
    """Signal tables of one audit.

    Args:
        target: on the target members and non-members.
        untrained: the same records and signals, or None.
        shadow: fixed signals on the shadow's members and non-members, or None.
        reference: the pool, on the target members and non-members, or None.
        outer: of the target, on the other records that it was not trained on, or None where no
            attack looks at them.
        outer_untrained: the same of the untrained model.
        outer_reference: the same of the pool.
        canaries: of the target, on the canaries, or None.
        canaries_reference: the same of the pool.
        bystanders: of the target, on the bystanders, or None.
        bystanders_untrained: the same of the untrained model.
        bystanders_reference: the same of the pool.
    """

    target: SignalTable
    untrained: SignalTable | None
    shadow: SignalTable | None
    reference: ReferenceTable | None = None
    outer: SignalTable | None = None
    outer_untrained: SignalTable | None = None
    outer_reference: ReferenceTable | None = None
    canaries: SignalTable | None = None
    canaries_reference: ReferenceTable | None = None
    bystanders: SignalTable | None = None
    bystanders_untrained: SignalTable | None = None
    bystanders_reference: ReferenceTable | None = None


def measure_all(
    plan: Plan,
    chosen: Chosen,
    models: Models,
    records: PreparedRecords,
    store: Store,
    progress: Progress,
) -> Measured:
    """Shadow first, so that what is learned on it joins the one pass over the target.

    Raises:
        InputError: the target's output is unusable.
    """
    learned: list[tuple[Signal, str]] = []
    shadow_table = None
    if models.shadow is not None:
        shadow_records = records.select(plan.ids("shadow-members", "shadow-nonmembers"))
        shadow_table, learned = _shadow_pass(
            plan, models.shadow, shadow_records, chosen, store, progress
        )
    signals = [(s, repr(s)) for s in chosen.fixed] + learned
    shadow_difficulty = None
    if shadow_table is not None and chosen.difficulties:
        shadow_difficulty = _difficulty(chosen, shadow_records, store, progress)
    # Every model is asked about all of these in one pass.
    outer = plan.outer if chosen.outer else ()
    ids = {
        "audited": plan.audited,
        "outer": outer,
        "canaries": plan.ids("canaries"),
        "bystanders": plan.ids("bystander-members", "bystander-nonmembers"),
    }
    asked = records.select([key for part in ids.values() for key in part])
    # What no model is asked for is the same for all of them.
    hard = _difficulty(chosen, asked, store, progress) if chosen.difficulties else None

    def table(model: Model | Reference, progress: Progress) -> SignalTable:
        found = _table(plan, model, asked, signals, store, progress)
        return found if hard is None else found.join(hard)

    target = table(models.target, progress)
    control = None
    if models.untrained is not None:
        control = table(models.untrained, progress)
    pool: list[SignalTable] = []
    for reference in models.references:
        pool.append(table(reference, Silent()))
        progress.update("asking the references", len(pool), len(models.references))
    tables = {name: _Part.of(plan, part, target, control, pool) for name, part in ids.items()}
    return Measured(
        target=target.select(ids=plan.audited),
        untrained=tables["audited"].untrained,
        shadow=shadow_table
        if shadow_table is None or shadow_difficulty is None
        else shadow_table.join(shadow_difficulty),
        reference=tables["audited"].reference,
        outer=tables["outer"].target,
        outer_untrained=tables["outer"].untrained,
        outer_reference=tables["outer"].reference,
        canaries=tables["canaries"].target,
        canaries_reference=tables["canaries"].reference,
        bystanders=tables["bystanders"].target,
        bystanders_untrained=tables["bystanders"].untrained,
        bystanders_reference=tables["bystanders"].reference,
    )


@dataclass(frozen=True)
class _Part:
    """What was measured on some of the records; all None where there are none."""

    target: SignalTable | None = None
    untrained: SignalTable | None = None
    reference: ReferenceTable | None = None

    @classmethod
    def of(
        cls,
        plan: Plan,
        ids: Sequence[str],
        target: SignalTable,
        untrained: SignalTable | None,
        pool: Sequence[SignalTable],
    ) -> _Part:
        if not ids:
            return cls()
        return cls(
            target.select(ids=ids),
            None if untrained is None else untrained.select(ids=ids),
            _pooled(plan, ids, pool),
        )


def _pooled(plan: Plan, ids: Sequence[str], pool: Sequence[SignalTable]) -> ReferenceTable | None:
    if plan.references is None or not pool:
        return None
    drawn = plan.references.membership
    column = {key: j for j, key in enumerate(drawn.ids)}
    member: Bools = np.zeros((len(pool), len(ids)), dtype=bool)
    for j, key in enumerate(ids):
        if key in column:
            member[:, j] = drawn.inside[:, column[key]]
    parts = [table.select(ids=ids) for table in pool]
    return ReferenceTable(
        ids=tuple(ids),
        models=drawn.models,
        values=np.stack([part.values for part in parts]),
        infos=parts[0].infos,
        measured=np.stack([part.measured for part in parts]),
        member=member,
    )


def _shadow_pass(
    plan: Plan,
    shadow: Model,
    records: PreparedRecords,
    chosen: Chosen,
    store: Store,
    progress: Progress,
) -> tuple[SignalTable, list[tuple[Signal, str]]]:
    members = set(plan.ids("shadow-members"))
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
        for signal in chosen.learned
    ]
    described = [(s, repr(s)) for s in chosen.fixed]
    if all(place.exists for place in places):
        table = _table(plan, shadow, records, described, store, progress)
    else:
        with ExitStack() as stack:
            scratch = stack.enter_context(TemporaryDirectory(dir=store.root, prefix=".maps-"))
            maps = stack.enter_context(MapStore(Path(scratch)))
            table = _table(plan, shadow, records, described, store, progress, maps)
            for signal, place in zip(chosen.learned, places, strict=True):
                if place.exists:
                    continue
                report = step(progress, f"learning {signal.info.name}")
                fitted = signal.fit(
                    maps, records, member, seed=plan.seed_for(signal.info.name), on_epoch=report
                )
                with place.writing() as folder:
                    fitted.save(folder)
    # Loaded again even when just fitted: a resumed run must see exactly the same signal.
    fitted_signals: list[FittedSignal] = [load_fitted(place.folder) for place in places]
    return table, [(f, place.key) for f, place in zip(fitted_signals, places, strict=True)]


def _table(
    plan: Plan,
    model: Model | Reference,
    records: PreparedRecords,
    signals: Sequence[tuple[Signal, str]],
    store: Store,
    progress: Progress,
    maps: MapStore | None = None,
) -> SignalTable:
    place = store.artefact(
        "signals",
        {
            "model": dict(model.identity),
            "records": records.digest,
            "signals": [identity for _, identity in signals],
            "access": str(plan.target.access),
            "samples": plan.samples,
        },
    )
    if place.exists and maps is None:
        return read_table(place.folder)
    opened = model.model() if isinstance(model, Reference) else model
    table = measure(
        opened.target,
        records,
        [signal for signal, _ in signals],
        batch_size=plan.batch_size,
        store=maps,
        samples=plan.samples,
        on_progress=step(progress, f"asking the {model.info.name}"),
    )
    if not place.exists:
        _write_table(place, table)
    return table


def _difficulty(
    chosen: Chosen, records: PreparedRecords, store: Store, progress: Progress
) -> SignalTable:
    place = store.artefact(
        "difficulty",
        {"records": records.digest, "difficulties": [one.identity for one in chosen.difficulties]},
    )
    if place.exists:
        return read_table(place.folder)
    table = measure_difficulty(
        records, chosen.difficulties, on_progress=step(progress, "measuring difficulty")
    )
    _write_table(place, table)
    return table


def _write_table(place: Artefact, table: SignalTable) -> None:
    with place.writing() as folder:
        np.savez(folder / "table.npz", values=table.values, measured=table.measured)
        content: Mapping[str, Any] = {
            "ids": list(table.ids),
            "infos": [asdict(info) for info in table.infos],
        }
        (folder / "table.json").write_text(json.dumps(content), encoding="utf-8")


def read_table(folder: Path) -> SignalTable:
    """A signal table from its artefact."""
    from pixleak.types import Access

    content = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    infos = [SignalInfo(**info | {"access": Access(info["access"])}) for info in content["infos"]]
    with np.load(folder / "table.npz") as arrays:
        return SignalTable(
            tuple(content["ids"]), arrays["values"], tuple(infos), arrays["measured"]
        )
