"""Layouts of medical data sets: nnU-Net's raw data, lists of the decathlon and of MONAI, BIDS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers import reader_from
from pixleak.records.survey.contents import contents_of
from pixleak.records.survey.opening import read_records
from pixleak.records.survey.suggestions import suggestions

nibabel = pytest.importorskip("nibabel")

SHAPE = (6, 5, 3)
CHANNELS = {"0": "T1", "1": "T2"}
LABELS = {"background": 0, "core": 1, "oedema": 2}


def _save(path: Path, voxels: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)


def _voxels(seed: int, shape: tuple[int, ...] = SHAPE) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(100, 30, shape).astype(np.float32)


def _labels(seed: int, classes: int = 3) -> NDArray[np.uint8]:
    labels = np.random.default_rng(seed).integers(0, classes, SHAPE, dtype=np.uint8)
    labels[0, 0] = np.arange(3) % classes
    return labels


def _described(root: Path, **more: object) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    content = {"channel_names": CHANNELS, "labels": LABELS, "file_ending": ".nii.gz", **more}
    (root / "dataset.json").write_text(json.dumps(content))
    return root


def _nnunet(root: Path, cases: int = 3) -> Path:
    for i in range(cases):
        for channel in range(2):
            _save(root / "imagesTr" / f"c{i}_{channel:04d}.nii.gz", _voxels(10 * i + channel))
        _save(root / "labelsTr" / f"c{i}.nii.gz", _labels(i))
    return _described(root)


def _read(root: Path, reader: str = "nnunet", **more: object) -> Records:
    return reader_from({"reader": reader, "root": root, **more}).open()


def _shown(voxels: NDArray[np.generic], at: int) -> torch.Tensor:
    """An axial slice as it is shown: anterior up, the patient's right on the left."""
    return torch.from_numpy(np.ascontiguousarray(voxels[::-1, ::-1, at].T).copy())


def test_channels_of_nnunet_are_layers_of_a_slice(tmp_path: Path) -> None:
    records = _read(_nnunet(tmp_path), window=[0, 200])
    assert records.truth == LabelTruth(3, names=("background", "core", "oedema"))
    assert len(records) == 9
    assert records.keys[4] == RecordKey("c1-0001", "c1")
    record = records[4]
    assert record.image.shape == (2, 5, 6)
    for channel in range(2):
        wanted = (_shown(_voxels(10 + channel), 1) / 200).clamp(0, 1)
        torch.testing.assert_close(record.image[channel], wanted)
    assert torch.equal(record.truth, _shown(_labels(1), 1).long())


def test_a_fold_has_members_and_comparable_non_members(tmp_path: Path) -> None:
    root = _nnunet(tmp_path / "raw")
    folds = [{"train": ["c0", "c2"], "val": ["c1"]}, {"train": ["c1"], "val": ["c0", "c2"]}]
    (tmp_path / "splits_final.json").write_text(json.dumps(folds))
    splits = tmp_path / "splits_final.json"
    members = _read(root, fold=0, part="train", splits=splits)
    others = _read(root, fold=0, part="val", splits=splits)
    assert {key.subject for key in members.keys} == {"c0", "c2"}
    assert {key.subject for key in others.keys} == {"c1"}
    turned = _read(root, fold=1, part="val", splits=splits, direction="labels-to-photo")
    assert turned.truth == ImageTruth(2)


def test_flat_images_of_nnunet_are_records(tmp_path: Path) -> None:
    for i in range(2):
        for folder, shape in (("imagesTr", (7, 9, 3)), ("labelsTr", (7, 9))):
            (tmp_path / folder).mkdir(exist_ok=True)
            values = np.random.default_rng(i).integers(0, 3, shape, dtype=np.uint8)
            name = f"c{i}_0000.png" if folder == "imagesTr" else f"c{i}.png"
            Image.fromarray(values * (80 if folder == "imagesTr" else 1)).save(
                tmp_path / folder / name
            )
    names = {"0": "R", "1": "G", "2": "B"}
    _described(tmp_path, channel_names=names, file_ending=".png", labels={**LABELS, "ignore": 3})
    # Natural images of nnU-Net are one RGB file, whose three channels are all named.
    records = _read(tmp_path)
    assert records.ids == ("c0", "c1")
    assert records[0].image.shape == (3, 7, 9)
    assert records.truth == LabelTruth(3, ignore=3, names=("background", "core", "oedema"))


