"""DICOM series are cut like other volumes, with the labels of their segmentations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dicom_files import write_segmentation, write_series
from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers import reader_from
from pixleak.records.survey.contents import contents_of
from pixleak.records.survey.suggestions import suggestions

SHAPE = (4, 6, 5)


def _voxels(seed: int) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(900, 1300, SHAPE).astype(np.int16)


def _labels(seed: int) -> NDArray[np.uint8]:
    labels = np.random.default_rng(seed).integers(0, 3, SHAPE, dtype=np.uint8)
    labels[1] = 0  # a slice of which the file holds no frame
    return labels


def _write(root: Path, *, descending: bool = False) -> Path:
    for i, names in enumerate((["tumour", "liver"], ["liver", "tumour"])):
        series = write_series(
            root / f"p{i}" / "ct", _voxels(i), patient=f"pat-{i}", descending=descending
        )
        write_segmentation(root / f"p{i}" / "seg.dcm", series, _labels(i), names)
    (root / "readme.txt").write_text("not an image")
    return root


def _read(root: Path, **more: object) -> Records:
    return reader_from({"reader": "dicom", "root": root, **more}).open()


@pytest.fixture(autouse=True)
def packages() -> None:
    for name in ("pydicom", "highdicom", "nibabel"):
        pytest.importorskip(name)


@pytest.mark.parametrize("descending", [False, True])
def test_series_and_segmentations_are_cut_together(tmp_path: Path, descending: bool) -> None:
    records = _read(_write(tmp_path, descending=descending), window=[-124, 276])
    assert len(records) == 8
    assert records.keys[5] == RecordKey("pat-1-0001", "pat-1")
    # Segments are numbered by each file, classes by the names.
    assert records.truth == LabelTruth(3, names=("background", "liver", "tumour"))
    at = SHAPE[0] - 1 - 2 if descending else 2  # slices count from the feet upwards
    record = records[4 + at]
    assert record.image.shape == (1, *SHAPE[1:])
    # Rows run to the back and columns to the left, which is how a slice is shown.
    wanted = (torch.from_numpy(_voxels(1)[2]).float() - 1024 + 124) / 400
    torch.testing.assert_close(record.image[0], wanted.clamp(0, 1))
    assert torch.equal(record.truth, torch.from_numpy(_labels(1)[2]).long())
    turned = np.array([0, 2, 1])[_labels(0)[2]]
    assert records[at].truth.tolist() == turned.tolist()


def test_segments_may_be_numbered(tmp_path: Path) -> None:
    merged = _read(_write(tmp_path), segments={"liver": 1, "tumour": 1}, empty="drop")
    assert merged.truth == LabelTruth(2)
    assert len(merged) == 6
    with pytest.raises(InputError, match="a segment is called 'tumour', which segments does not"):
        _read(tmp_path, segments={"liver": 1})
    with pytest.raises(InputError, match="segments must be numbered 1, 2, 3"):
        _read(tmp_path, segments={"liver": 1, "tumour": 4})


def test_faults_of_dicom_are_named(tmp_path: Path) -> None:
    _write(tmp_path)
    series = tmp_path / "p1" / "ct"
    whole = (series / "im1.dcm").read_bytes()
    (series / "im1.dcm").write_bytes(whole[:-20])
    with pytest.raises(InputError, match=r"volume the series of .*im0\.dcm cannot be read"):
        _read(tmp_path)[5]
    (series / "im1.dcm").write_bytes(whole[:132] + b"\x08\x00\x16\x00UI\xff\xff1")
    with pytest.raises(InputError, match=r"DICOM file .*im1\.dcm cannot be read"):
        _read(tmp_path)
    for path in series.iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"seg\.dcm segments the series .*, of which .* no images"):
        _read(tmp_path)
    for i in range(2):
        (tmp_path / f"p{i}" / "seg.dcm").unlink()
    with pytest.raises(InputError, match="holds no DICOM segmentations, of 4 files"):
        _read(tmp_path)


def test_overlapping_segments_are_refused(tmp_path: Path) -> None:
    series = write_series(tmp_path / "ct", _voxels(0), patient="p")
    each = np.zeros((*SHAPE, 2), dtype=np.uint8)
    each[:, :2, :2] = 1
    write_segmentation(tmp_path / "seg.dcm", series, each, ["x", "y"])
    with pytest.raises(InputError, match=r"seg\.dcm cannot be read: .*[Oo]verlap"):
        _read(tmp_path)[0]


def test_two_segmentations_of_one_series_are_refused(tmp_path: Path) -> None:
    series = write_series(tmp_path / "ct", _voxels(0), patient="p")
    for name in ("a", "b"):
        write_segmentation(tmp_path / f"{name}.dcm", series, _labels(0), ["x", "y"])
    with pytest.raises(InputError, match="has several segmentations; keep one for each series"):
        _read(tmp_path)


def test_dicom_is_recognised(tmp_path: Path) -> None:
    best = suggestions(_write(tmp_path))[0]
    assert (best.kind.name, best.seen.strength) == ("dicom", "likely")
    found = contents_of(best)
    assert (found.problems, found.count, found.subjects) == ([], 8, 2)


def test_without_highdicom_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pixleak\[dicom\]'"):
        _read(tmp_path)
