"""Records for generators."""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.named import DATASETS
from pixleak.records.named.base import open_named
from pixleak.records.named.fetch import _unpack
from pixleak.records.readers.single import read_single
from pixleak.records.readers.turned import instance_edges, labels_to_photo, read_colouring

TRUTH = LabelTruth(3, ignore=255)


def _load(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((3, 2, 2), 0.5), torch.tensor([[0, 2], [255, 1]])


def _edges(index: int) -> torch.Tensor:
    return torch.tensor([[1, 0], [0, 1]], dtype=torch.bool)


def test_labels_become_layers_and_ignored_pixels_are_in_none() -> None:
    records = Records([RecordKey("a", "s", "g")], _load, TRUTH, "mine")
    turned = pickle.loads(pickle.dumps(labels_to_photo(records, edges=_edges)))
    record = turned[0]
    assert record.key == RecordKey("a", "s", "g")
    assert turned.truth == ImageTruth(3)
    assert record.image.tolist() == [
        [[1, 0], [0, 0]],
        [[0, 0], [0, 1]],
        [[0, 1], [0, 0]],
        [[1, 0], [0, 1]],
    ]
    assert torch.equal(record.truth, torch.full((3, 2, 2), 0.5))


def test_what_cannot_be_turned_round_is_refused() -> None:
    images = Records([RecordKey("a")], _load, ImageTruth(3), "mine")
    with pytest.raises(InputError, match="mine: labels-to-photo needs label maps"):
        labels_to_photo(images)
    wide = Records(
        [RecordKey("a")], lambda i: (torch.full((1, 2, 2), 40.0), _load(0)[1]), TRUTH, "ct"
    )
    with pytest.raises(InputError, match="the image of 'a' spans 40 to 40, but a generator's"):
        labels_to_photo(wide)[0]


def test_edges_lie_on_both_sides() -> None:
    instances = np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]])
    assert instance_edges(instances).astype(int).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]


def test_grey_to_colour(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6, 3), (255, 0, 0), dtype=np.uint8)).save(tmp_path / "p1-a.png")
    records = read_colouring(tmp_path, subject="(p[0-9])-")
    assert records.keys[0] == RecordKey("p1-a", "p1")
    assert torch.allclose(records[0].image, torch.full((1, 4, 6), 0.299))
    assert records[0].truth[:, 0, 0].tolist() == [1, 0, 0]


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
    _unpack(archive, tmp_path / "copy")
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


@pytest.mark.parametrize("kind", ["image-to-image", "labels-to-photo", "photo-to-labels"])
def test_one_record_of_two_files(tmp_path: Path, kind: str) -> None:
    photo, labels = tmp_path / "photo.png", tmp_path / "labels.png"
    Image.fromarray(np.full((4, 4, 3), 51, dtype=np.uint8)).save(photo)
    Image.fromarray(np.full((4, 4), 2, dtype=np.uint8)).save(labels)
    files = (labels, photo) if kind == "labels-to-photo" else (photo, labels)
    record = read_single(*files, kind, truth=TRUTH)[0]  # type: ignore[arg-type]
    if kind == "photo-to-labels":
        assert record.truth.unique().tolist() == [2]
    elif kind == "labels-to-photo":
        assert record.image[:, 0, 0].tolist() == [0, 0, 1]
        assert torch.allclose(record.truth, torch.tensor(0.2))
    else:
        assert torch.allclose(record.image, torch.tensor(0.2))
    with pytest.raises(InputError, match="there is no file"):
        read_single(tmp_path / "none.png", photo, kind)  # type: ignore[arg-type]
