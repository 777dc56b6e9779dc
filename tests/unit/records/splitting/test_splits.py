from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from pixleak.core.errors import InputError
from pixleak.core.roles import MAIN_ROLES, Role
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.named import DATASETS
from pixleak.records.splitting.blocks import block_split
from pixleak.records.splitting.random import random_split
from pixleak.records.splitting.split import Split, read_split

ROLES = tuple(Role)


def _never(index: int) -> object:
    raise AssertionError("splits must not load records")


def _records(subjects: list[str | None], groups: list[str | None] | None = None) -> Records:
    groups = groups or [None] * len(subjects)
    keys = [RecordKey(f"r{i}", s, g) for i, (s, g) in enumerate(zip(subjects, groups, strict=True))]
    return Records(keys, _never, LabelTruth(2), "toy")  # type: ignore[arg-type]


def _used(split: Split) -> list[str]:
    return [key for ids in split.roles.values() for key in ids]


@given(
    sizes=st.lists(st.integers(1, 5), min_size=20, max_size=50),
    seed=st.integers(0, 99),
    share=st.floats(0, 1),
)
def test_random_splits_are_disjoint_by_subject_seeded_and_of_the_size_asked(
    sizes: list[int], seed: int, share: float
) -> None:
    subjects: list[str | None] = [f"s{i}" for i, n in enumerate(sizes) for _ in range(n)]
    records = _records(subjects)
    # A role wastes at most four records, trimmed from its last subject; so these always fit.
    each = max(1, int(share * (len(subjects) - 4 * len(ROLES)) / len(ROLES)))
    counts = dict.fromkeys(ROLES, each)
    split = random_split(records, counts, seed=seed)
    assert split.counts == counts
    assert len(set(_used(split))) == len(_used(split))
    side = {}
    for role, ids in split.roles.items():
        for key in ids:
            assert side.setdefault(subjects[int(key[1:])], role) == role
    assert random_split(records, counts, seed=seed) == split


