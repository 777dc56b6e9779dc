from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.named.cityscapes import open_cityscapes

Save = Callable[[Path, object], Path]
BLACK = np.zeros((4, 6, 3), dtype=np.uint8)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        InputError, match="unknown name 'kvasir' among the datasets, did you mean 'kvasir-seg'"
    ):
        DATASETS["kvasir"]


@pytest.mark.parametrize("name", ["kvasir-seg", "camvid", "cityscapes", "msd-liver"])
def test_a_folder_without_the_set_says_what_was_expected(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{name}: .* holds no folders \w+ and \w+"):
        DATASETS[name].open(tmp_path)
    with pytest.raises(InputError, match=f"{name}: there is no folder"):
        DATASETS[name].open(tmp_path / "nowhere")


def test_city_labels_become_train_ids(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "leftImg8bit/val/ulm/u_leftImg8bit.png", np.zeros((2, 3, 3), dtype=np.uint8))
    labels = np.array([[7, 33, 0], [3, 24, 29]], dtype=np.uint8)
    save(tmp_path / "gtFine/val/ulm/u_gtFine_labelIds.png", labels)
    records = open_cityscapes(tmp_path, parts=("val",))
    assert records[0].truth.tolist() == [[0, 18, 255], [255, 11, 255]]
    assert records.keys[0].group == "ulm"
    truth = records.truth
    assert isinstance(truth, LabelTruth)
    assert (truth.names[0], truth.names[11], truth.names[18]) == ("road", "person", "bicycle")
    with pytest.raises(InputError, match=r"there is no folder .*train"):
        open_cityscapes(tmp_path)


@pytest.mark.parametrize("layout", [("images", "labels"), ("train", "trainannot")])
def test_camvid_in_either_layout_is_ordered_by_sequence_and_frame(
    layout: tuple[str, str], tmp_path: Path, save: Save
) -> None:
    for name in ("Seq05VD_f00030", "0001TP_010380", "0001TP_009990", "0016E5_07959"):
        save(tmp_path / layout[0] / f"{name}.png", BLACK)
        save(tmp_path / layout[1] / f"{name}.png", np.full((4, 6), 11 - ("E5" in name), np.uint8))
    records = DATASETS["camvid"].open(tmp_path)
    assert records.ids == ("0001TP_009990", "0001TP_010380", "0016E5_07959", "Seq05VD_f00030")
    assert [key.group for key in records.keys] == ["0001TP", "0001TP", "0016E5", "Seq05V"]
    assert [int(record.truth[0, 0]) for record in records] == [11, 11, 10, 11]


@pytest.fixture(scope="module")
def real(repo: Path) -> Path:
    folder = repo.parent / "shared" / "data"
    if not (folder / "kvasir-seg").is_dir() or not (folder / "camvid").is_dir():
        pytest.skip("the real image sets are not here")
    return folder


def test_the_real_sets_are_read(real: Path) -> None:
    polyps = DATASETS["kvasir-seg"].open(real / "kvasir-seg", (32, 32))
    assert len(polyps) == 1000
    share = torch.stack([polyps[i].truth.float().mean() for i in range(0, 1000, 20)]).mean()
    assert 0.08 < float(share) < 0.25
    frames = DATASETS["camvid"].open(real / "camvid")
    assert Counter(key.group for key in frames.keys) == {
        "0001TP": 124,
        "0006R0": 101,
        "0016E5": 305,
        "Seq05V": 171,
    }
    assert frames[0].image.shape == (3, 360, 480)
    seen = set(torch.unique(frames[300].truth).tolist())
    assert seen <= set(range(12))
    assert len(seen) > 6
