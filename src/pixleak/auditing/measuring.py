"""Signals of every model on every record it is asked about, each model queried once a record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from pixleak.auditing.config import LearnedConfig
from pixleak.auditing.models import Model, Models
from pixleak.auditing.plan import Plan
from pixleak.auditing.progress import Progress, step
from pixleak.auditing.store import Artefact, Store
from pixleak.errors import InputError, UnmetNeedError
from pixleak.registry import alternatives
from pixleak.signals import SIGNALS
from pixleak.signals.learned import LEARNED, load_fitted
from pixleak.signals.maps import MapStore
from pixleak.signals.measure import measure
from pixleak.types import SignalInfo, SignalTable

if TYPE_CHECKING:
    from pixleak.records.prepare import PreparedRecords
    from pixleak.signals.base import Signal
    from pixleak.signals.learned.base import FittedSignal, LearnedSignal


@dataclass(frozen=True)
class Measured:
    """Signal tables of one audit.

    Args:
        target: on the target members and non-members.
        untrained: the same records and signals, or None.
        shadow: fixed signals on the shadow's members and non-members, or None.
    """

    target: SignalTable
    untrained: SignalTable | None
    shadow: SignalTable | None


@dataclass(frozen=True)
class Chosen:
    """The signals of an audit, decided before anything is trained.

    Args:
        fixed: all that the target's access allows, those to attack first.
        learned: to be trained on the shadow.
        left_out: one sentence for every signal that cannot be measured.
    """

    fixed: tuple[Signal, ...]
    learned: tuple[LearnedSignal, ...]
    left_out: tuple[str, ...]


def choose(plan: Plan) -> Chosen:
    """Look the signals of a plan up and hold their needs against what the target grants.

    Raises:
        UnmetNeedError: the user asked for a signal that the target's access cannot serve.
        InputError: a signal's name is unknown, or a learned signal's option.
    """
    access = plan.target.access
    names = [*plan.signals, *(config.name for config in plan.learned)]
    if not names:
        raise InputError("there is nothing to attack with: name signals, or learned signals")
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"signal {twice[0]!r} is named twice; once is enough")
    chosen = [SIGNALS[name] for name in plan.signals]
    for signal in chosen:
        if not signal.info.queries_model:
            raise InputError(
                f"signal {signal.name!r} never asks the model, so it is no attack; leave it out"
            )
    others = [signal for name, signal in SIGNALS.items() if name not in plan.signals]
    fixed: list[Signal] = []
    left_out: list[str] = []
    for signal in chosen + others:
        needed = signal.info.access
        if access.grants(needed):
            fixed.append(signal)
        elif signal in chosen:
            lacks = f"it needs {needed} access, the target grants {access}"
            if plan.signals_chosen:
                raise UnmetNeedError(
                    f"signal {signal.name!r} cannot be measured: {lacks}; leave it out of "
                    f"signals, or declare access: {needed} if the target grants that"
                )
            left_out.append(f"{signal.name} was left out: {lacks}")
    learned = [_learned(config) for config in plan.learned]
    if learned and (plan.shadow is None or not plan.ids("shadow-members")):
        left_out.append("learned signals were left out: there is no shadow model to learn from")
        learned = []
    for one in learned:
        if not access.grants(one.info.access):
            left_out.append(
                f"{one.name} was left out: it needs {one.info.access} access, the target grants "
                f"{access}"
            )
    kept = tuple(one for one in learned if access.grants(one.info.access))
    return Chosen(tuple(fixed), kept, tuple(left_out))


def _learned(config: LearnedConfig) -> LearnedSignal:
    kind = LEARNED[config.name]
    known = [field.name for field in fields(kind)]
    if unknown := [option for option in config.options if option not in known]:
        raise InputError(
            f"learned signal {config.name!r} has no option {unknown[0]!r}"
            f"{alternatives(unknown[0], known)}"
        )
    try:
        return kind(**config.options)
    except TypeError as error:
        raise InputError(f"learned signal {config.name!r}: {error}") from error


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
    evaluated = records.select(plan.ids("target-members", "target-nonmembers"))
    learned: list[tuple[Signal, str]] = []
    shadow_table = None
    if models.shadow is not None:
        shadow_records = records.select(plan.ids("shadow-members", "shadow-nonmembers"))
        shadow_table, learned = _shadow_pass(
            plan, models.shadow, shadow_records, chosen, store, progress
        )
    signals = [(s, repr(s)) for s in chosen.fixed] + learned
    target = _table(plan, models.target, evaluated, signals, store, progress)
    control = None
    if models.untrained is not None:
        control = _table(plan, models.untrained, evaluated, signals, store, progress)
    return Measured(target, control, shadow_table)


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
    model: Model,
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
            "access": str(model.target.access),
        },
    )
    if place.exists and maps is None:
        return read_table(place.folder)
    table = measure(
        model.target,
        records,
        [signal for signal, _ in signals],
        batch_size=plan.batch_size,
        store=maps,
        on_progress=step(progress, f"asking the {model.info.name}"),
    )
    if not place.exists:
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
