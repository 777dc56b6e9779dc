"""What is written into a run folder, and what of an earlier run is removed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pixleak.attacks.threshold import Threshold
from pixleak.core.tables import ReferenceTable, Scores, SignalInfo, SignalTable
from pixleak.pipeline.attacking import Scored, Victims
from pixleak.pipeline.judging import Judged
from pixleak.pipeline.measuring.measured import Measured, MeasuredPart, PartName
from pixleak.pipeline.plan.choosing import PlannedAttack
from pixleak.pipeline.storage.save import (
    scores_table,
    signals_table,
    write_files,
    write_parquet,
    write_pool,
)
from pixleak.records.base import RecordKey
from pixleak.results.controls import DuplicateCheck, ShiftCheck

IDS = ("a", "b", "c")
LOSS = SignalInfo(name="loss", unit="1", members_are="lower")
LOSS_ATTACK = PlannedAttack(Threshold(), ("loss",), LOSS, "Loss")
KEYS = [RecordKey("c"), RecordKey("a", subject="s", group="g"), RecordKey("b")]


def table(values: list[float], measured: list[bool]) -> SignalTable:
    return SignalTable(IDS, np.array(values)[:, None], (LOSS,), np.array(measured)[:, None])


def scores(values: list[float], measured: list[bool]) -> Scores:
    return Scores(IDS, np.array(values), np.array(measured), "threshold", "loss")


def references(ids: tuple[str, ...]) -> ReferenceTable:
    shape = (2, len(ids), 1)
    values = np.arange(2 * len(ids), dtype=float).reshape(shape)
    member = np.stack([np.arange(len(ids)) % 2 == 0, np.arange(len(ids)) % 2 == 1])
    measured = np.ones(shape, dtype=bool)
    measured[1, 0] = False
    return ReferenceTable(
        ids, ("reference-000", "reference-001"), values, (LOSS,), measured, member
    )


class Drawn:
    """A membership matrix that saves itself."""

    models = ("reference-000", "reference-001")

    def save(self, path: Path) -> None:
        path.write_text("id,unit\n")


def plan(pool: bool = False) -> Any:
    drawn = SimpleNamespace(membership=Drawn()) if pool else None
    return SimpleNamespace(ids=lambda *roles: ("a", "c"), references=drawn)


def test_signals_that_were_not_measured_are_null() -> None:
    found = signals_table(table([1.0, 2.0, 3.0], [True, False, True]))
    assert found.column_names == ["id", "loss"]
    assert found["id"].to_pylist() == list(IDS)
    assert found["loss"].to_pylist() == [1.0, None, 3.0]


def test_scores_have_a_row_per_record_and_attack_and_are_joined_by_id() -> None:
    one = Scored(LOSS_ATTACK, scores([3, 2, 1], [True] * 3), scores([1, 2, 3], [True, False, True]))
    judged = Judged(
        attacks=[],
        scored=[one, replace(one, control=None)],
        blind=np.array([7.0, 8.0, 9.0]),
        controls=[],
        duplicates=DuplicateCheck(
            pairs=[], nonmembers_affected=0, nonmembers=1, passed=True, explanation=""
        ),
        shift=ShiftCheck(features=[], passed=True, explanation=""),
        left_out=[],
    )
    records: Any = SimpleNamespace(keys=KEYS, ids=tuple(key.id for key in KEYS))
    rows = scores_table(plan(), judged, records).to_pylist()
    assert [(row["kind"], row["id"], row["score"]) for row in rows] == [
        ("attack", "a", 3), ("attack", "b", 2), ("attack", "c", 1),
        ("attack", "a", 3), ("attack", "b", 2), ("attack", "c", 1),
        ("control", "a", 1), ("control", "b", None), ("control", "c", 3),
        ("blind", "c", 7), ("blind", "a", 8), ("blind", "b", 9),
    ]  # fmt: skip
    first = rows[0]
    assert (first["subject"], first["group"], first["member"]) == ("s", "g", True)
    assert [row["member"] for row in rows if row["id"] == "b"] == [False] * 4
    assert rows[-1]["attack"] == rows[-1]["signal"] == "blind"


def test_a_pool_leaves_its_files(tmp_path: Path) -> None:
    part, outer = references(IDS), references(("d", "e"))
    target = table([1.0, 2.0, 3.0], [True] * 3)
    parts = {
        PartName.AUDITED: MeasuredPart(target, None, part),
        PartName.OUTER: MeasuredPart(None, None, outer),
    }
    victims = Victims(LOSS_ATTACK, IDS, part.values[:, :, 0], part.measured[:, :, 0], part.member)
    write_pool(tmp_path, plan(pool=True), Measured(parts, {}), [victims])
    assert (tmp_path / "membership.csv").is_file()
    rows = pq.read_table(tmp_path / "references.parquet").to_pylist()
    assert [(row["model"][-1], row["id"]) for row in rows] == [
        *(("0", key) for key in IDS), *(("1", key) for key in IDS),
        ("0", "d"), ("0", "e"), ("1", "d"), ("1", "e"),
    ]  # fmt: skip
    assert [row["loss"] for row in rows[:6]] == [0, 1, 2, None, 4, 5]
    assert [row["member"] for row in rows[:6]] == [True, False, True, False, True, False]
    rows = pq.read_table(tmp_path / "leave_one_out.parquet").to_pylist()
    assert [(row["victim"][-1], row["id"], row["score"]) for row in rows] == [
        ("0", "a", 0), ("0", "b", 1), ("0", "c", 2), ("1", "a", None), ("1", "b", 4), ("1", "c", 5)
    ]  # fmt: skip
    assert {(row["attack"], row["signal"]) for row in rows} == {("threshold", "loss")}


def test_files_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    left = ("membership.csv", "references.parquet", "leave_one_out.parquet", "exhibits.npz")
    for name in left:
        (tmp_path / name).write_text("earlier")
    write_pool(tmp_path, plan(), Measured({}, {}), [])
    write_files(tmp_path, {"other.bin": b"new"}, ["exhibits.npz", "other.bin"])
    assert [path.name for path in tmp_path.iterdir()] == ["other.bin"]
    assert (tmp_path / "other.bin").read_bytes() == b"new"


def test_a_table_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scores.parquet"
    write_parquet(path, signals_table(table([1.0, 2.0, 3.0], [True] * 3)))
    before = path.read_bytes()

    def broken(*args: object, **more: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("pixleak.pipeline.storage.save.pq.write_table", broken)
    with pytest.raises(RuntimeError):
        write_parquet(path, signals_table(table([9.0, 9.0, 9.0], [True] * 3)))
    assert path.read_bytes() == before
