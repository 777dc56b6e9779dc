from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.named.msd_liver import open_msd_liver
from pixleak.records.readers.volumes import read_volumes

nibabel = pytest.importorskip("nibabel")
Volume = Callable[..., Path]


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """Write a volume; axes of the array are right, anterior, superior unless ``affine`` differs."""

    def write(name: str, voxels: np.ndarray, affine: np.ndarray | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)
        return path.parent

    return write


def _read(volume: Volume, image: np.ndarray, labels: np.ndarray, **options: object) -> Records:
    images = volume("i/v.nii.gz", image.astype(np.float32))
    truths = volume("l/v.nii.gz", labels.astype(np.uint8))
    return read_volumes(images, truths, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("axis", "corner"),
    [
        # Where a mark at the right, anterior, superior end is seen.
        ("axial", (0, 0)),
        ("coronal", (0, 0)),
        ("sagittal", (0, 0)),
    ],
)
@pytest.mark.parametrize("flipped", [False, True])
def test_slices_are_turned_the_way_radiologists_look(
    volume: Volume, axis: str, corner: tuple[int, int], flipped: bool
) -> None:
    image = np.zeros((3, 4, 5), dtype=np.float32)
    image[-1, -1, -1] = 100
    labels = np.zeros((3, 4, 5), dtype=np.uint8)
    labels[-1, -1, -1] = 1
    affine = np.eye(4)
    if flipped:
        # The same body, stored from superior to inferior with axes exchanged.
        image, labels = (np.ascontiguousarray(v.T[::-1]) for v in (image, labels))
        affine = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 4], [0, 0, 0, 1.0]])
    images = volume("i/v.nii.gz", image, affine)
    truths = volume("l/v.nii.gz", labels, affine)
    records = read_volumes(images, truths, axis=axis, window=(0, 100))  # type: ignore[arg-type]
    last = records[-1]
    assert (
        last.image.shape[1:]
        == {
            "axial": (4, 3),
            "coronal": (5, 3),
            "sagittal": (5, 4),
        }[axis]
    )
    assert np.argwhere(last.image[0].numpy() == 1).tolist() == [list(corner)]
    assert np.argwhere(last.truth.numpy() == 1).tolist() == [list(corner)]
    assert all(not record.truth.any() for record in list(records)[:-1])
    assert set(records.units) == {"v"}


def test_window_size_steps_and_mapping(volume: Volume) -> None:
    image = np.broadcast_to(np.arange(8.0) * 100 - 300, (4, 4, 8))
    labels = np.broadcast_to(np.array([0, 0, 1, 2, 2, 1, 0, 0]), (4, 4, 8))
    records = _read(
        volume, image, labels, window=(-100, 300), remap={1: 1, 2: 1}, every=2, size=(2, 2)
    )
    assert records.ids == ("v-0000", "v-0002", "v-0004", "v-0006")
    assert [float(r.image.mean()) for r in records] == [0, 0, 0.5, 1]
    assert [r.truth.unique().tolist() for r in records] == [[0], [1], [1], [0]]
    full = _read(volume, image, labels, remap={1: 1, 2: 1}, empty="drop")
    assert full.ids == ("v-0002", "v-0003", "v-0004", "v-0005")
    # Without a window the volume's own percentiles fill the range.
    assert float(full[0].image.mean()) == pytest.approx(2 / 7, abs=0.02)


def test_a_file_that_was_replaced_is_read_again(volume: Volume) -> None:
    ones = np.ones((4, 4, 1))
    before = _read(volume, ones, ones, window=(0, 2))[0].image.mean()
    after = _read(volume, 2 * ones, ones, window=(0, 2))[0].image.mean()
    assert (float(before), float(after)) == (0.5, 1.0)