@given(n=st.integers(4, 60), seed=st.integers(0, 99))
def test_everything_is_shared_out_evenly_without_counts(n: int, seed: int) -> None:
    split = random_split(_records([None] * n), None, seed=seed)
    assert {split.counts[role] for role in MAIN_ROLES} == {n // 4}
    assert split.counts["population"] == split.counts["canaries"] == 0
    assert len(set(_used(split))) == 4 * (n // 4)


def test_seeds_differ_and_roles_keep_the_order_of_records() -> None:
    records = _records([None] * 100)
    first, second = (random_split(records, {ROLES[0]: 50}, seed=s) for s in (1, 2))
    assert first.roles != second.roles
    positions = [int(key[1:]) for key in first.roles[ROLES[0]]]
    assert positions == sorted(positions)


def test_asking_for_more_shadows_does_not_change_the_target() -> None:
    records = _records([None] * 100)
    few = random_split(records, {ROLES[0]: 20, ROLES[1]: 20, ROLES[2]: 5}, seed=3)
    many = random_split(records, {ROLES[0]: 20, ROLES[1]: 20, ROLES[2]: 40}, seed=3)
    assert few.roles[ROLES[0]] == many.roles[ROLES[0]]
    assert few.roles[ROLES[1]] == many.roles[ROLES[1]]


def test_groups_can_be_kept_together() -> None:
    groups: list[str | None] = [f"g{i // 5}" for i in range(40)]
    split = random_split(_records([None] * 40, groups), None, seed=0, unit="group")
    assert split.unit == "group"
    for role in MAIN_ROLES:
        ids = split.roles[role]
        assert len(ids) == 10, role
        assert all(n == 5 for n in Counter(groups[int(key[1:])] for key in ids).values())


@pytest.mark.parametrize(
    ("counts", "unit", "sentence"),
    [
        ({ROLES[0]: 8, ROLES[1]: 5}, "auto", "asks for 13 records .* but there are 12"),
        ({"target-member": 3}, "auto", "unknown role 'target-member', did you mean"),
        ({ROLES[0]: -1}, "auto", "must be at least 0, got -1"),
        ({ROLES[0]: 0}, "auto", "every count is 0"),
        (
            {ROLES[0]: 4, ROLES[1]: 4, ROLES[2]: 4},
            "subject",
            "12 records of 2 subjects are too few",
        ),
        ({ROLES[0]: 3}, "record", "cannot be split record by record"),
        ({ROLES[0]: 3}, "group", "record 'r0' has no group"),
        ({ROLES[0]: 3}, "patient", "unit must be auto, record, subject or group"),
        (None, "auto", "2 subjects are too few for the 4 roles"),
    ],
)
def test_impossible_random_splits_say_why(
    counts: dict[str, int] | None, unit: str, sentence: str
) -> None:
    records = _records(["a"] * 6 + ["b"] * 6)
    with pytest.raises(InputError, match=sentence):
        random_split(records, counts, seed=0, unit=unit)  # type: ignore[arg-type]


def test_block_split_by_hand() -> None:
    """One group of 22 frames, 4 blocks of 4 and 3 gaps of 2: exactly full, one round."""
    split = block_split(_records([None] * 22), None, seed=0, block=4, gap=2)
    runs = sorted(tuple(int(key[1:]) for key in ids) for ids in split.roles.values() if ids)
    assert runs == [(0, 1, 2, 3), (6, 7, 8, 9), (12, 13, 14, 15), (18, 19, 20, 21)]


@given(
    frames=st.lists(st.integers(11, 90), min_size=1, max_size=4),
    block=st.integers(1, 12),
    gap=st.integers(0, 2),
    seed=st.integers(0, 20),
)
def test_every_group_serves_every_role_with_gaps_between(
    frames: list[int], block: int, gap: int, seed: int
) -> None:
    groups: list[str | None] = [f"g{i}" for i, n in enumerate(frames) for _ in range(n)]
    records = _records([None] * len(groups), groups)
    split = block_split(records, None, seed=seed, block=block, gap=gap)
    role_of = {int(key[1:]): role for role, ids in split.roles.items() for key in ids}
    shares = Counter((role, groups[at]) for at, role in role_of.items())
    for group in set(groups):
        each = {shares[role, group] for role in MAIN_ROLES}
        assert len(each) == 1
        assert each != {0}
    for at, role in role_of.items():
        for near in range(at + 1, at + gap + 1):
            if near in role_of and groups[near] == groups[at]:
                assert role_of[near] == role
    assert block_split(records, None, seed=seed, block=block, gap=gap) == split


def test_blocks_meet_the_counts_asked_for() -> None:
    groups: list[str | None] = ["a"] * 60 + ["b"] * 120
    records = _records([None] * 180, groups)
    counts = dict.fromkeys(ROLES, 0) | dict(zip(ROLES, (40, 31, 9), strict=False))
    split = block_split(records, counts, seed=1, block=5, gap=2)
    assert split.counts == counts
    assert Counter(groups[int(key[1:])] for key in split.roles[ROLES[1]]) == {"a": 10, "b": 21}
    # About five frames a block, so several blocks a role and group.
    blocks = Counter(split.units(records)[key] for key in split.roles[ROLES[0]])
    assert len(blocks) >= 6
    assert max(blocks.values()) <= 8


@pytest.mark.parametrize(
    ("kwargs", "sentence"),
    [
        ({"counts": None, "gap": 7}, "group 'a' has 20 records, too few"),
        ({"counts": dict.fromkeys(ROLES, 5)}, "group 'a' has 20 records, too few for"),
        ({"counts": None, "block": 0}, "block >= 1"),
    ],
)
def test_impossible_block_splits_say_why(kwargs: dict[str, object], sentence: str) -> None:
    records = _records([None] * 20, ["a"] * 20)
    with pytest.raises(InputError, match=sentence):
        block_split(records, seed=0, **kwargs)  # type: ignore[arg-type]


def test_units_are_subjects_blocks_or_records() -> None:
    frames = _records([None] * 6, ["a", "a", "a", "a", "b", "b"])
    split = Split("block", "block", 0, {ROLES[0]: ("r0", "r1", "r4"), ROLES[1]: ("r3", "r5")})
    units = split.units(frames)
    assert units["r0"] == units["r1"]
    assert len({units[key] for key in ("r0", "r3", "r4", "r5")}) == 4
    assert "r2" not in units
    alone = Split("random", "record", 0, {ROLES[0]: ("r0", "r1")})
    assert alone.units(frames) == {"r0": "r0", "r1": "r1"}
    assert alone.units(_records(["x", "x"])) == {"r0": "x", "r1": "x"}


def test_a_saved_split_reads_back(tmp_path: Path) -> None:
    records = _records(["x", "x", "y", None], ["g", "g", None, None])
    split = Split("random", "subject", 5, {ROLES[0]: ("r0", "r1"), ROLES[3]: ("r2",)})
    split.save(tmp_path / "run" / "split.csv", records)
    assert (tmp_path / "run" / "split.csv").read_text() == (
        "id,role,subject,group\n"
        "r0,target-members,x,g\n"
        "r1,target-members,x,g\n"
        "r2,shadow-nonmembers,y,\n"
    )
    assert read_split(tmp_path / "run" / "split.csv", records).roles == split.roles
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["split.csv"]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("id\nr0\n", "needs the columns id and role, or id and member; no role or member"),
        ("id,role\nr0,members\n", "line 2: unknown role 'members'"),
        ("id,role\nr9,target-members\n", "record 'r9' .target-members. is not in toy"),
        (
            "id,role\nr0,target-members\nr0,shadow-members\n",
            "record 'r0' is in target-members and shadow-members",
        ),
        ("id,role\nr0,target-members\nr0,target-members\n", "twice in target-members"),
        (
            "id,role\nr0,target-members\nr1,target-nonmembers\n",
            "subject 'x' has two roles, record 'r0' is in target-members and 'r1' in target-nonm",
        ),
    ],
)
def test_bad_split_files_are_named(tmp_path: Path, rows: str, sentence: str) -> None:
    path = tmp_path / "split.csv"
    path.write_text(rows)
    with pytest.raises(InputError, match=sentence):
        read_split(path, _records(["x", "x", None]))


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), ("true", "FALSE"), ("Yes", "no"), ("train", "test")]
)
def test_members_are_said_in_several_words(tmp_path: Path, yes: str, no: str) -> None:
    path = tmp_path / "members.csv"
    path.write_text(f"id,scanner,member\nr0,a,{yes}\nr2,b,{no}\n")
    split = read_split(path, _records([None] * 3))
    assert split.roles[Role.TARGET_MEMBERS] == ("r0",)
    assert split.roles[Role.TARGET_NONMEMBERS] == ("r2",)


