"""Every reader of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from pixleak.core.errors import MissingExtraError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers import READERS, Reader, reader_from
from pixleak.testing import check_reader


def _picture(path: Path, seed: int, size: tuple[int, ...] = (8, 10, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    Image.fromarray(values).save(path)


def _mask(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 2, (8, 10), dtype=np.uint8)
    Image.fromarray(values).save(path)


def _phantom(root: Path) -> dict[str, object]:
    return {"count": 4, "size": 16}


def _folders(root: Path) -> dict[str, object]:
    for i in range(3):
        _picture(root / "images" / f"case{i}.png", i)
        _mask(root / "masks" / f"case{i}.png", i)
    return {"images": root / "images", "masks": root / "masks"}


def _masks(root: Path) -> dict[str, object]:
    for i in range(3):
        _mask(root / f"case{i}.png", i)
    return {"root": root}


def _named(root: Path) -> dict[str, object]:
    for i in range(3):
        _picture(root / "images" / f"case{i}.jpg", i)
        _mask(root / "masks" / f"case{i}.png", i)
    return {"set": "kvasir-seg", "root": root, "size": [8, 8]}


def _volumes(root: Path) -> dict[str, object]:
    nibabel = pytest.importorskip("nibabel")
    for folder in ("v", "l"):
        (root / folder).mkdir()
    for i in range(2):
        generator = np.random.default_rng(i)
        voxels = generator.normal(0, 100, (10, 9, 3)).astype(np.float32)
        labels = generator.integers(0, 2, (10, 9, 3)).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), root / "v" / f"case{i}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), root / "l" / f"case{i}.nii.gz")
    return {"root": root, "images": "v", "labels": "l", "size": [8, 8]}


def _saved_volumes(root: Path, image: str, label: str) -> None:
    """Two volumes with labels; the names hold the number in braces."""
    nibabel = pytest.importorskip("nibabel")
    for i in range(2):
        generator = np.random.default_rng(i)
        for name, values in (
            (image, generator.normal(0, 100, (10, 9, 3)).astype(np.float32)),
            (label, generator.integers(0, 2, (10, 9, 3)).astype(np.uint8)),
        ):
            path = root / name.format(i)
            path.parent.mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)


def _nnunet(root: Path) -> dict[str, object]:
    _saved_volumes(root, "imagesTr/c{}_0000.nii.gz", "labelsTr/c{}.nii.gz")
    labels = {"background": 0, "tumour": 1}
    content = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(content))
    return {"root": root, "size": [8, 8]}


def _decathlon(root: Path) -> dict[str, object]:
    _saved_volumes(root, "imagesTr/c{}.nii.gz", "labelsTr/c{}.nii.gz")
    items = [
        {"image": f"./imagesTr/c{i}.nii.gz", "label": f"./labelsTr/c{i}.nii.gz"} for i in range(2)
    ]
    (root / "dataset.json").write_text(json.dumps({"training": items}))
    return {"root": root}


def _bids(root: Path) -> dict[str, object]:
    image, label = "sub-{0}/anat/sub-{0}_T1w", "derivatives/manual/sub-{0}/anat/sub-{0}_dseg"
    _saved_volumes(root, f"{image}.nii.gz", f"{label}.nii.gz")
    return {"root": root}


def _dicom(root: Path) -> dict[str, object]:
    for name in ("pydicom", "highdicom"):
        pytest.importorskip(name)
    from dicom_files import write_segmentation, write_series

    for i in range(2):
        generator = np.random.default_rng(i)
        voxels = generator.integers(900, 1300, (3, 6, 5)).astype(np.int16)
        labels = generator.integers(0, 2, (3, 6, 5), dtype=np.uint8)
        series = write_series(root / f"ct{i}", voxels, patient=f"p{i}")
        write_segmentation(root / f"seg{i}.dcm", series, labels, ["tumour"])
    return {"root": root}


def _stacks(root: Path) -> dict[str, object]:
    for folder, top in (("images", 256), ("masks", 2)):
        (root / folder).mkdir()
        for i in range(2):
            pages = np.random.default_rng(i).integers(0, top, (3, 8, 10), dtype=np.uint8)
            tifffile.imwrite(root / folder / f"s{i}.tif", pages, photometric="minisblack")
    return {"root": root, "channels": 1}


def _coco(root: Path) -> dict[str, object]:
    pytest.importorskip("pycocotools")
    for i in range(3):
        _picture(root / "images" / f"{i}.png", i)
    images = [{"id": i, "file_name": f"{i}.png", "height": 8, "width": 10} for i in range(3)]
    outline = {"image_id": 1, "category_id": 5, "segmentation": [[1, 1, 6, 1, 6, 5]], "area": 10}
    content = {
        "images": images,
        "annotations": [outline],
        "categories": [{"id": 5, "name": "dog"}],
    }
    (root / "annotations.json").write_text(json.dumps(content))
    return {"root": root}


def _labelme(root: Path) -> dict[str, object]:
    shape = {"label": "dog", "shape_type": "polygon", "points": [[1, 1], [6, 1], [6, 5]]}
    for i in range(3):
        _picture(root / f"{i}.png", i)
        content = {"shapes": [shape], "imagePath": f"{i}.png", "imageData": None}
        (root / f"{i}.json").write_text(json.dumps(content))
    return {"root": root}


def _webdataset(root: Path) -> dict[str, object]:
    (root / "files").mkdir()
    (root / "shards").mkdir()
    with tarfile.open(root / "shards" / "0.tar", "w") as file:
        for i in range(3):
            _picture(root / "files" / f"{i}.png", i)
            _mask(root / "files" / f"{i}.mask.png", i)
            for ending in ("png", "mask.png"):
                file.add(root / "files" / f"{i}.{ending}", f"{i}.{ending}")
    return {"root": root / "shards"}


def _huggingface(root: Path) -> dict[str, object]:
    datasets = pytest.importorskip("datasets")
    values = [np.random.default_rng(i).integers(0, 256, (8, 10, 3), np.uint8) for i in range(3)]
    columns = {
        "image": [Image.fromarray(one) for one in values],
        "mask": [Image.fromarray(one[..., 0] // 128) for one in values],
    }
    kinds = datasets.Features({"image": datasets.Image(), "mask": datasets.Image()})
    datasets.Dataset.from_dict(columns, features=kinds).save_to_disk(root / "saved")
    return {"root": root / "saved"}


def _dataset(root: Path) -> dict[str, object]:
    (root / "mine.py").write_text(
        "import torch\n"
        "def make():\n"
        "    images = torch.linspace(0, 1, 64).reshape(4, 1, 4, 4)\n"
        "    return torch.utils.data.TensorDataset(images, (images[:, 0] > 0.5).long())\n"
    )
    return {"function": f"{root / 'mine.py'}:make"}


def _pairs(root: Path) -> dict[str, object]:
    for i in range(3):
        _picture(root / "a" / f"{i}.png", i)
        _picture(root / "b" / f"{i}.png", i + 10)
    return {"inputs": root / "a", "targets": root / "b"}


def _side_by_side(root: Path) -> dict[str, object]:
    for i in range(3):
        _picture(root / f"{i}.png", i, (8, 20, 3))
    return {"root": root}


def _colouring(root: Path) -> dict[str, object]:
    for i in range(3):
        _picture(root / f"{i}.png", i)
    return {"root": root}


SETTINGS: dict[str, Callable[[Path], dict[str, object]]] = {
    "phantom": _phantom,
    "folders": _folders,
    "masks": _masks,
    "named": _named,
    "volumes": _volumes,
    "nnunet": _nnunet,
    "decathlon": _decathlon,
    "bids": _bids,
    "dicom": _dicom,
    "stacks": _stacks,
    "coco": _coco,
    "labelme": _labelme,
    "webdataset": _webdataset,
    "huggingface": _huggingface,
    "dataset": _dataset,
    "pairs": _pairs,
    "side-by-side": _side_by_side,
    "colouring": _colouring,
}


@pytest.mark.parametrize("name", READERS)
def test_readers_keep_the_contract(name: str, tmp_path: Path) -> None:
    content = {"reader": name, **SETTINGS[name](tmp_path)}
    try:
        check_reader(reader_from(content))
    except MissingExtraError as error:
        pytest.skip(str(error))


class _Load:
    """Loads images with labels; picklable."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.loaded = 0

    def __call__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.loaded += 1
        image, labels = torch.full((1, 4, 4), index / 10), torch.zeros(4, 4, dtype=torch.int64)
        if self.fault == "drifts":
            image += self.loaded
        if self.fault == "dtype":
            image = image.double()
        if self.fault == "label":
            labels += 7
        return image, labels


class Made(Reader):
    """A reader of another package."""

    name: ClassVar[str] = "made"
    summary: ClassVar[str] = "made up"

    fault: str = ""

    def open(self) -> Records:
        kind: Truth = LabelTruth(2)
        keys = [RecordKey(f"r{i}") for i in range(3)]
        if self.fault == "order":
            Made._turned = not Made._turned
            keys = keys[:: -1 if Made._turned else 1]
        return Records(keys, _Load(self.fault), kind)

    _turned: ClassVar[bool] = False


def test_a_sound_reader_passes() -> None:
    check_reader(Made())


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("drifts", "loading it again gives another record"),
        ("dtype", "the image is torch.float64"),
        ("label", r"a label is outside 0\.\.1"),
        ("order", "opened again, it has other records"),
    ],
)
def test_the_contract_catches(fault: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_reader(Made(fault=fault))
