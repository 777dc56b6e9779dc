from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.report.runs import RunFactory

from pixleak.core.errors import InputError
from pixleak.report.folder import ScoreKey, read_run


def test_scores_are_grouped_by_what_made_them(tmp_path: Path) -> None:
    factory = RunFactory("leak", n=40).scores_only()
    factory.write(tmp_path)
    rows = {
        "id": ["b", "a", "d", "c", "b"],
        "subject": [None, "p", "p", None, None],
        "group": [None] * 5,
        "member": [True, False, False, True, True],
        "kind": ["attack", "attack", "attack", "attack", "blind"],
        "attack": ["threshold"] * 4 + ["blind"],
        "signal": ["score"] * 4 + ["blind"],
        "score": [float("inf"), 1.0, 2.0, None, 5.0],
    }
    pq.write_table(pa.table(rows), tmp_path / "scores.parquet")

    scores = read_run(tmp_path).scores

    assert set(scores) == {
        ScoreKey("attack", "threshold", "score"),
        ScoreKey("blind", "blind", "blind"),
    }
    attack = scores[ScoreKey("attack", "threshold", "score")]
    # The record that was not measured is gone; two records share a subject, one stands alone.
    assert attack.values.tolist() == [np.inf, 1.0, 2.0]
    assert attack.member.tolist() == [True, False, False]
    assert attack.units[1] == attack.units[2] != attack.units[0]


def test_every_part_of_a_run_is_read(folder: Path, factory: RunFactory) -> None:
    run = read_run(folder)

    assert run.result.to_json() == factory.result().to_json()
    assert len([s for s in run.scores if s.kind == "control"]) == len(run.result.attacks)
    assert run.folder == folder


def replace_scores(folder: Path, column: str, value: object) -> None:
    path = folder / "scores.parquet"
    table = pq.read_table(path)
    place = table.column_names.index(column)
    values = [value, *table[column].to_pylist()[1:]]
    pq.write_table(table.set_column(place, column, pa.array(values)), path)


def drop_column(folder: Path) -> None:
    path = folder / "scores.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["member"]), path)


def drop_attack(folder: Path) -> None:
    path = folder / "scores.parquet"
    table = pq.read_table(path)
    pq.write_table(table.filter(pa.compute.not_equal(table["signal"], "margin")), path)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no result": (lambda f: (f / "result.json").unlink(), "no result.json"),
    "result not JSON": (lambda f: (f / "result.json").write_text("{"), "not valid JSON"),
    "no scores": (lambda f: (f / "scores.parquet").unlink(), "scores.parquet is missing"),
    "scores not Parquet": (
        lambda f: (f / "scores.parquet").write_bytes(b"no parquet"),
        "scores.parquet cannot be read",
    ),
    "scores cut off": (
        lambda f: (f / "scores.parquet").write_bytes((f / "scores.parquet").read_bytes()[:-200]),
        "scores.parquet cannot be read",
    ),
    "column missing": (drop_column, "no column 'member'"),
    "member missing": (
        lambda f: replace_scores(f, "member", None),
        "column 'member' has missing values",
    ),
    "score is text": (lambda f: replace_scores_by_text(f), "cannot be read"),
    "score is NaN": (lambda f: replace_scores(f, "score", float("nan")), "a score is NaN"),
    "kind unknown": (lambda f: replace_scores(f, "kind", "guess"), "kind 'guess' is not one of"),
    "attack missing": (drop_attack, "holds no scores of attack 'threshold' over signal 'margin'"),
}


def replace_scores_by_text(folder: Path) -> None:
    path = folder / "scores.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("score")
    words = pa.array(["high"] * table.num_rows)
    pq.write_table(table.set_column(place, "score", words), path)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_sentence_that_names_the_file(folder: Path, fault: str) -> None:
    damage, expected = FAULTS[fault]
    damage(folder)

    with pytest.raises(InputError) as raised:
        read_run(folder)

    message = str(raised.value)
    assert expected in message
    assert str(folder) in message
    assert "\n" not in message


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        read_run(tmp_path / "nowhere")
