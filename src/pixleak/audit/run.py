"""One audit from plan to verdict."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pixleak.analyses.closer import (
    canary_epsilon,
    exposed_kinds,
    pool_info,
    resemblance,
    spread,
    subject_level,
)
from pixleak.analyses.defended import defences_info
from pixleak.analyses.exhibits import show
from pixleak.analyses.reserve import reserve_level
from pixleak.core.errors import InputError
from pixleak.core.files import write_whole
from pixleak.core.progress import Progress, Silent, step
from pixleak.core.tables import SignalTable
from pixleak.evaluation.statistics.sample import MIN_SUBJECTS
from pixleak.evaluation.verdict.rule import decide
from pixleak.pipeline.attacking import Victims, attack_pool
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.judging import Judged, judge
from pixleak.pipeline.measuring import Measured, measure_all
from pixleak.pipeline.models import Models, obtain_models
from pixleak.pipeline.plan.choosing import Chosen, choose
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.plan.poisoned import poison_info
from pixleak.pipeline.storage.save import (
    scores_table,
    signals_table,
    write_config,
    write_exhibits,
    write_parquet,
    write_pool,
    write_result,
)
from pixleak.pipeline.storage.store import Store, alone, check_writable
from pixleak.pipeline.utility import utilities
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.results.audit import RecordsInfo, Result, SplitInfo
from pixleak.results.environment import environment_here
from pixleak.results.models import ModelInfo
from pixleak.targets.module import check_device
from pixleak.training.jobs import pictures_path

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "monai", "segmentation-models-pytorch")
"""Packages whose versions are saved with a result."""

FEWEST = 10
"""Fewest target members, and non-members, that are worth an audit."""


@dataclass(frozen=True)
class Shared:
    """What several runs have in common.

    Args:
        artefacts: folder of the store that all of them use.
        records: prepared already; all that the run asks about are among them.
    """

    artefacts: Path
    records: PreparedRecords


def run(
    plan: Plan, folder: Path, progress: Progress | None = None, shared: Shared | None = None
) -> Result:
    """Run an audit into ``folder``; what an earlier, interrupted run computed is used again.

    Args:
        plan: what to do.
        folder: run folder, made if missing. Gets ``config.yaml``, ``split.csv``,
            ``artefacts/``, ``signals.parquet``, ``scores.parquet``, ``exhibits.npz``, with a pool
            ``membership.csv``, ``references.parquet`` and ``leave_one_out.parquet`` and, last,
            ``result.json``.
        progress: shows how far it has come.
        shared: what it has in common with other runs; ``folder`` then gets no artefacts.

    Raises:
        InputError: the records, the target's output or the folder cannot be used.
        UnmetNeedError: a signal needs more than the target grants.
    """
    progress = progress or Silent()
    begun = time.monotonic()
    check_writable(folder)
    check(plan)
    chosen = choose(plan)
    with alone(folder):
        if shared is not None:
            store = Store(shared.artefacts, folder)
            records = shared.records.select(used_ids(plan))
            return _run(plan, chosen, folder, store, records, progress, begun)
        store = Store(folder / "artefacts")
        copies = store.root / ".records"
        try:
            used = plan.records.select(used_ids(plan))
            records = prepare(used, copies, on_progress=step(progress, "reading records"))
            return _run(plan, chosen, folder, store, records, progress, begun)
        finally:
            # A run folder is passed on, private images are not; every run makes them anew.
            shutil.rmtree(copies, ignore_errors=True)


def _run(
    plan: Plan,
    chosen: Chosen,
    folder: Path,
    store: Store,
    records: PreparedRecords,
    progress: Progress,
    begun: float,
) -> Result:
    clock = Clock()
    with clock("models"):
        models = obtain_models(plan, records, store, progress)
    with clock("signals"):
        measured = measure_all(plan, chosen, models, records, store, progress, clock)
    evaluated = records.select(plan.ids("target-members", "target-nonmembers"))
    victims: list[Victims] = []
    if plan.references is not None and plan.references.leave_one_out:
        with clock("attacks on the pool"):
            victims = attack_pool(plan, chosen, measured, progress)
    with clock("controls"):
        note = models.untrained_note
        judged = judge(plan, chosen, measured, evaluated, note, victims, store, progress, clock)
    with clock("exhibits"):
        exhibits = show(plan, judged, evaluated, models.target.target)
    verdict = decide(
        judged.attacks,
        judged.controls,
        duplicates=judged.duplicates,
        shift=judged.shift,
        members=_independent(plan, "target-members"),
        nonmembers=_independent(plan, "target-nonmembers"),
        level=round(1 - plan.evaluation.level, 10),
    )
    with clock("poison"):
        poison = poison_info(plan, models, records)
    with clock("attacks on the pool"):
        spreads = spread(plan, chosen, victims, progress)
    with clock("slices, subjects"):
        slices = exposed_kinds(plan, chosen, judged, evaluated)
        subjects = subject_level(plan, chosen, measured, models.untrained_note)
        reserve = reserve_level(plan, chosen, measured, models.untrained_note)
    with clock("utility"):
        infos = _model_infos(plan, models, measured)
    alike = resemblance(plan, measured)
    warnings = [*chosen.left_out, *judged.left_out]
    if alike is not None and alike.passed is False:
        warnings.append(alike.explanation)
    with clock("writing"):
        # An earlier result stands until all of this one is known, and never beside parts of it.
        for old in ("result.json", "report.html"):
            (folder / old).unlink(missing_ok=True)
        write_config(folder, plan)
        plan.split.save(folder / "split.csv", records)
        write_parquet(folder / "signals.parquet", signals_table(measured.target))
        write_parquet(folder / "scores.parquet", scores_table(plan, judged, evaluated))
        write_pool(folder, plan, measured, victims)
        write_exhibits(folder, exhibits)
        _keep_pictures(folder, models.target.info)
    result = Result(
        title=plan.title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 2),
        timings={name: round(each, 3) for name, each in clock.seconds.items()},
        arguments=plan.arguments,
        seeds={"seed": plan.seed} | _seeds(plan),
        environment=environment_here(*PACKAGES, device=str(models.target.target.device)),
        records=_records_info(plan, records),
        split=SplitInfo(
            kind=plan.split.kind,
            seed=plan.split.seed,
            unit=plan.split.unit,
            counts={role: len(ids) for role, ids in plan.split.roles.items()},
        ),
        models=infos,
        defences=defences_info(plan, models),
        attacks=judged.attacks,
        default_attack=_default(chosen, judged),
        controls=judged.controls,
        duplicates=judged.duplicates,
        shift=judged.shift,
        exposures=None if exhibits is None else exhibits.exposures,
        references=pool_info(plan),
        fidelity=alike,
        leave_one_out=spreads,
        slices=slices,
        subjects=subjects,
        reserve=reserve,
        epsilon=canary_epsilon(plan, measured),
        poison=poison,
        verdict=verdict,
        warnings=warnings,
    )
    write_result(folder, result)
    return result


def _default(chosen: Chosen, judged: Judged) -> int:
    """Position of the default attack among the results; the first where it could not be used."""
    preferred = chosen.attacks[chosen.default]
    return next((i for i, one in enumerate(judged.scored) if one.planned is preferred), 0)


def _keep_pictures(folder: Path, target: ModelInfo) -> None:
    """Pictures of a generator's training, where there are any, beside the report."""
    shown = folder / "training.png"
    shown.unlink(missing_ok=True)
    if target.weights is not None:
        pictures = pictures_path(folder / target.weights)
        if pictures.is_file():
            write_whole(shown, pictures.read_bytes())


