"""One audit from plan to verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pixleak.analyses import ANALYSES
from pixleak.analyses.base import Context
from pixleak.analyses.walk import in_order
from pixleak.auditing.writing import UnsavedError, check_folder, files_beside, write_run
from pixleak.core.disk.private_folder import private_folder
from pixleak.core.errors import InputError, setting
from pixleak.core.progress import Progress, Silent, step
from pixleak.core.roles import Role
from pixleak.evaluation.statistics.sample import MIN_SUBJECTS
from pixleak.evaluation.verdict.rule import decide
from pixleak.pipeline.asking.working import working_control
from pixleak.pipeline.attacking import attack_pool
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.clusters import unit_warnings, with_clusters
from pixleak.pipeline.independence import independence_controls
from pixleak.pipeline.judging import judge
from pixleak.pipeline.measuring.measure_all import measure_all
from pixleak.pipeline.measuring.measured import Measured
from pixleak.pipeline.models import obtain_models
from pixleak.pipeline.plan.choosing import Chosen, choose
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.queries import meter_of, queries_of
from pixleak.pipeline.storage.save import write_result
from pixleak.pipeline.storage.store import Store, alone
from pixleak.pipeline.utility import describe_models
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.results.audit import RecordsInfo, Result, SplitInfo
from pixleak.results.controls import Control, NearCopies
from pixleak.results.environment import environment_here
from pixleak.results.models import ModelInfo
from pixleak.results.sections import Section
from pixleak.results.verdict import Verdict
from pixleak.targets.module import check_device

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "monai", "segmentation-models-pytorch")
"""Packages whose versions are saved with a result."""

FEWEST = 10
"""Fewest target members, and fewest non-members, of an audit."""


@dataclass(frozen=True)
class Shared:
    """What several runs have in common.

    Args:
        artefacts: folder of the store that all of them use.
        records: prepared already, with all records that the run asks about among them.
    """

    artefacts: Path
    records: PreparedRecords


def run_plan(
    plan: Plan, folder: Path, progress: Progress | None = None, shared: Shared | None = None
) -> Result:
    """Run an audit into ``folder``; what an earlier, interrupted run computed is used again.

    Args:
        plan: what to do.
        folder: run folder, made if missing. Gets ``config.yaml``, ``split.csv``,
            ``artefacts/``, ``signals.parquet``, ``scores.parquet``, the files of the analyses, with
            a pool ``membership.csv``, ``references.parquet`` and ``leave_one_out.parquet`` and,
            last, ``result.json``. A result of another configuration that it holds is moved to
            ``earlier/``.
        progress: shows how far it has come.
        shared: what it has in common with other runs; ``folder`` then gets no artefacts.

    Raises:
        InputError: the records, the target's output or the folder cannot be used.
        UnsavedError: all was computed, but it cannot be written; the error holds the result.
        UnmetNeedError: a signal needs more than the target grants.
    """
    progress = progress or Silent()
    begun = time.monotonic()
    if shared is None:
        check_folder(folder)
    check(plan)
    chosen = choose(plan)
    with alone(folder):
        if shared is not None:
            store = Store(shared.artefacts, folder)
            records = shared.records.select(used_ids(plan))
            return _run(plan, chosen, folder, store, records, progress, begun)
        store = Store(folder / "artefacts")
        # A run folder is passed on, private images are not; every run copies them anew.
        with private_folder() as copies:
            used = plan.records.select(used_ids(plan))
            records = prepare(used, copies, on_progress=step(progress, "reading records"))
            return _run(plan, chosen, folder, store, records, progress, begun)


def _run(
    plan: Plan,
    chosen: Chosen,
    folder: Path,
    store: Store,
    records: PreparedRecords,
    progress: Progress,
    begun: float,
) -> Result:
    """Models, signals, attacks and controls, analyses, verdict, and all of it saved."""
    clock = Clock()
    with clock("controls"):
        plan, copies = with_clusters(plan, records, store)
        check(plan)
    with clock("models"):
        needed, meter = queries_of(plan, chosen, store.root, records), meter_of(plan)
        if needed is not None and meter is not None:
            meter.check(needed.queries)
        models = obtain_models(plan, records, store, progress)
    with clock("signals"):
        measured = measure_all(plan, chosen, models, records, store, progress, clock)
    evaluated = records.select(plan.audited)
    with clock("attacks on the pool"):
        victims = attack_pool(plan, chosen, measured, progress)
    with clock("controls"):
        note = models.untrained_note
        judged = judge(plan, chosen, measured, evaluated, note, victims, store, progress, clock)
    judged.controls[:0] = models.asked
    judged.controls.append(_working(plan, measured, records))
    with clock("controls"):
        judged.controls.extend(
            independence_controls(plan, evaluated, judged.attacks, judged.scored, store)
        )
    context = Context(
        plan, chosen, models, measured, judged, victims, records, evaluated, progress, clock
    )
    found = _analysed(context)
    verdict = decide(
        judged.attacks,
        judged.controls,
        duplicates=judged.duplicates,
        shift=judged.shift,
        members=_independent(plan, Role.TARGET_MEMBERS),
        nonmembers=_independent(plan, Role.TARGET_NONMEMBERS),
        level=round(1 - plan.evaluation.level, 10),
    )
    with clock("utility"):
        infos = describe_models(plan, models, measured)
    try:
        with clock("writing"):
            write_run(folder, context, found.files, models.target.info)
        result = _result(context, found, verdict, infos, copies, begun)
        write_result(folder, result, files_beside())
    except (InputError, OSError) as error:
        raise UnsavedError.of(
            error, _result(context, found, verdict, infos, copies, begun)
        ) from error
    return result


def _working(plan: Plan, measured: Measured, records: PreparedRecords) -> Control:
    members = records.select(plan.ids(Role.TARGET_MEMBERS))
    table = measured.asked["target"].table
    units = plan.split.units(plan.records)
    return working_control(table, members, units)


@dataclass(frozen=True, eq=False)
class _Found:
    """What the analyses found.

    Args:
        sections: by the names of their analyses, in the order of the report.
        files: to leave in the run folder, name -> content.
        warnings: sentences.
    """

    sections: Mapping[str, Section]
    files: Mapping[str, bytes]
    warnings: tuple[str, ...]


def _analysed(context: Context) -> _Found:
    sections: dict[str, Section] = {}
    files: dict[str, bytes] = {}
    warnings: list[str] = []
    wanted = context.plan.analyses
    for analysis in in_order():
        if wanted is not None and analysis.name not in wanted:
            continue
        with context.clock(analysis.name):
            section = analysis.compute(context)
            if section is not None:
                sections[analysis.name] = section
                files |= analysis.files(section, context)
                warnings += analysis.warnings(section)
            elif wanted is not None:
                warnings.append(f"the analysis {analysis.name!r} does not apply to this audit")
    return _Found(sections, files, tuple(warnings))


def _result(
    context: Context,
    found: _Found,
    verdict: Verdict,
    infos: list[ModelInfo],
    copies: NearCopies | None,
    begun: float,
) -> Result:
    plan, judged, records = context.plan, context.judged, context.records
    preferred = context.chosen.attacks[context.chosen.default]
    device = str(getattr(context.models.target.target, "device", "cpu"))
    return Result(
        title=plan.title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 2),
        timings={name: round(each, 3) for name, each in context.clock.seconds.items()},
        arguments=plan.arguments,
        seeds={"seed": plan.seed} | _seeds(plan),
        environment=environment_here(*PACKAGES, device=device),
        records=RecordsInfo(
            name=plan.records.name,
            count=len(records),
            image_shape=list(records.image_shape),
            image_sizes=len(set(records.image_shapes)),
            truth=asdict(records.truth),
            digest=records.digest,
        ),
        split=SplitInfo(
            kind=plan.split.kind,
            seed=plan.split.seed,
            unit=plan.split.unit,
            counts={role: len(ids) for role, ids in plan.split.roles.items()},
        ),
        models=infos,
        attacks=judged.attacks,
        # The first attack where the default could not be evaluated.
        default_attack=next((i for i, s in enumerate(judged.scored) if s.planned is preferred), 0),
        controls=judged.controls,
        duplicates=judged.duplicates,
        shift=judged.shift,
        near_copies=copies,
        sections=dict(found.sections),
        verdict=verdict,
        warnings=[
            *unit_warnings(plan, copies),
            *context.chosen.left_out,
            *judged.left_out,
            *found.warnings,
        ],
    )


def _independent(plan: Plan, role: Role) -> int:
    """How many units (subjects, blocks of frames, or records) a role holds."""
    units = plan.split.units(plan.records)
    return len({units[key] for key in plan.ids(role)})


def used_ids(plan: Plan) -> list[str]:
    """The ids of the records that have a role, in the records' order."""
    used = set(plan.ids(*plan.split.roles))
    return [key for key in plan.records.ids if key in used]