def test_cases_may_be_listed_and_regions_have_no_names(tmp_path: Path) -> None:
    _nnunet(tmp_path)
    listed = {
        f"x{i}": {
            "images": [f"imagesTr/c{i}_0000.nii.gz", f"imagesTr/c{i}_0001.nii.gz"],
            "label": f"labelsTr/c{i}.nii.gz",
        }
        for i in range(2)
    }
    labels = {"background": 0, "whole": [1, 2], "core": [2]}
    records = _read(_described(tmp_path, dataset=listed, labels=labels))
    assert records.truth == LabelTruth(3)
    assert {key.subject for key in records.keys} == {"x0", "x1"}


@pytest.mark.parametrize(
    ("change", "settings", "sentence"),
    [
        ({}, {"fold": 0}, "fold and part go together"),
        ({}, {"fold": 0, "part": "val"}, "say with splits where splits_final.json is"),
        (
            {"labels": {"a": 0, "b": 2}},
            {},
            r"labels must be numbered 0, 1, .* got \[0, 2\]",
        ),
        ({"labels": {"a": "x"}}, {}, "labels must be names with whole numbers"),
        ({"channel_names": None}, {}, "channel_names must name the channels"),
        ({"file_ending": ".png"}, {}, "holds no files that end in .png"),
        ({"channel_names": {**CHANNELS, "2": "x"}}, {}, r"has no file .*c0_0002\.nii\.gz"),
        ({"dataset": {"a": 3}}, {}, "dataset must name images and label of each case"),
    ],
)
def test_faults_of_nnunet_are_named(
    tmp_path: Path, change: dict[str, object], settings: dict[str, object], sentence: str
) -> None:
    _described(_nnunet(tmp_path), **change)
    with pytest.raises(InputError, match=sentence):
        _read(tmp_path, **settings)


@pytest.mark.parametrize(
    ("folds", "sentence"),
    [
        ("{", "cannot be read"),
        ("{}", "holds no list of folds"),
        ('[{"train": ["c0"]}]', "fold 0 names no cases as 'val'"),
        ('[{"val": ["c9"]}]', "fold 0 names the case 'c9', which"),
        ("[]", "has 0 folds, numbered from 0; fold is 0"),
    ],
)
def test_faults_of_folds_are_named(tmp_path: Path, folds: str, sentence: str) -> None:
    _nnunet(tmp_path)
    (tmp_path / "splits_final.json").write_text(folds)
    with pytest.raises(InputError, match=sentence):
        _read(tmp_path, fold=0, part="val")


def _decathlon(root: Path, name: str = "dataset.json", **more: object) -> Path:
    items = []
    for i in range(3):
        _save(root / "imagesTr" / f"p{i}.nii.gz", _voxels(i))
        _save(root / "labelsTr" / f"p{i}.nii.gz", _labels(i))
        paths = {"image": f"./imagesTr/p{i}.nii.gz", "label": f"./labelsTr/p{i}.nii.gz"}
        items.append({**paths, "fold": i})
    (root / name).write_text(json.dumps({"training": items, **more}))
    return root


def test_a_list_of_the_decathlon_names_images_labels_and_classes(tmp_path: Path) -> None:
    _decathlon(tmp_path, name="dataset.json", labels={"0": "none", "1": "front", "2": "back"})
    records = _read(tmp_path, "decathlon", window=[0, 200])
    assert records.truth == LabelTruth(3, names=("none", "front", "back"))
    assert records.keys[5] == RecordKey("p1-0002", "p1")
    torch.testing.assert_close(records[5].image[0], (_shown(_voxels(1), 2) / 200).clamp(0, 1))


def test_the_folds_of_monai_are_parts_of_a_list(tmp_path: Path) -> None:
    _decathlon(tmp_path, "list.json")
    mine = {"datalist": "list.json", "classes": 3, "fold": 1}
    assert {k.subject for k in _read(tmp_path, "decathlon", part="val", **mine).keys} == {"p1"}
    others = _read(tmp_path, "decathlon", part="train", **mine)
    assert {key.subject for key in others.keys} == {"p0", "p2"}


def test_channels_of_a_list_are_files_or_a_fourth_dimension(tmp_path: Path) -> None:
    _decathlon(tmp_path, labels=LABELS, modality=CHANNELS)
    both = np.stack([_voxels(7), _voxels(8)], axis=-1)
    for i in range(3):
        _save(tmp_path / "imagesTr" / f"p{i}.nii.gz", both)
    deep = _read(tmp_path, "decathlon")
    assert deep[0].image.shape == (2, 5, 6)
    with pytest.raises(InputError, match="expected four dimensions of which the last holds 3"):
        _read(tmp_path, "decathlon", channels=3)[0]
    content = json.loads((tmp_path / "dataset.json").read_text())
    for i in range(2):
        _save(tmp_path / f"c{i}.nii.gz", _voxels(7 + i))
    for item in content["training"]:
        item["image"] = ["c0.nii.gz", "c1.nii.gz"]
    content["training"] = content["training"][:1]
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    assert torch.equal(_read(tmp_path, "decathlon")[2].image, deep[2].image)


