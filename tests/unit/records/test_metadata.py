"""A table says whose records are, and into which subgroups they fall."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest
import torch
import yaml
from pyarrow import parquet

import pixleak
from pixleak.core.errors import InputError
from pixleak.core.roles import Role
from pixleak.core.truth import LabelTruth
from pixleak.pipeline.plan.build import build
from pixleak.records.base import RecordKey, Records
from pixleak.records.metadata import metadata_from
from pixleak.request.file import parse_request, read_request
from pixleak.results.sections import Subgroups


def _never(index: int) -> object:
    raise AssertionError("a table must not load records")


def _records(*subjects: str | None) -> Records:
    keys = [RecordKey(f"r{i}", subject, "g") for i, subject in enumerate(subjects)]
    return Records(keys, _never, LabelTruth(2), "toy")  # type: ignore[arg-type]


def test_subjects_and_columns_are_joined_by_id(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("sex,id,subject,scanner\nf,r1,ann,\nm,r0,bob,b\n,r2,,b\n")
    table, records = metadata_from(path), _records("old", "old", "old")
    table.check(records.keys)
    assert table.with_subjects(records).keys == (
        RecordKey("r0", "bob", "g"),
        RecordKey("r1", "ann", "g"),
        RecordKey("r2", "old", "g"),  # an empty cell leaves what the reader found
    )
    assert table.of(records.keys) == [
        {"sex": "m", "scanner": "b"},
        {"sex": "f"},
        {"scanner": "b"},
    ]


def test_a_table_without_ids_has_a_row_per_subject(tmp_path: Path) -> None:
    parquet.write_table(
        pyarrow.table({"subject": ["x", "y"], "age": [40, None]}), tmp_path / "table.parquet"
    )
    table, records = metadata_from(tmp_path / "table.parquet"), _records("x", "y", "x")
    table.check(records.keys)
    assert table.with_subjects(records) is records
    assert table.of(records.keys) == [{"age": "40"}, {}, {"age": "40"}]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("name,sex\nr0,f\n", "has no column 'id'"),
        ("id;sex\nr0;f\n", "its columns are separated by ';'"),
        ("id\nr0\n", "has no column beside id"),
        ("id,sex,sex\nr0,f,f\n", "has two columns named 'sex'"),
        ("id,sex\nr0,f\nr0,m\n", r"line 3: id 'r0' has a row already \(line 2\)"),
        ("id,sex\n,m\n", "line 2: id is empty"),
        ("id,sex\nr0,f,1\n", "line 2: 3 values, but the header names 2 columns"),
        ("id,sex\n", "holds no rows"),
        ("id,sex\nr0,f\n", "has no row for id 'r1'; add one, with empty cells"),
        ("id,sex\nr0,f\nr1,m\nr9,m\n", "no record has the id 'r9'"),
        ("subject,sex\nx,f\n", "record 'r1' has no subject"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, rows: str, sentence: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(rows)
    with pytest.raises(InputError, match=sentence):
        metadata_from(path).check(_records("x", None).keys)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*none\.csv"):
        metadata_from(tmp_path / "none.csv")
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"neither \*\.csv, \*\.tsv nor \*\.parquet"):
        metadata_from(tmp_path / "table.xlsx")


def _table(path: Path, ids: tuple[str, ...]) -> None:
    rows = [f"{key},p{i // 2},{'fm'[i % 2]},{20 + i},n{i}" for i, key in enumerate(ids)]
    path.write_text("\n".join(["id,subject,sex,age,note", *rows]))


def test_subjects_of_the_table_are_never_split(tmp_path: Path) -> None:
    content = {
        "records": {"reader": "phantom", "count": 40, "size": 16},
        "metadata": "table.csv",
        "target": {"recipe": {"network": "tiny", "epochs": 1}},
    }
    _table(tmp_path / "table.csv", pixleak.phantom(40, seed=0).ids)
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(content))
    plan = build(read_request(tmp_path / "audit.yaml", pixleak.AuditRequest))
    assert plan.split.unit == "subject"
    side = {}
    for role, ids in plan.split.roles.items():
        for key in plan.records.select(ids).keys if ids else ():
            assert side.setdefault(key.subject, role) == role
    assert plan.attributes["phantom-00003"] == {"sex": "m", "age": "23", "note": "n3"}


def test_ids_that_two_sets_share_keep_what_the_table_says_of_them(tmp_path: Path) -> None:
    _table(tmp_path / "table.csv", pixleak.phantom(20, seed=0).ids)
    (tmp_path / "table.csv").write_text(
        (tmp_path / "table.csv").read_text().replace("subject", "visit")
    )
    phantom = {"reader": "phantom", "count": 20, "size": 16}
    plan = build(
        parse_request(
            {
                "members": phantom,
                "nonmembers": phantom | {"seed": 1},
                "metadata": str(tmp_path / "table.csv"),
                "target": {"recipe": {"network": "tiny", "epochs": 1}},
                "attacker": {"shadow": None},
            }
        )
    )
    both = [plan.ids(role)[4] for role in (Role.TARGET_MEMBERS, Role.TARGET_NONMEMBERS)]
    assert both == ["target-members/phantom-00004", "target-nonmembers/phantom-00004"]
    assert [plan.attributes[key]["age"] for key in both] == ["24", "24"]


def test_subgroups_of_an_audit_follow_the_columns(tmp_path: Path) -> None:
    records = pixleak.phantom(60, seed=0, size=16)
    _table(tmp_path / "table.csv", records.ids)
    rows = [f"{key},{'test' if i >= 30 else 'train'}" for i, key in enumerate(records.ids)]
    (tmp_path / "members.csv").write_text("\n".join(["id,member", *rows]))
    report = pixleak.audit(
        lambda images: torch.cat([3 - 8 * images, 8 * images - 3], dim=1),
        pixleak.MemberList(tmp_path / "members.csv", records, metadata=tmp_path / "table.csv"),
        evaluation=pixleak.Evaluation(replicates=100),
    )
    section = report.section(Subgroups)
    assert section is not None
    found = {(one.kind, one.name): (one.members, one.nonmembers) for one in section.subgroups}
    assert found["sex", "f"] == found["sex", "m"] == (15, 15)
    # Ages 20..49 are members'; thirds of 20..79 are at 39.67 and 59.33.
    assert found["age", "up to 39.67"] == (20, 0)
    assert found["age", "39.67 to 59.33"] == (10, 10)
    assert not any(kind == "note" for kind, _ in found)
    assert "column 'note' has too many different words" in section.explanation
