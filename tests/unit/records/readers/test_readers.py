"""Every reader keeps the same promises; each one's peculiarities have a file of their own."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.prepared.prepare import prepare
from pixleak.records.readers.dataset import read_dataset
from pixleak.records.readers.folders import read_folders
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.pairs import read_pairs
from pixleak.records.readers.phantom import phantom
from pixleak.records.readers.side_by_side import read_side_by_side

COUNT, SIZE = 3, (6, 8)


def _picture(index: int, height: int = 12, width: int = 16) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _mask(index: int, values: Sequence[int], height: int = 12, width: int = 16) -> np.ndarray:
    drawn = np.random.default_rng(index + 99).choice(list(values), (height, width))
    return drawn.astype(np.uint8)


def _write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _folders(root: Path) -> Records:
    for i in (2, 10, 1):
        _write(root / "images" / f"case{i}.png", _picture(i))
        _write(root / "masks" / f"case{i}_mask.png", _mask(i, (0, 255)))
    return read_folders(root / "images", root / "masks", size=SIZE, mask_ending="_mask")


def _pairs(root: Path) -> Records:
    for i in (2, 10, 1):
        _write(root / "a" / f"case{i}.png", _picture(i))
        _write(root / "b" / f"case{i}.png", _picture(i + 50))
    return read_pairs(root / "a", root / "b", size=SIZE, channels=1)


def _side_by_side(root: Path) -> Records:
    for i in (2, 10, 1):
        _write(root / f"case{i}.png", _picture(i, width=32))
    return read_side_by_side(root, size=SIZE)


@dataclass(frozen=True)
class _Dataset(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(index)
        return (
            torch.rand(3, *SIZE, generator=generator),
            torch.randint(0, 2, SIZE, generator=generator),
        )


def _dataset(root: Path) -> Records:
    return read_dataset(_Dataset(), LabelTruth(2), ids=["case1", "case2", "case10"])


def _volumes(root: Path) -> Records:
    nibabel = pytest.importorskip("nibabel")
    from pixleak.records.readers.volumes import read_volumes

    for folder in ("v", "l"):
        (root / folder).mkdir()
    for i in (10, 2):
        generator = np.random.default_rng(i)
        voxels = generator.normal(0, 100, (10, 9, 3)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), root / "v" / f"case{i}.nii.gz")
        labels = generator.integers(0, 2, (10, 9, 3)).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), root / "l" / f"case{i}.nii.gz")
    return read_volumes(root / "v", root / "l", size=SIZE)


def _kvasir(root: Path) -> Records:
    for i in (2, 10, 1):
        _write(root / "images" / f"case{i}.jpg", _picture(i))
        _write(root / "masks" / f"case{i}.jpg", np.repeat(_mask(i, (0, 255))[..., None], 3, 2))
    return DATASETS["kvasir-seg"].open(root, SIZE)


def _camvid(root: Path) -> Records:
    for part, name in (("train", "0001TP_009"), ("test", "0001TP_100"), ("train", "Seq05VD_f2")):
        _write(root / "CamVid" / part / f"{name}.png", _picture(len(name)))
        _write(root / "CamVid" / f"{part}annot" / f"{name}.png", _mask(ord(name[-1]), range(12)))
    return DATASETS["camvid"].open(root, SIZE)


def _cityscapes(root: Path) -> Records:
    for part, city, name in (
        ("train", "aachen", "a_0"),
        ("val", "ulm", "u_1"),
        ("val", "ulm", "u_2"),
    ):
        _write(root / "leftImg8bit" / part / city / f"{name}_leftImg8bit.png", _picture(3))
        labels = _mask(int(name[-1]), tuple(range(34)))
        _write(root / "gtFine" / part / city / f"{name}_gtFine_labelIds.png", labels)
        _write(root / "gtFine" / part / city / f"{name}_gtFine_color.png", _picture(5))
    return DATASETS["cityscapes"].open(root, SIZE)


def _phantom(root: Path) -> Records:
    return phantom(COUNT, seed=0, size=16)


NATURAL = ("case1", "case2", "case10")
READERS: dict[str, tuple[Callable[[Path], Records], tuple[str, ...] | None]] = {
    "folders": (_folders, NATURAL),
    "pairs": (_pairs, NATURAL),
    "side-by-side": (_side_by_side, NATURAL),
    "dataset": (_dataset, NATURAL),
    "volumes": (_volumes, tuple(f"case{v}-{s:04d}" for v in (2, 10) for s in range(3))),
    "kvasir-seg": (_kvasir, NATURAL),
    "camvid": (_camvid, ("0001TP_009", "0001TP_100", "Seq05VD_f2")),
    "cityscapes": (_cityscapes, ("a_0", "u_1", "u_2")),
    "phantom": (_phantom, None),
}


@pytest.mark.parametrize("reader", READERS)
def test_reader(reader: str, tmp_path: Path) -> None:
    build, ids = READERS[reader]
    (tmp_path / "set").mkdir()
    records = build(tmp_path / "set")
    # In natural order: 2 before 10.
    assert ids is None or records.ids == ids
    again = pickle.loads(pickle.dumps(records))
    prepared = prepare(records, tmp_path / "prepared")
    for index, record in enumerate(records):
        assert record.image.dtype == torch.float32
        assert record.image.is_contiguous()
        assert 0 <= record.image.min() <= record.image.max() <= 1
        if isinstance(records.truth, LabelTruth):
            assert record.truth.dtype == torch.int64
            assert record.truth.shape == record.image.shape[1:]
        else:
            assert record.truth.dtype == torch.float32
            assert record.truth.shape[1:] == record.image.shape[1:]
        for other in (records[index], again[index], prepared[index]):
            assert other.key == record.key
            assert torch.equal(other.image, record.image)
            assert torch.equal(other.truth, record.truth)
    assert torch.equal(records[-1].image, records[len(records) - 1].image)
    assert not torch.equal(records[0].truth, records[1].truth)
    with pytest.raises(IndexError):
        records[len(records)]


def test_every_named_set_is_tested() -> None:
    # The volumes of msd-liver are in test_volumes.py, the sets of pairs in test_turned.py.
    assert set(READERS) >= set(DATASETS) - {"msd-liver", "facades", "maps"}