@pytest.mark.parametrize(
    ("items", "settings", "sentence"),
    [
        ('{"training": 3}', {}, "has no list 'training'; it has training"),
        ('{"training": [{"image": "a"}]}', {}, "training 0 must have image and label"),
        ('{"training": [{"image": 3, "label": "a"}]}', {}, "image and label must be paths"),
        ('{"training": [{"image": "a.nii", "label": "b.nii"}]}', {}, r"has no file .*a\.nii"),
        (
            '{"training": [{"image": "a.nii", "label": "b.nii"}]}',
            {"fold": 1, "part": "val"},
            "training 0 says no fold",
        ),
        ('{"training": []}', {}, "no item of 'training' is in the part 'all'"),
        ("[]", {}, "holds no object of names and values"),
    ],
)
def test_faults_of_lists_are_named(
    tmp_path: Path, items: str, settings: dict[str, object], sentence: str
) -> None:
    (tmp_path / "dataset.json").write_text(items)
    with pytest.raises(InputError, match=sentence):
        _read(tmp_path, "decathlon", **settings)


def _bids(root: Path) -> Path:
    for subject in ("01", "02"):
        for session in ("a", "b"):
            name, folder = f"sub-{subject}_ses-{session}", f"sub-{subject}/ses-{session}/anat"
            _save(root / folder / f"{name}_T1w.nii.gz", _voxels(ord(session) + int(subject)))
            place = root / "derivatives" / "manual" / folder
            _save(place / f"{name}_space-orig_dseg.nii.gz", _labels(int(subject)))
    (root / "dataset_description.json").write_text('{"Name": "mine", "BIDSVersion": "1.9.0"}')
    return root


def test_bids_matches_labels_by_subject_and_session(tmp_path: Path) -> None:
    records = _read(_bids(tmp_path), "bids", classes=3, window=[0, 200])
    assert len(records) == 12
    assert records.keys[3] == RecordKey("sub-01_ses-b-0000", "sub-01", "ses-b")
    voxels = _voxels(ord("b") + 1)
    torch.testing.assert_close(records[3].image[0], (_shown(voxels, 0) / 200).clamp(0, 1))


def test_faults_of_bids_are_named(tmp_path: Path) -> None:
    _bids(tmp_path)
    with pytest.raises(InputError, match=r"holds no files sub-\*/\*\*/\*_FLAIR"):
        _read(tmp_path, "bids", suffix="FLAIR")
    again = tmp_path / "derivatives" / "auto" / "sub-01_ses-a_desc-net_dseg.nii.gz"
    _save(again, _labels(1))
    with pytest.raises(InputError, match=r"has 2 label volumes, such as .* say which with labels"):
        _read(tmp_path, "bids", classes=3)
    assert len(_read(tmp_path, "bids", classes=3, labels="derivatives/manual")) == 12
    again.unlink()
    next((tmp_path / "derivatives" / "manual" / "sub-02" / "ses-b").rglob("*.nii.gz")).unlink()
    with pytest.raises(InputError, match=r"sub-02_ses-b_T1w.nii.gz has no labels"):
        _read(tmp_path, "bids", classes=3)


@pytest.mark.parametrize(
    ("make", "reader", "classes"),
    [
        (_nnunet, "nnunet", None),
        (lambda root: _decathlon(root, labels=LABELS, modality={"0": "MRI"}), "decathlon", None),
        (lambda root: _decathlon(root, "list.json"), "decathlon", 3),
        (_bids, "bids", 3),
    ],
)
def test_each_layout_is_recognised(
    tmp_path: Path, make: Callable[[Path], Path], reader: str, classes: int | None
) -> None:
    (best, *others) = suggestions(make(tmp_path))
    assert (best.kind.name, best.rank) == (reader, 2)
    assert all(one.rank < 2 for one in others)
    found = contents_of(best)
    assert found.problems == []
    assert found.values == "NIfTI of float32"
    assert found.settings.get("classes") == classes
    records = read_records(tmp_path)
    assert isinstance(records.truth, LabelTruth)
    assert records.truth.classes == 3


def test_images_without_labels_are_told(tmp_path: Path) -> None:
    (_nnunet(tmp_path) / "labelsTr" / "c1.nii.gz").unlink()
    found = contents_of(suggestions(tmp_path)[0])
    assert found.problems == [f"image {tmp_path / 'imagesTr' / 'c1_0000.nii.gz'} has no labels"]
    assert found.count == 6