def check(plan: Plan) -> None:
    """Refuse a plan with too little for an audit.

    Raises:
        InputError: there are too few records in some role, no such device, or no such analysis.
    """
    check_device(plan.target.device)
    for name in plan.analyses or ():
        ANALYSES[name]
    for role in (Role.TARGET_MEMBERS, Role.TARGET_NONMEMBERS):
        what = (
            "clusters of near-identical records or single records"
            if plan.split.clusters
            else "subjects or blocks"
        )
        count, independent = len(plan.ids(role)), _independent(plan, role)
        told = role.words
        if plan.poisoning is not None:
            told += " that count (only targeted records, or only records that are not poisoned)"
        if count < FEWEST:
            raise InputError(f"there are {count} {told}; an audit needs at least {FEWEST}")
        if independent < MIN_SUBJECTS:
            raise InputError(
                f"there are {count} {told}, of {independent} {what}; an audit needs "
                f"at least {MIN_SUBJECTS} of these"
            )
    if plan.shadow is not None and plan.ids(Role.SHADOW_MEMBERS):
        for role in (Role.SHADOW_MEMBERS, Role.SHADOW_NONMEMBERS):
            if len(plan.ids(role)) < FEWEST:
                raise InputError(
                    f"there are {len(plan.ids(role))} {role.words}; a shadow model needs at least "
                    f"{FEWEST} (or none at all, with {setting('attacker.shadow')} null)"
                )


def _seeds(plan: Plan) -> dict[str, int]:
    names = ["target", "shadow", "untrained", "blind"]
    if plan.canaries is not None:
        names.append("canaries")
    return {name: plan.seed_for(name) for name in names}