def test_bad_volumes_are_named(volume: Volume, tmp_path: Path) -> None:
    ones = np.ones((4, 4, 2))
    with pytest.raises(InputError, match=r"v\.nii\.gz, slice 0: label values 2 lie outside"):
        _read(volume, ones, 2 * ones)[0]
    with pytest.raises(InputError, match="every slice of every volume is empty"):
        _read(volume, ones, 0 * ones, empty="drop")
    stray = np.where(np.arange(2) == 0, 1, 2) * ones  # 1 is not named, and would mean what 2 means
    with pytest.raises(InputError, match=r"v\.nii\.gz.*remap"):
        _read(volume, ones, stray, remap={2: 1})[0]
    volume("i/v.nii.gz", ones.astype(np.float32))
    halves = read_volumes(tmp_path / "i", volume("h/v.nii.gz", (ones / 2).astype(np.float32)))
    with pytest.raises(InputError, match=r"label volume .* holds fractions"):
        halves[0]
    with pytest.raises(InputError, match=r"\(4, 4, 2\) voxels, .* \(4, 4, 1\)"):
        _read(volume, ones, ones[..., :1])
    with pytest.raises(InputError, match="expected three dimensions"):
        _read(volume, ones[..., 0], ones[..., 0])
    with pytest.raises(InputError, match="holds NaN"):
        _read(volume, ones * np.nan, ones)[0]
    with pytest.raises(InputError, match="window must be"):
        _read(volume, ones, ones, window=(3, 1))
    with pytest.raises(InputError, match="axis must be"):
        _read(volume, ones, ones, axis="z")
    whole = (tmp_path / "i" / "v.nii.gz").read_bytes()
    (tmp_path / "i" / "v.nii.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"volume .*v\.nii\.gz cannot be read"):
        read_volumes(tmp_path / "i", tmp_path / "l")[0]
    with pytest.raises(InputError, match="holds no volumes"):
        read_volumes(tmp_path, tmp_path)


def test_without_nibabel_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pixleak\[nifti\]'"):
        read_volumes(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("tumour", "expected"), [("merge", [0, 1, 1]), ("separate", [0, 1, 2]), ("only", [0, 0, 1])]
)
def test_liver_and_tumour_are_merged_as_asked(
    volume: Volume, tmp_path: Path, tumour: str, expected: list[int]
) -> None:
    labels = np.repeat(np.array([0, 1, 2], dtype=np.uint8)[:, None, None], 4, axis=1)
    volume("Task03_Liver/imagesTr/liver_0.nii.gz", np.zeros((3, 4, 1), dtype=np.float32))
    volume("Task03_Liver/labelsTr/liver_0.nii.gz", labels)
    records = open_msd_liver(tmp_path, tumour=tumour)  # type: ignore[arg-type]
    assert isinstance(records.truth, LabelTruth)
    assert records.truth.classes == (3 if tumour == "separate" else 2)
    # The patient's right is on the left of the picture.
    assert records[0].truth[0].tolist() == expected[::-1]
    assert records.keys[0].subject == "liver_0"
    if tumour == "merge":
        assert records.truth == DATASETS["msd-liver"].truth
    with pytest.raises(InputError, match="tumour must be"):
        open_msd_liver(tmp_path, tumour="both")  # type: ignore[arg-type]


@pytest.mark.parametrize("change", ["flip", "origin", "spacing"])
def test_labels_that_lie_elsewhere_are_refused(tmp_path: Path, change: str) -> None:
    nibabel = pytest.importorskip("nibabel")
    voxels = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    place = np.diag([2.0, 2.0, 3.0, 1.0])
    other = place.copy()
    if change == "flip":
        other[0, 0] *= -1
    elif change == "origin":
        other[:3, 3] = 60
    else:
        other[2, 2] = 5
    for name, affine in (("i", place), ("l", other)):
        (tmp_path / name).mkdir()
        nibabel.save(nibabel.Nifti1Image(voxels % 2, affine), tmp_path / name / "v.nii.gz")
    with pytest.raises(InputError, match="lie in different places") as caught:
        read_volumes(tmp_path / "i", tmp_path / "l")
    assert "i/v.nii.gz" in str(caught.value)
    assert "l/v.nii.gz" in str(caught.value)


def test_names_of_volumes_that_people_have(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    voxels = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    for name in ("i/case_0000.nii.gz", "l/case.nii.gz"):
        (tmp_path / name).parent.mkdir()
        nibabel.save(nibabel.Nifti1Image(voxels % 2, np.eye(4)), tmp_path / name)
    (tmp_path / "l/case.nii.gz").rename(tmp_path / "l/case.NII.GZ")
    records = read_volumes(tmp_path / "i", tmp_path / "l")
    assert {key.subject for key in records.keys} == {"case"}


def _saved(path: Path, voxels: np.ndarray, sform: object, qform: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels, np.eye(4))
    image.header.set_sform(sform, code=0 if sform is None else 1)
    image.header.set_qform(qform, code=0 if qform is None else 1)
    nibabel.save(nibabel.Nifti1Image(voxels, None, image.header), path)


FLIPPED = np.diag([-1.0, 1, 1, 1])


def test_a_volume_whose_sform_and_qform_turn_it_differently_is_refused(tmp_path: Path) -> None:
    voxels = np.zeros((4, 4, 2), np.uint8)
    for name in ("i", "l"):
        _saved(tmp_path / name / "v.nii.gz", voxels, FLIPPED, np.eye(4))
    with pytest.raises(InputError, match="LAS by its sform, RAS by its qform"):
        read_volumes(tmp_path / "i", tmp_path / "l")


@pytest.mark.parametrize("forms", [(FLIPPED, None), (None, FLIPPED), (FLIPPED, FLIPPED)])
def test_a_volume_with_one_place_is_read(tmp_path: Path, forms: tuple[object, object]) -> None:
    voxels = np.zeros((4, 4, 2), np.uint8)
    voxels[0] = 1  # on the patient's right once flipped, which is seen on the left
    for name in ("i", "l"):
        _saved(tmp_path / name / "v.nii.gz", voxels, *forms)
    truth = read_volumes(tmp_path / "i", tmp_path / "l")[0].truth
    assert truth[:, 0].all()
    assert int(truth.sum()) == 4


def test_a_scale_of_values_is_applied_also_where_it_is_negative(tmp_path: Path) -> None:
    stored = np.arange(32, dtype=np.int16).reshape(4, 4, 2)
    for name in ("i", "l"):
        (tmp_path / name).mkdir()
    image = nibabel.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(-2.0, 62.0)
    nibabel.save(image, tmp_path / "i" / "v.nii.gz")
    label = nibabel.Nifti1Image((stored % 2).astype(np.int16) * 2, np.eye(4))
    label.header.set_slope_inter(0.5, 0.0)
    nibabel.save(label, tmp_path / "l" / "v.nii.gz")
    record = read_volumes(tmp_path / "i", tmp_path / "l", window=(0, 62))[0]
    expected = (62 - 2 * stored[:, :, 0].astype(float)).T[::-1, ::-1] / 62
    assert record.image[0].numpy() == pytest.approx(expected, abs=1e-6)
    assert (record.truth.numpy() == (stored[:, :, 0] % 2).T[::-1, ::-1]).all()


def test_volumes_that_are_numbered_with_four_digits_are_cases_of_their_own(volume: Volume) -> None:
    for name in ("p_0000", "p_0001"):
        images = volume(f"i/{name}.nii.gz", np.zeros((4, 4, 2), np.float32))
        labels = volume(f"l/{name}.nii.gz", np.zeros((4, 4, 2), np.uint8))
    assert set(read_volumes(images, labels).units) == {"p_0000", "p_0001"}


@pytest.mark.parametrize("ending", [".mha", ".mhd", ".nrrd"])
def test_metaimage_and_nrrd_show_what_nifti_shows(tmp_path: Path, ending: str) -> None:
    itk = pytest.importorskip("SimpleITK")
    generator = np.random.default_rng(0)
    for i, values in enumerate(
        (generator.normal(0, 9, (3, 5, 6)).astype(np.float32), generator.integers(0, 2, (3, 5, 6)))
    ):
        image = itk.GetImageFromArray(values.astype(np.float32 if not i else np.uint8))
        image.SetSpacing((0.5, 0.7, 3))
        image.SetOrigin((-20, 4, 9))
        image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, -1))  # turned, and upside down
        for folder, suffix in (("a", ".nii.gz"), ("b", ending)):
            (tmp_path / f"{folder}{i}").mkdir()
            itk.WriteImage(image, tmp_path / f"{folder}{i}" / f"v{suffix}")
    wanted = read_volumes(tmp_path / "a0", tmp_path / "a1")
    found = read_volumes(tmp_path / "b0", tmp_path / "b1")
    assert found.keys == wanted.keys
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.truth, other.truth)
    mixed = read_volumes(tmp_path / "a0", tmp_path / "b1")
    assert torch.equal(mixed[1].truth, wanted[1].truth)
    whole = next((tmp_path / "b0").glob(f"*{ending}"))
    whole.write_bytes(whole.read_bytes()[:40])
    with pytest.raises(InputError, match=rf"volume .*v\{ending} cannot be read"):
        read_volumes(tmp_path / "b0", tmp_path / "b1")


def test_without_simpleitk_its_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    for folder in ("i", "l"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "v.mha").write_bytes(b"ObjectType = Image")
    with pytest.raises(MissingExtraError, match=r"pip install 'pixleak\[itk\]'"):
        read_volumes(tmp_path / "i", tmp_path / "l")
