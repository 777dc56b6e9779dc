"""Score files as people write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pixleak.core.errors import InputError
from pixleak.evaluation.scorefile import read_scores


def write(folder: Path, text: str, name: str = "scores.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv(tmp_path: Path) -> None:
    text = (
        "\ufeffid,score,member,site,subject\n"
        'a,0.5,1,x,"p, 1"\n\n'
        "b,-inf,False,y,p2\n"
        "c,1e3,true,z,p2\n"
    )
    given = read_scores(write(tmp_path, text))
    assert given.scores.tolist() == [0.5, -np.inf, 1000.0]
    assert given.member.tolist() == [True, False, True]
    assert given.ids == ("a", "b", "c")
    assert given.subject == ("p, 1", "p2", "p2")


def test_only_the_two_columns_are_needed(tmp_path: Path) -> None:
    given = read_scores(write(tmp_path, "score, member\n1, 0\n2, 1\n", "S.CSV"))
    assert given.scores.tolist() == [1.0, 2.0]
    assert (given.ids, given.subject) == (None, None)


@pytest.mark.parametrize("member", [[True, False], [1, 0], [1.0, 0.0], ["true", "False"]])
def test_parquet(tmp_path: Path, member: list[object]) -> None:
    path = tmp_path / "scores.parquet"
    parquet.write_table(pa.table({"score": [1, 2.5], "member": member, "id": [7, 8]}), path)
    given = read_scores(path)
    assert given.scores.tolist() == [1.0, 2.5]
    assert given.member.tolist() == [True, False]
    assert given.ids == ("7", "8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "scores,member\n1,0\n",
            r"no column 'score', did you mean 'scores'\? Known: member, scores",
        ),
        ("score,is_member\n1,0\n", r"no column 'member', did you mean 'is_member'\?"),
        ("", "has no column 'score'"),
        ("score,member\n", "holds no records"),
        ("score,member\n1,0\n\nabc,1\n", "line 4: score 'abc' is not a number"),
        ("score,member\n1,0\n,1\n", "line 3: score '' is not a number"),
        ("score,member\n1,0\nnan,1\n", "line 3: score is NaN"),
        ("score,member\n1,maybe\n", "line 2: member 'maybe' is neither 0/1 nor true/false"),
        ("score,member\n1,0,5\n", "line 2: 3 values, but the header names 2 columns"),
        ("score,member,score\n1,0,5\n", "two columns named 'score'"),
        ("score,member,subject\n1,0,\n", "line 2: subject is empty"),
        ('score,member\n"1,0\n', "cannot be read as CSV"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_scores(write(tmp_path, text))


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_scores(tmp_path / "absent.csv")
    with pytest.raises(InputError, match=r"neither \*.csv nor \*.parquet"):
        read_scores(write(tmp_path, "score,member\n", "scores.txt"))
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_scores(write(tmp_path, "score,member\n", "scores.parquet"))
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"score,member,id\n1,0,caf\xe9\n")
    with pytest.raises(InputError, match="cannot be read as CSV"):
        read_scores(latin)


def test_bad_parquet(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    parquet.write_table(pa.table({"score": [1.0, None], "member": [True, False]}), path)
    with pytest.raises(InputError, match="row 2: score None is not a number"):
        read_scores(path)


@pytest.mark.parametrize(
    ("encoding", "start", "separator"),
    [("utf-16", "", ","), ("utf-8-sig", "sep=;\n", ";"), ("utf-16", "sep=;\r\n", ";")],
)
def test_files_of_spreadsheets(tmp_path: Path, encoding: str, start: str, separator: str) -> None:
    lines = [separator.join(("score", "member", "id"))]
    lines += [separator.join((str(i / 7), str(i % 2), f"r{i}")) for i in range(4)]
    path = tmp_path / "scores.csv"
    path.write_bytes((start + "\n".join(lines) + "\n").encode(encoding))
    found = read_scores(path)
    assert found.scores.tolist() == [i / 7 for i in range(4)]
    assert found.ids == ("r0", "r1", "r2", "r3")
    path.write_bytes((start + "\n".join([*lines, "x"]) + "\n").encode(encoding))
    with pytest.raises(InputError, match=f"line {6 + bool(start)}"):
        read_scores(path)
