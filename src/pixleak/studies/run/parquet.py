"""A study as one tidy table: one row per cell and attack, null where nothing was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pixleak.analyses.defences import DefencesInfo
from pixleak.analyses.walk import sections_of
from pixleak.core.errors import InputError
from pixleak.core.roles import Role
from pixleak.results.attacks import AttackResult
from pixleak.results.audit import Result
from pixleak.results.base import Interval, Rate, TprAtFpr
from pixleak.results.models import ModelInfo
from pixleak.results.sections import LeaveOneOut, Spread
from pixleak.studies.plan.cell_config import CellConfig
from pixleak.studies.summary.study_result import NONE, CellInfo

STRINGS = (
    "dataset", "victim", "shadow", "defence", "defence_names", "poison", "attacker", "attack",
    "signal", "title", "access", "verdict", "utility",
)  # fmt: skip
INTS = (
    "seed", "training_size", "members", "nonmembers", "tn", "fp", "fn", "tp", "tpr1_successes",
    "tpr1_trials", "tpr10_successes", "tpr10_trials", "loo_victims", "extra_records",
)  # fmt: skip
BOOLS = ("default", "needs_truth", "control_failed", "tpr1_resolvable", "tpr10_resolvable")
ENDS = ("", "_low", "_high")
"""Endings of the three columns of an interval."""

INTERVALS = (
    "auc", "tpr1", "tpr10", "accuracy", "loo_auc", "loo_tpr1", "utility_heldout", "miou_heldout",
    "l1_heldout", "backdoor_rate",
)  # fmt: skip
FLOATS = (
    "strength", *(f"{name}{end}" for name in INTERVALS for end in ENDS), "oracle_accuracy", "f1",
    "control_auc", "p_value", "utility_members", "training_seconds", "inference_seconds",
    "epsilon", "delta", "poison_visibility", "seconds",
)  # fmt: skip


def schema_of(axes: Sequence[str], rows: Sequence[Mapping[str, Any]] = ()) -> pa.Schema:
    """Columns of ``study.parquet`` for a study with these axes.

    Args:
        axes: names of the study's axes.
        rows: of the table; columns that only an analysis knows are typed by their values.
    """
    schema = pa.schema(
        [
            ("cell", pa.string()),
            *((f"axis:{name}", pa.string()) for name in axes),
            *((name, pa.string()) for name in STRINGS),
            *((name, pa.int64()) for name in INTS),
            *((name, pa.bool_()) for name in BOOLS),
            *((name, pa.float64()) for name in FLOATS),
        ]
    )
    known = set(schema.names)
    for name in dict.fromkeys(name for row in rows for name in row if name not in known):
        schema = schema.append(pa.field(name, pa.array([row.get(name) for row in rows]).type))
    return schema


def tidy(
    cells: Sequence[tuple[CellInfo, CellConfig, Result | None]], axes: Sequence[str]
) -> pa.Table:
    """One row per cell and attack; a cell without a result has none.

    Args:
        cells: with their configurations and results.
        axes: names of the study's axes.
    """
    rows = [
        row
        for info, config, result in cells
        if result is not None
        for row in rows_of(info, config, result)
    ]
    return pa.Table.from_pylist(rows, schema=schema_of(axes, rows))


def rows_of(info: CellInfo, config: CellConfig, result: Result) -> list[dict[str, Any]]:
    """The rows of one cell.

    Raises:
        InputError: an analysis has a column of a name that is taken.
    """
    common = _common(info, config, result)
    found = result.section(LeaveOneOut)
    spreads = {} if found is None else {(one.name, one.signal): one for one in found.attacks}
    rows = [
        common
        | _attack(attack)
        | _spread(spreads.get((attack.name, attack.signal)))
        | {"default": i == result.default_attack}
        for i, attack in enumerate(result.attacks)
    ]
    columns = _columns(result)
    if taken := [name for name in columns if any(name in row for row in rows)]:
        raise InputError(
            f"an analysis writes column {taken[0]!r}, a name that study.parquet uses already; "
            "rename it"
        )
    return [row | columns for row in rows]


def _columns(result: Result) -> dict[str, Any]:
    """What the analyses of a cell have to say, the same for all its attacks."""
    return {
        name: value
        for analysis, section in sections_of(result)
        for name, value in analysis.columns(section).items()
    }


def _common(info: CellInfo, config: CellConfig, result: Result) -> dict[str, Any]:
    """What all attacks of a cell share."""
    models = {model.name: model for model in result.models}
    target = models["target"]
    found = result.section(DefencesInfo)
    defences = [] if found is None else found.defences
    dataset = "" if result.records is None else result.records.name
    defended = "+".join(defence.description for defence in defences) or NONE
    row: dict[str, Any] = {
        "cell": info.id,
        **{f"axis:{name}": label for name, label in info.levels.items()},
        "dataset": info.levels.get("records", dataset),
        "victim": network_label(target),
        "shadow": network_label(models.get("shadow")),
        "defence": info.levels.get("defence", defended),
        "defence_names": "+".join(defence.name for defence in defences),
        "poison": info.levels.get("poison", config.poison or NONE),
        "verdict": result.verdict.answer,
        "training_size": None if result.split is None else result.split.counts[Role.TARGET_MEMBERS],
        "training_seconds": target.seconds,
        "inference_seconds": target.inference_seconds,
        "seconds": result.seconds,
        **config.columns,
        **_utility(target),
    }
    for name in ("epsilon", "delta"):
        if isinstance(value := target.facts.get(name), int | float):
            row[name] = value
    return row


def network_label(model: ModelInfo | None) -> str | None:
    """``"smp-unet resnet34"``: the network and its options in words; None without a recipe."""
    if model is None or model.recipe is None:
        return None
    network = model.recipe["network"]
    words = [str(v) for v in network["options"].values() if isinstance(v, str) and v != "none"]
    return " ".join([network["name"], *words])


def _utility(target: ModelInfo) -> dict[str, Any]:
    measured = {str(one.name): one for one in target.utility}
    row: dict[str, Any] = {}
    for name in ("dice", "ssim"):
        if (main := measured.get(name)) is not None:
            row["utility"] = name
            row["utility_members"] = None if main.members is None else main.members.value
            row |= _ends("utility_heldout", main.heldout)
    for name in ("miou", "l1"):
        if (one := measured.get(name)) is not None:
            row |= _ends(f"{name}_heldout", one.heldout)
    return row


def _attack(attack: AttackResult) -> dict[str, Any]:
    points = {str(point.name): point for point in attack.operating_points}
    row: dict[str, Any] = {
        "attack": attack.name,
        "signal": attack.signal,
        "title": attack.title,
        "access": attack.access,
        "needs_truth": attack.needs_truth,
        "members": attack.members,
        "nonmembers": attack.nonmembers,
        "p_value": attack.p_value,
        **_ends("auc", attack.auc),
    }
    if (oracle := points.get("oracle")) is not None:
        row["oracle_accuracy"] = oracle.balanced_accuracy.value
    if attack.control_auc is not None:
        row["control_auc"] = attack.control_auc.value
        row["control_failed"] = not attack.control_auc.low <= 0.5 <= attack.control_auc.high
    for rate in attack.tpr_at_fpr:
        for name, fpr in (("tpr1", 0.01), ("tpr10", 0.1)):
            if rate.fpr == fpr:
                row |= _tpr(name, rate)
    if (shadow := points.get("shadow")) is not None:
        row |= _ends("accuracy", shadow.balanced_accuracy)
        row |= {
            "f1": shadow.f1,
            "tp": shadow.tpr.successes,
            "fn": shadow.tpr.trials - shadow.tpr.successes,
            "fp": shadow.fpr.successes,
            "tn": shadow.fpr.trials - shadow.fpr.successes,
        }
    return row


def _tpr(name: str, rate: TprAtFpr) -> dict[str, Any]:
    return {
        name: rate.value,
        f"{name}_low": rate.low,
        f"{name}_high": rate.high,
        f"{name}_successes": rate.successes,
        f"{name}_trials": rate.trials,
        f"{name}_resolvable": rate.resolvable,
    }


def _spread(one: Spread | None) -> dict[str, Any]:
    if one is None:
        return {}
    row = _ends("loo_auc", one.auc)
    for rate in one.tpr_at_fpr:
        if rate.fpr == 0.01:
            row |= _ends("loo_tpr1", rate.mean)
    return row


def _ends(name: str, one: Interval | Rate | None) -> dict[str, Any]:
    if one is None:
        return {}
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