def test_members_may_be_listed_by_subject_and_in_other_files(tmp_path: Path) -> None:
    path = tmp_path / "members.tsv"
    path.write_text("subject\tmember\nx\ttrain\ny\ttest\n")
    split = read_split(path, _records(["x", "x", "y", "z"]))
    assert split.roles[Role.TARGET_MEMBERS] == ("r0", "r1")
    assert split.roles[Role.TARGET_NONMEMBERS] == ("r2",)
    table = pyarrow.table({"id": ["r0", "r2"], "member": [True, False]})
    parquet.write_table(table, tmp_path / "members.parquet")
    split = read_split(tmp_path / "members.parquet", _records([None] * 3))
    assert split.roles[Role.TARGET_NONMEMBERS] == ("r2",)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("id,member\nr0,1\nr1,1\n", "names only members, and an audit compares both sides"),
        ("id,member\nr0,test\n", "names only non-members"),
        ("id,member\n", "holds no rows"),
        ("id,member\nr0,1\nr0,0\n", "record 'r0' is in target-members and target-nonmembers"),
        ("id,member\nr0,1\nr7,0\n", "record 'r7' .target-nonmembers. is not in toy"),
        ("id,member\nr0,val\n", "line 2: member is 'val' for record 'r0'; expected true or false"),
        ("id;member\nr0;1\n", "no id .its columns are separated by ';'; commas are needed"),
        ("subject,member\nw,1\n", "line 2: no record of toy has the subject 'w'"),
    ],
)
def test_bad_lists_of_members_are_named(tmp_path: Path, rows: str, sentence: str) -> None:
    path = tmp_path / "members.csv"
    path.write_text(rows)
    with pytest.raises(InputError, match=sentence):
        read_split(path, _records([None] * 3))


def test_a_missing_split_file_is_named(tmp_path: Path, keyed: Callable[..., Records]) -> None:
    with pytest.raises(InputError, match=r"there is no split file .*none\.csv"):
        read_split(tmp_path / "none.csv", keyed(2))


def test_an_empty_role_cannot_be_opened() -> None:
    split = Split("file", "record", None, {ROLES[0]: ("r0",)})
    records = _records([None] * 2)
    assert split.of(records, ROLES[0]).ids == ("r0",)
    with pytest.raises(InputError, match="no record has the role shadow-members"):
        split.of(records, "shadow-members")


@pytest.fixture(scope="module")
def real(repo: Path) -> Path:
    folder = repo.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real image sets are not here")
    return folder


def test_camvid_in_blocks_has_every_sequence_in_every_role(real: Path) -> None:
    if not (real / "camvid").is_dir():
        pytest.skip("CamVid is not here")
    frames = DATASETS["camvid"].open(real / "camvid", (24, 32))
    split = block_split(frames, None, seed=0)
    group_of = {key.id: key.group for key in frames.keys}
    for role in MAIN_ROLES:
        ids = split.roles[role]
        assert len(ids) == 136
        assert {group_of[key] for key in ids} == {"0001TP", "0006R0", "0016E5", "Seq05V"}
