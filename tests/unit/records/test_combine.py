import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.combine import gather


def make(keys: list[RecordKey], start: float, classes: int = 2) -> Records:
    def load(i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full((1, 2, 2), start + i / 100), torch.zeros(2, 2, dtype=torch.int64)

    return Records(keys, load, LabelTruth(classes))


def keys(*names: str) -> list[RecordKey]:
    return [RecordKey(name) for name in names]


def test_sets_are_laid_end_to_end_and_keep_their_roles() -> None:
    records, split = gather(
        {
            "target-members": make(keys("a", "b"), 0.1),
            "target-nonmembers": make(keys("c"), 0.5),
            "shadow": make(keys("d", "e", "f", "g"), 0.7),
        },
        seed=0,
    )
    assert records.ids == ("a", "b", "c", "d", "e", "f", "g")
    assert [round(float(r.image[0, 0, 0]), 2) for r in records] == [
        0.1, 0.11, 0.5, 0.7, 0.71, 0.72, 0.73,
    ]  # fmt: skip
    assert split.roles["target-members"] == ("a", "b")
    assert len(split.roles["shadow-members"]) == len(split.roles["shadow-nonmembers"]) == 2


def test_equal_ids_with_other_pixels_are_kept_apart_by_their_role() -> None:
    records, split = gather(
        {"target-members": make(keys("1"), 0.1), "target-nonmembers": make(keys("1"), 0.5)}, seed=0
    )
    assert records.ids == ("target-members/1", "target-nonmembers/1")
    assert split.roles["target-nonmembers"] == ("target-nonmembers/1",)


def test_the_same_record_on_both_sides_is_refused() -> None:
    same = make(keys("1"), 0.1)
    with pytest.raises(InputError, match=r"record '1' is in both target-members and target-non"):
        gather({"target-members": same, "target-nonmembers": same}, seed=0)


def test_a_subject_on_both_sides_is_refused() -> None:
    inside = make([RecordKey("1", subject="ann")], 0.1)
    outside = make([RecordKey("2", subject="ann")], 0.5)
    with pytest.raises(InputError, match="subject 'ann' is in both"):
        gather({"target-members": inside, "target-nonmembers": outside}, seed=0)


def test_the_shadow_halves_keep_subjects_whole() -> None:
    many = make([RecordKey(f"{s}{i}", subject=s) for s in "abcdef" for i in range(3)], 0.1)
    _, split = gather({"shadow": many}, seed=3)
    inside = {key[0] for key in split.roles["shadow-members"]}
    assert inside.isdisjoint({key[0] for key in split.roles["shadow-nonmembers"]})
    assert len(inside) == 3


def test_sets_of_other_classes_do_not_mix() -> None:
    with pytest.raises(InputError, match="all sets need the same"):
        gather(
            {
                "target-members": make(keys("a"), 0.1),
                "target-nonmembers": make(keys("b"), 0.1, classes=3),
            },
            seed=0,
        )
