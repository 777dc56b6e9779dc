from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.named.archives import unpack_archive
from pixleak.records.readers.named.base import open_named


@pytest.fixture
def facades(tmp_path: Path) -> Path:
    """Red photos on the left, blue labels on the right."""
    for part, count in (("train", 2), ("val", 1)):
        (tmp_path / part).mkdir()
        for i in range(count):
            both = np.zeros((8, 16, 3), dtype=np.uint8)
            both[:, :8, 0], both[:, 8:, 2] = 255, 255
            Image.fromarray(both).save(tmp_path / part / f"{i + 1}.png")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "direction", "from_left"),
    [
        ("facades", None, False),
        ("facades", "photo-to-labels", True),
        ("facades", "AtoB", True),
        ("maps", None, True),
        ("maps", "map-to-aerial", False),
    ],
)
def test_pairs_of_pix2pix(facades: Path, name: str, direction: str, from_left: bool) -> None:
    records = open_named(DATASETS[name], facades, (4, 4), direction)
    assert records.ids == ("train-1", "train-2", "val-1")
    red, blue = [1, 0, 0], [0, 0, 1]
    assert records[2].image[:, 0, 0].tolist() == (red if from_left else blue)
    assert records[2].truth[:, 3, 3].tolist() == (blue if from_left else red)


def test_an_archive_of_pairs_is_unpacked(facades: Path, tmp_path: Path) -> None:
    archive = tmp_path / "facades.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(facades / "train", "facades/train")
    unpack_archive(archive, tmp_path / "copy")
    assert len(open_named(DATASETS["facades"], tmp_path / "copy", None)) == 2


def test_directions_are_checked(facades: Path) -> None:
    with pytest.raises(InputError, match="no direction 'up'; known: labels-to-photo, photo-to-l"):
        open_named(DATASETS["facades"], facades, None, "up")
    with pytest.raises(InputError, match="known: photo-to-labels, labels-to-photo"):
        open_named(DATASETS["camvid"], facades, None, "AtoB")
    with pytest.raises(InputError, match="holds none of the folders train, val, test"):
        open_named(DATASETS["maps"], facades / "train", None)


def test_cityscapes_has_edges_where_it_has_instances(tmp_path: Path) -> None:
    for kind in ("leftImg8bit", "gtFine"):
        (tmp_path / kind / "train" / "ulm").mkdir(parents=True)
        (tmp_path / kind / "val").mkdir(parents=True)
    frame = tmp_path / "leftImg8bit/train/ulm/a_leftImg8bit.png"
    Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(frame)
    truth = tmp_path / "gtFine/train/ulm"
    Image.fromarray(np.full((4, 4), 26, dtype=np.uint8)).save(truth / "a_gtFine_labelIds.png")
    known = DATASETS["cityscapes"]
    assert len(open_named(known, tmp_path, None, "labels-to-photo")[0].image) == 19
    cars = np.full((4, 4), 26001, dtype=np.uint16)
    cars[:, 2:] = 26002
    Image.fromarray(cars).save(truth / "a_gtFine_instanceIds.png")
    image = open_named(known, tmp_path, None, "labels-to-photo")[0].image
    assert len(image) == 20
    assert image[13].min() == 1  # cars everywhere
    assert image[19, 0].tolist() == [0, 1, 1, 0]
    assert open_named(known, tmp_path, None)[0].truth[0, 0] == 13
