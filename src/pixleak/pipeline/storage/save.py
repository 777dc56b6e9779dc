"""The run folder: what is written, in which order, and that it is whole."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pixleak.core.files import write_whole
from pixleak.results.audit import Result

if TYPE_CHECKING:
    from pixleak.analyses.exhibits import Exhibits
    from pixleak.core.tables import ReferenceTable, Scores, SignalTable
    from pixleak.pipeline.attacking import Victims
    from pixleak.pipeline.judging import Judged
    from pixleak.pipeline.measuring import Measured
    from pixleak.pipeline.plan.plan import Plan
    from pixleak.records.prepared.prepare import PreparedRecords

SCORE_COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("subject", pa.string()),
        ("group", pa.string()),
        ("member", pa.bool_()),
        ("kind", pa.string()),
        ("attack", pa.string()),
        ("signal", pa.string()),
        ("score", pa.float64()),
    ]
)


def scores_table(plan: Plan, judged: Judged, records: PreparedRecords) -> pa.Table:
    """One row a record and attack; kind is attack, control (untrained model) or blind."""
    members = set(plan.ids("target-members"))
    keys = {key.id: key for key in records.keys}

    def rows(scores: Scores, kind: str) -> pa.Table:
        at = [keys[i] for i in scores.ids]
        n = len(at)
        return pa.table(
            [
                pa.array([k.id for k in at]),
                pa.array([k.subject for k in at], pa.string()),
                pa.array([k.group for k in at], pa.string()),
                pa.array([k.id in members for k in at]),
                pa.array([kind] * n),
                pa.array([scores.attack] * n),
                pa.array([scores.signal] * n),
                pa.array(scores.values, mask=~scores.measured),
            ],
            schema=SCORE_COLUMNS,
        )

    parts = [rows(one.scores, "attack") for one in judged.scored]
    parts += [rows(one.control, "control") for one in judged.scored if one.control is not None]
    from pixleak.core.tables import Scores as ScoresType

    everywhere = np.ones(len(judged.blind), dtype=bool)
    parts.append(rows(ScoresType(records.ids, judged.blind, everywhere, "blind", "blind"), "blind"))
    return pa.concat_tables(parts)


def signals_table(table: SignalTable) -> pa.Table:
    """One row a record, one column a signal; null where not measured."""
    columns = {"id": pa.array(table.ids)}
    for j, name in enumerate(table.names):
        columns[name] = pa.array(table.values[:, j], mask=~table.measured[:, j])
    return pa.table(columns)


def write_config(folder: Path, plan: Plan) -> None:
    """``config.yaml``: the configuration as it ran."""
    text = yaml.safe_dump(plan.arguments, sort_keys=False, allow_unicode=True)
    write_whole(folder / "config.yaml", text)


def write_parquet(path: Path, table: pa.Table) -> None:
    """A Parquet file, whole or not at all."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    write_whole(path, buffer.getvalue())


def write_pool(folder: Path, plan: Plan, measured: Measured, victims: Sequence[Victims]) -> None:
    """What there is of a pool: who was trained on what, its signals, scores of each as victim.

    ``membership.csv``; ``references.parquet``, a row a model and record; ``leave_one_out.parquet``,
    a row an attack, victim and record. Those that there are none of are removed.
    """
    names = ("membership.csv", "references.parquet", "leave_one_out.parquet")
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if plan.references is None:
        return
    plan.references.membership.save(folder / names[0])
    tables = [t for t in (measured.reference, measured.outer_reference) if t is not None]
    write_parquet(folder / names[1], pa.concat_tables([_references_table(t) for t in tables]))
    if victims:
        models = plan.references.membership.models
        parts = [_victims_table(one, models) for one in victims]
        write_parquet(folder / names[2], pa.concat_tables(parts))


def _references_table(table: ReferenceTable) -> pa.Table:
    m, n, _ = table.values.shape
    columns = {
        "model": pa.array(np.repeat(table.models, n)),
        "id": pa.array(list(table.ids) * m),
        "member": pa.array(table.member.ravel()),
    }
    for j, info in enumerate(table.infos):
        missing = ~table.measured[:, :, j].ravel()
        columns[info.name] = pa.array(table.values[:, :, j].ravel(), mask=missing)
    return pa.table(columns)


def _victims_table(one: Victims, models: Sequence[str]) -> pa.Table:
    m, n = one.scores.shape
    return pa.table(
        {
            "attack": pa.array([one.planned.attack.name] * (m * n)),
            "signal": pa.array([one.planned.info.name] * (m * n)),
            "victim": pa.array(np.repeat(list(models), n)),
            "id": pa.array(list(one.ids) * m),
            "member": pa.array(one.member.ravel()),
            "score": pa.array(one.scores.ravel(), mask=~one.measured.ravel()),
        }
    )


def write_exhibits(folder: Path, exhibits: Exhibits | None) -> None:
    """``exhibits.npz``."""
    if exhibits is None:
        (folder / "exhibits.npz").unlink(missing_ok=True)
        return
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **exhibits.arrays)  # type: ignore[arg-type]
    write_whole(folder / "exhibits.npz", buffer.getvalue())


def write_result(folder: Path, result: Result) -> None:
    """``result.json``, last, so that a folder that has it is complete."""
    write_whole(folder / "result.json", result.to_json())
