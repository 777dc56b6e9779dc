"""Signals of every model on every record it is asked about, each model queried once a record.

Runs that share a store wait for a pass that another is making, and read what it left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from pixleak.core.progress import Progress, Silent, step
from pixleak.core.tables import Bools, ReferenceTable, SignalInfo, SignalTable
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.models import Model, Models, Reference
from pixleak.pipeline.plan.choosing import Chosen
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import Artefact, Store
from pixleak.pipeline.utility import beside, names_of
from pixleak.signals.difficulty.base import measure_difficulty
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.measure import Activity, measure

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.signals.base import Signal


@dataclass(frozen=True)
class Asked:
    """What one pass of one model left.

    Args:
        table: signals, and what is measured beside them for its utility, on all records asked.
        seconds: of the one query that all signals share, a record.
    """

    table: SignalTable
    seconds: float


@dataclass(frozen=True)
class Measured:
    """Signal tables of one audit.

    Args:
        asked: name of a model -> all that was measured of it.
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
        reserve: of the target, on the reserve that it was taught on and the non-members, or None.
        reserve_untrained: the same of the untrained model.
    """

    asked: Mapping[str, Asked]
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
    reserve: SignalTable | None = None
    reserve_untrained: SignalTable | None = None


def measure_all(
    plan: Plan,
    chosen: Chosen,
    models: Models,
    records: PreparedRecords,
    store: Store,
    progress: Progress,
    clock: Clock,
) -> Measured:
    """Shadow first, so that what is learned on it joins the one pass over the target.

    Raises:
        InputError: the target's output is unusable.
    """
    learned: list[tuple[Signal, str]] = []
    passes = _Passes(plan, chosen, store, progress, clock)
    shadow_table = None
    if models.shadow is not None:
        shadow_records = records.select(plan.ids("shadow-members", "shadow-nonmembers"))
        shadow_table, learned = _shadow_pass(passes, models.shadow, shadow_records)
    signals = [(s, s.identity) for s in chosen.fixed] + learned
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
        "reserve": (*plan.taught_on, *plan.ids("target-nonmembers")) if plan.taught_on else (),
    }
    asked = records.select(list(dict.fromkeys(key for part in ids.values() for key in part)))
    # What no model is asked for is the same for all of them.
    hard = _difficulty(chosen, asked, store, progress) if chosen.difficulties else None

    def table(model: Model | Reference, progress: Progress) -> SignalTable:
        found = passes.table(model, asked, signals, progress)
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
        asked=passes.asked,
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
        reserve=tables["reserve"].target,
        reserve_untrained=tables["reserve"].untrained,
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


class _Passes:
    """The passes of an audit, each made once and kept in the store."""

    def __init__(
        self, plan: Plan, chosen: Chosen, store: Store, progress: Progress, clock: Clock
    ) -> None:
        self.plan = plan
        self.chosen = chosen
        self.store = store
        self.progress = progress
        self.clock = clock
        self.asked: dict[str, Asked] = {}
        self._beside = beside(plan.truth)

    def table(
        self,
        model: Model | Reference,
        records: PreparedRecords,
        signals: Sequence[tuple[Signal, str]],
        progress: Progress,
        maps: MapStore | None = None,
    ) -> SignalTable:
        """The signals of one model; what is measured beside them is in ``asked`` only."""
        place = self.store.artefact(
            "signals",
            {
                "model": dict(model.identity),
                "records": records.digest,
                "signals": [identity for _, identity in signals],
                "beside": [repr(signal) for signal in self._beside],
                "access": str(self.plan.target.access),
                "samples": self.plan.samples,
            },
        )
        with self.held(place):
            if place.exists and maps is None:
                found = read_asked(place.folder)
            else:
                found = self._ask(model, records, [signal for signal, _ in signals], progress, maps)
                if not place.exists:
                    _write_asked(place, found)
        self.asked[model.info.name] = found
        hidden = set(names_of(self.plan.truth))
        return found.table.select(signals=[n for n in found.table.names if n not in hidden])

    def _ask(
        self,
        model: Model | Reference,
        records: PreparedRecords,
        signals: Sequence[Signal],
        progress: Progress,
        maps: MapStore | None,
    ) -> Asked:
        opened = model.model() if isinstance(model, Reference) else model
        spent: dict[Activity, float] = dict.fromkeys(get_args(Activity), 0.0)

        def heard(activity: Activity, seconds: float) -> None:
            spent[activity] += seconds

        table = measure(
            opened.target,
            records,
            [*signals, *self._beside],
            batch_size=self.plan.batch_size,
            store=maps,
            samples=self.plan.samples,
            on_progress=step(progress, f"asking the {model.info.name}"),
            on_activity=heard,
        )
        self.clock.moved(spent["query"] + spent["further query"], "inference")
        self.clock.moved(spent["learned signal"], "attack-inference")
        return Asked(table, spent["query"] / len(records))

    @contextmanager
    def held(self, place: Artefact) -> Iterator[None]:
        """An artefact for this run alone; that others work on it is none of this run's work."""
        with ExitStack() as stack:
            with self.clock("waiting"):
                stack.enter_context(place.alone())
            yield


def _shadow_pass(
    passes: _Passes, shadow: Model, records: PreparedRecords
) -> tuple[SignalTable, list[tuple[Signal, str]]]:
    plan, store, progress = passes.plan, passes.store, passes.progress
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
    passes: _Passes,
    shadow: Model,
    records: PreparedRecords,
    member: Mapping[str, bool],
    described: Sequence[tuple[Signal, str]],
    places: Sequence[Artefact],
) -> SignalTable:
    """Fit what is not fitted yet on the maps of a pass that is made for it."""
    plan, progress = passes.plan, passes.progress
    with ExitStack() as stack:
        scratch = stack.enter_context(TemporaryDirectory(dir=passes.store.root, prefix=".maps-"))
        maps = stack.enter_context(MapStore(Path(scratch)))
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


def _difficulty(
    chosen: Chosen, records: PreparedRecords, store: Store, progress: Progress
) -> SignalTable:
    place = store.artefact(
        "difficulty",
        {"records": records.digest, "difficulties": [one.identity for one in chosen.difficulties]},
    )
    with place.alone():
        if place.exists:
            return read_table(place.folder)
        table = measure_difficulty(
            records, chosen.difficulties, on_progress=step(progress, "measuring difficulty")
        )
        with place.writing() as folder:
            _write_table(folder, table)
    return table


def _write_table(folder: Path, table: SignalTable) -> None:
    np.savez(folder / "table.npz", values=table.values, measured=table.measured)
    content: Mapping[str, Any] = {
        "ids": list(table.ids),
        "infos": [asdict(info) for info in table.infos],
    }
    (folder / "table.json").write_text(json.dumps(content), encoding="utf-8")


def _write_asked(place: Artefact, asked: Asked) -> None:
    with place.writing() as folder:
        _write_table(folder, asked.table)
        (folder / "seconds.json").write_text(json.dumps(asked.seconds), encoding="utf-8")


def read_asked(folder: Path) -> Asked:
    """What a pass left, from its artefact."""
    seconds = json.loads((folder / "seconds.json").read_text(encoding="utf-8"))
    return Asked(read_table(folder), float(seconds))


def read_table(folder: Path) -> SignalTable:
    """A signal table from its artefact."""
    from pixleak.core.access import Access

    content = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    infos = [SignalInfo(**info | {"access": Access(info["access"])}) for info in content["infos"]]
    with np.load(folder / "table.npz") as arrays:
        return SignalTable(
            tuple(content["ids"]), arrays["values"], tuple(infos), arrays["measured"]
        )