def _independent(plan: Plan, role: str) -> int:
    """How many units (subjects, blocks of frames, or records) a role holds."""
    units = plan.split.units(plan.records)
    return len({units[key] for key in plan.ids(role)})


def used_ids(plan: Plan) -> list[str]:
    """The ids of the records that have a role, in the records' order."""
    used = set(plan.ids(*plan.split.roles))
    return [key for key in plan.records.ids if key in used]


def check(plan: Plan) -> None:
    """Refuse what is not worth an audit.

    Raises:
        InputError: there are too few records in some role, or no such device.
    """
    check_device(plan.target.device)
    for role in ("target-members", "target-nonmembers"):
        count, independent = len(plan.ids(role)), _independent(plan, role)
        told = role.replace("-", " ")
        if plan.poisoning is not None:
            told += " that count (of targeted records those alone, else none that is poisoned)"
        if count < FEWEST:
            raise InputError(f"there are {count} {told}; an audit needs at least {FEWEST}")
        if independent < MIN_SUBJECTS:
            raise InputError(
                f"there are {count} {told}, of {independent} subjects or blocks; an audit needs "
                f"at least {MIN_SUBJECTS} of these"
            )
    if plan.shadow is not None and plan.ids("shadow-members"):
        for role in ("shadow-members", "shadow-nonmembers"):
            if len(plan.ids(role)) < FEWEST:
                raise InputError(
                    f"there are {len(plan.ids(role))} {role.replace('-', ' ')}; a shadow model "
                    f"needs at least {FEWEST} (or none at all, with shadow: null)"
                )


