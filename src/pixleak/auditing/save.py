"""The run folder: what is written, in which order, and that it is whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pixleak.files import write_whole
from pixleak.results import Result

if TYPE_CHECKING:
    from pixleak.auditing.exhibits import Exhibits
    from pixleak.auditing.judge import Judged
    from pixleak.auditing.plan import Plan
    from pixleak.records.prepare import PreparedRecords
    from pixleak.types import Scores, SignalTable

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
    from pixleak.types import Scores as ScoresType

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
