"""Writing the run folder: which files, in which order, and each of them completely."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pixleak.core.disk.whole_files import write_whole
from pixleak.core.roles import Role
from pixleak.core.tables import Bools, Floats, ReferenceTable, Scores, SignalTable
from pixleak.pipeline.measuring.measured import Measured, PartName
from pixleak.pipeline.trained_elsewhere import foreign_scores
from pixleak.results.audit import Result
from pixleak.results.run_files import seal_run

if TYPE_CHECKING:
    from pixleak.pipeline.attacking import Victims
    from pixleak.pipeline.judging import Judged
    from pixleak.pipeline.plan.plan import Plan
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.results.attacks import AttackResult

RUN_FILES = (
    "config.yaml",
    "split.csv",
    "membership.csv",
    "scores.parquet",
    "signals.parquet",
    "references.parquet",
    "leave_one_out.parquet",
    "training.png",
)
"""What a run folder holds beside ``result.json``, the report and the files of the analyses."""

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
    """One row per record and attack; kind as the run folder is documented."""
    members = set(plan.ids(Role.TARGET_MEMBERS))
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
    if judged.elsewhere is not None:
        plain = [one for one in judged.scored if one.planned.plain]
        parts += [rows(foreign_scores(one, judged.elsewhere), "elsewhere") for one in plain]
    everywhere = np.ones(len(judged.blind), dtype=bool)
    parts.append(rows(Scores(records.ids, judged.blind, everywhere, "blind", "blind"), "blind"))
    return pa.concat_tables(parts)


def signals_table(table: SignalTable) -> pa.Table:
    """One row per record, one column per signal; null where not measured."""
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
    """The files of a pool; files of an earlier run that this run has no part for are removed.

    ``membership.csv`` says who was trained on what, ``references.parquet`` has one row per model
    and record with the model's signals, and ``leave_one_out.parquet`` one row per attack, victim
    and record with the score.
    """
    names = ("membership.csv", "references.parquet", "leave_one_out.parquet")
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if plan.references is None:
        return
    plan.references.membership.save(folder / names[0])
    found = [measured[part].reference for part in (PartName.AUDITED, PartName.OUTER)]
    tables = [_references_table(table) for table in found if table is not None]
    write_parquet(folder / names[1], pa.concat_tables(tables))
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


def write_files(folder: Path, files: Mapping[str, bytes], names: Iterable[str]) -> None:
    """The files that analyses leave beside the result.

    Args:
        folder: run folder.
        files: name -> content.
        names: all that analyses may leave; those of an earlier run are removed.
    """
    for name in names:
        (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        write_whole(folder / name, content)


def write_result(folder: Path, result: Result, names: Iterable[str]) -> None:
    """``digests.json`` and ``result.json``, last, so that a folder that has it is complete.

    Args:
        folder: run folder.
        result: to write.
        names: of the files beside it that a run consists of.
    """
    text = result.to_json()
    seal_run(folder, text, names)
    write_whole(folder / "result.json", text)


def given_scores_table(
    attack: AttackResult,
    scores: Floats,
    member: Bools,
    ids: Sequence[str] | None,
    subject: Sequence[str] | None,
) -> pa.Table:
    """The table of scores that were given, one row per record.

    Args:
        attack: what they were evaluated as.
        scores: (n,) higher = more likely a member.
        member: (n,) whether the record was trained on.
        ids: (n,) record ids; None for positions.
        subject: (n,) who each record was taken from, or None.
    """
    n = len(scores)
    return pa.table(
        [
            pa.array([str(i) for i in (range(n) if ids is None else ids)]),
            pa.array([None] * n if subject is None else [str(s) for s in subject], pa.string()),
            pa.nulls(n, pa.string()),
            pa.array(member),
            pa.array(["attack"] * n),
            pa.array([attack.name] * n),
            pa.array([attack.signal] * n),
            pa.array(scores),
        ],
        schema=SCORE_COLUMNS,
    )