def _seeds(plan: Plan) -> dict[str, int]:
    names = ["target", "shadow", "untrained", "blind"]
    if plan.canaries is not None:
        names.append("canaries")
    return {name: plan.seed_for(name) for name in names}


def _records_info(plan: Plan, records: PreparedRecords) -> RecordsInfo:
    from dataclasses import asdict

    return RecordsInfo(
        name=plan.records.name,
        count=len(records),
        image_shape=list(records.image_shape),
        truth=asdict(records.truth),
        digest=records.digest,
    )


def _model_infos(plan: Plan, models: Models, measured: Measured) -> list[ModelInfo]:
    """Of every model what it is and does; where records were targeted, on those that were not."""
    units = plan.split.units(plan.records)
    held = {"target": plan.ids("target-members", "bystander-members")}
    held["untrained"] = held["target"]
    held["shadow"] = plan.ids("shadow-members")
    looked_at = plan.ids("bystander-members", "bystander-nonmembers") or plan.audited
    infos = [models.target.info]
    infos += [] if models.shadow is None else [models.shadow.info]
    if plan.references is not None:
        infos += [reference.info for reference in models.references]
        drawn = plan.references.membership
        held |= {name: drawn.of(i) for i, name in enumerate(drawn.models)}
    infos += [] if models.untrained is None else [models.untrained.info]
    out = []
    for info in infos:
        asked = measured.asked[info.name]
        ids = asked.table.ids if info.name == "shadow" else looked_at
        inside = set(held[info.name])
        utility = utilities(
            asked.table,
            {key: key in inside for key in ids},
            units,
            plan.truth,
            level=plan.evaluation.level,
            replicates=plan.evaluation.replicates,
            seed=plan.seed_for("utility"),
        )
        plain = _with_utility(info, asked.table.select(ids=ids), inside)
        update = {"utility": utility, "inference_seconds": asked.seconds}
        out.append(plain.model_copy(update=update))
    return out


def _with_utility(info: ModelInfo, table: SignalTable, members: set[str]) -> ModelInfo:
    """Utility on training and on held-out records.

    Of segmenters the mean soft Dice, where there is foreground; of generators the mean L1 error and
    SSIM.
    """
    sides = {}
    for signal, what, complement in (
        ("dice-loss", "dice", True),
        ("l1-error", "error", False),
        ("ssim-error", "ssim", True),
    ):
        if signal not in table.names:
            continue
        column = table.select(signals=[signal])
        for side, inside in (("members", True), ("nonmembers", False)):
            chosen = [
                m and ((key in members) == inside)
                for key, m in zip(column.ids, column.measured[:, 0], strict=True)
            ]
            if any(chosen):
                mean = float(column.values[chosen, 0].mean())
                sides[f"{side}_{what}"] = 1 - mean if complement else mean
    return info.model_copy(update=sides)
