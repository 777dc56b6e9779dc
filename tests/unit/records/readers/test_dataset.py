from __future__ import annotations

import io
from collections import UserDict
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.readers.dataset import read_dataset


class _Items(Dataset[object]):
    def __init__(self, *items: object) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> object:
        return self.items[index]


BYTES = np.full((4, 6, 3), 51, dtype=np.uint8)
MASK = np.eye(4, 6, dtype=np.uint8)


@pytest.mark.parametrize(
    "item",
    [
        (torch.full((3, 4, 6), 0.2), torch.from_numpy(MASK)),
        (torch.full((3, 4, 6), 51, dtype=torch.uint8), torch.from_numpy(MASK).long()[None]),
        (BYTES, MASK.astype(np.float32)),
        [Image.fromarray(BYTES), Image.fromarray(MASK), "the rest is passed over"],
        {"image": BYTES.transpose(2, 0, 1), "mask": MASK.astype(bool)},
        {"image": BYTES, "truth": MASK, "label": "the first that fits counts"},
    ],
    ids=["floats", "bytes", "arrays", "pillow", "dict", "dict-truth"],
)
def test_items_of_many_forms_mean_the_same(item: object) -> None:
    record = read_dataset(_Items(item), LabelTruth(2))[0]
    assert record.key.id == "000000"
    assert record.image.shape == (3, 4, 6)
    assert record.image.numpy() == pytest.approx(0.2)
    assert torch.equal(record.truth, torch.from_numpy(MASK).long())


def test_keys_subjects_and_groups_are_kept() -> None:
    items = _Items({"x": BYTES, "y": BYTES}, {"x": BYTES, "y": BYTES})
    records = read_dataset(
        items,
        ImageTruth(3),
        ids=["a", "b"],
        subjects=["s", None],
        groups=["g", "h"],
        keys=("x", "y"),
    )
    assert [(k.id, k.subject, k.group) for k in records.keys] == [("a", "s", "g"), ("b", None, "h")]
    assert records[1].truth.shape == (3, 4, 6)
    assert records.name == "_Items"


@pytest.mark.parametrize(
    ("item", "truth", "sentence"),
    [
        ({"picture": BYTES}, LabelTruth(2), "item 0 has the keys picture; say with image_key"),
        (7, LabelTruth(2), "item 0 is a int, expected"),
        (("a", MASK), LabelTruth(2), "its image is a str, expected a tensor"),
        ((BYTES.astype(np.int64), MASK), LabelTruth(2), "its image is int64, expected floats"),
        ((BYTES, MASK * 0.5), LabelTruth(2), r"its label map holds fractions \(0.5\)"),
    ],
)
def test_items_that_cannot_be_used_are_named(item: object, truth: Truth, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_dataset(_Items(item), truth)[0]


def test_data_sets_that_cannot_be_indexed_are_refused() -> None:
    class Stream(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            return iter(())

    with pytest.raises(InputError, match="Stream cannot be indexed"):
        read_dataset(Stream(), LabelTruth(2))
    with pytest.raises(InputError, match="has 1 items but 2 ids"):
        read_dataset(_Items(1), LabelTruth(2), ids=["a", "b"])
    with pytest.raises(InputError, match="truth must be"):
        read_dataset(_Items(1), 2)  # type: ignore[arg-type]


class _Batch(UserDict[str, object]):
    """As image processors answer."""


TWO = np.where(MASK, 255, 0).astype(np.uint8)
HOT = np.stack([1 - MASK, MASK])


@pytest.mark.parametrize(
    "item",
    [
        {"image": torch.full((3, 4, 6), 0.2), "label": torch.from_numpy(MASK)[None].float()},
        {"image": Image.fromarray(BYTES), "annotation": Image.fromarray(MASK)},
        _Batch(pixel_values=torch.full((3, 4, 6), 0.2), labels=torch.from_numpy(MASK).long()),
        {"image": BYTES, "label": 7, "mask": MASK},
        {"image": BYTES, "label": torch.tensor(7), "segmentation": MASK},
        (Image.fromarray(BYTES), {"label": 3, "mask": MASK}),
        (torch.full((4, 6, 3), 0.2), MASK),
        (BYTES, TWO),
        (BYTES, torch.from_numpy(TWO)[None]),
        (BYTES, Image.fromarray(TWO)),
        (BYTES, Image.fromarray(MASK.astype(bool))),
        (BYTES, torch.from_numpy(HOT).float()),
        (BYTES, torch.from_numpy(np.stack([TWO] * 3))),
    ],
    ids=[
        "monai",
        "hugging-face",
        "transformers",
        "class-beside-mask",
        "class-as-tensor",
        "torchvision-target",
        "channels-last",
        "0-and-255",
        "0-and-255-tensor",
        "0-and-255-pillow",
        "one-bit",
        "one-hot",
        "grey-as-colours",
    ],
)
def test_items_of_other_libraries_are_read(item: object) -> None:
    record = read_dataset(_Items(item), LabelTruth(2))[0]
    assert record.image.shape == (3, 4, 6)
    assert record.image.numpy() == pytest.approx(0.2)
    assert torch.equal(record.truth, torch.from_numpy(MASK).long())


def test_tensors_with_metadata_become_plain_ones() -> None:
    data = pytest.importorskip("monai.data")
    item = {"image": data.MetaTensor(torch.full((1, 4, 6), 0.5)), "label": data.MetaTensor(MASK)}
    record = read_dataset(_Items(item), LabelTruth(2))[0]
    assert type(record.image) is torch.Tensor
    assert type(record.truth) is torch.Tensor


def test_the_keys_of_masks_and_ranges_hold_for_items() -> None:
    colours = np.array([(0, 0, 0), (0, 255, 0)], np.uint8)[MASK]
    item = {"x": BYTES[..., 0].astype(np.int16) * 10, "y": colours}
    options = {"image_key": "x", "truth_key": "y", "range": (0, 1020)}
    named = {"black": 0, "#00ff00": 1}
    record = read_dataset(_Items(item), LabelTruth(2), mask_colours=named, **options)[0]
    assert record.image.unique().tolist() == [0.5]
    assert torch.equal(record.truth, torch.from_numpy(MASK).long())
    shifted = {"image": BYTES, "mask": MASK + 3}
    record = read_dataset(_Items(shifted), LabelTruth(2), mask_values={3: 0, 4: 1})[0]
    assert torch.equal(record.truth, torch.from_numpy(MASK).long())
    soft = {"image": BYTES, "mask": MASK * 0.9}
    assert torch.equal(
        read_dataset(_Items(soft), LabelTruth(2), threshold=0)[0].truth,
        torch.from_numpy(MASK).long(),
    )


def test_ids_subjects_and_groups_are_looked_up_in_items() -> None:
    items = [
        {"image": BYTES, "mask": MASK, "name": name, "patient": torch.tensor(i // 2), "site": "x"}
        for i, name in enumerate("abc")
    ]
    keys = {"id_key": "name", "subject_key": "patient", "group_key": "site"}
    records = read_dataset(_Items(*items), LabelTruth(2), **keys)
    assert [(k.id, k.subject, k.group) for k in records.keys] == [
        ("a", "0", "x"),
        ("b", "0", "x"),
        ("c", "1", "x"),
    ]
    with pytest.raises(InputError, match="item 0 has no key 'case'; it has the keys image, mask"):
        read_dataset(_Items(*items), LabelTruth(2), subject_key="case")
    lacking = _Items({"image": BYTES, "mask": MASK, "patient": None})
    assert read_dataset(lacking, LabelTruth(2), subject_key="patient").keys[0].subject is None
    with pytest.raises(InputError, match="item 0 has no id: its 'patient' is None"):
        read_dataset(lacking, LabelTruth(2), id_key="patient")
    with pytest.raises(InputError, match="item 0 is a tuple, in which no key can be looked up"):
        read_dataset(_Items((BYTES, MASK)), LabelTruth(2), subject_key="case")


def _palette(white_first: bool) -> Image.Image:
    found = Image.fromarray(MASK, mode="P")
    found.putpalette([200, 0, 0, 0, 100, 0] if white_first else [0, 0, 0, 200, 0, 0])
    return found


def _see_through() -> Image.Image:
    return Image.fromarray(np.dstack([BYTES, MASK * 255]))


@pytest.mark.filterwarnings("ignore:.*mode.*:DeprecationWarning")
@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({"image": BYTES, "mask": MASK, "label": MASK}, "mask and label may hold the truth; say"),
        ({"image": BYTES, "pixel_values": BYTES, "mask": MASK}, "may hold the image; say with im"),
        ((BYTES, {"boxes": [1]}), "item 0 has the keys boxes; say with truth_key"),
        ((BYTES.astype(np.uint16), MASK), "its image is int32, expected floats.* say with range"),
        ((np.stack([MASK] * 3), MASK), "its image holds bytes of which only 0 and 1 occur"),
        ((np.full((3, 4, 6), np.nan), MASK), "item 0: its image holds NaN"),
        ((Image.fromarray(BYTES).convert("CMYK"), MASK), "item 0: its image has colour mode CMYK"),
        ((_see_through(), MASK), "item 0: its image has transparency"),
        ((BYTES, MASK * 7), "item 0: label values 7 lie outside the classes"),
        ((BYTES, np.where(MASK, np.nan, 0)), "item 0 holds NaN"),
        ((BYTES, HOT + HOT[::-1]), "2 layers of 0 and 1 of which each pixel has one"),
        ((BYTES, np.zeros((2, 3, 4, 6))), r"has shape \(2, 3, 4, 6\), expected \(height, width\)"),
    ],
)
def test_items_that_are_ambiguous_are_refused(item: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_dataset(_Items(item), LabelTruth(2))[0]


@pytest.mark.filterwarnings("ignore:.*mode.*:DeprecationWarning")
def test_palettes_of_items_are_looked_at() -> None:
    record = read_dataset(_Items((BYTES, _palette(False))), LabelTruth(2))[0]
    assert torch.equal(record.truth, torch.from_numpy(MASK).long())
    with pytest.raises(InputError, match="item 0 is a palette image whose colours"):
        read_dataset(_Items((BYTES, _palette(True))), LabelTruth(2))
    shown = read_dataset(_Items((_palette(False), MASK)), LabelTruth(2))[0].image
    assert shown[0].numpy() == pytest.approx(MASK * 200 / 255)  # colours, not indices


def test_images_of_two_scales_are_refused() -> None:
    scaled, bytes_as_floats = torch.rand(1, 4, 6), torch.arange(24.0).reshape(1, 4, 6)
    mixed = _Items((scaled, MASK), (scaled, MASK), (bytes_as_floats, MASK))
    with pytest.raises(InputError, match=r"item 1 lies in 0\..*item 2 holds whole numbers"):
        read_dataset(mixed, LabelTruth(2))
    standardised = _Items((scaled - 0.5, MASK), (bytes_as_floats - 3, MASK))
    assert len(read_dataset(standardised, LabelTruth(2))) == 2
    black = _Items((scaled * 0, MASK), (bytes_as_floats, MASK))
    assert len(read_dataset(black, LabelTruth(2))) == 2


def _opened_file(pixels: np.ndarray, orientation: int) -> Image.Image:
    """A file as Pillow opens it, which says how its pixels are to be shown."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    file.seek(0)
    return Image.open(file)


RAMP = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)


@pytest.mark.parametrize("converted", [False, True])
def test_pillow_images_that_are_stored_turned_are_refused_as_files_are(converted: bool) -> None:
    turned = _opened_file(RAMP[::-1, ::-1].copy(), 3)
    image = turned.convert("RGB") if converted else turned
    with pytest.raises(InputError, match=r"its image has EXIF orientation 3.*Set exif"):
        read_dataset(_Items((image, MASK)), LabelTruth(2))[0]
    mask = _opened_file(MASK[::-1, ::-1].copy(), 3)
    with pytest.raises(InputError, match="item 0 has EXIF orientation 3"):
        read_dataset(_Items((RAMP, mask)), LabelTruth(2))[0]
    with pytest.raises(InputError, match="its true image has EXIF orientation 3"):
        read_dataset(_Items((RAMP, image)), ImageTruth(3))[0]


def test_pillow_images_that_are_stored_turned_are_shown_or_kept_on_request() -> None:
    shown = torch.from_numpy(RAMP).permute(2, 0, 1) / 255
    turned = _opened_file(np.rot90(RAMP).copy(), 6)  # to be shown turned clockwise
    record = read_dataset(_Items((turned, MASK)), LabelTruth(2), exif="apply")[0]
    assert torch.equal(record.image, shown)
    mask = _opened_file(np.rot90(MASK).copy(), 6)
    record = read_dataset(_Items((turned, mask)), LabelTruth(2), exif="apply")[0]
    assert torch.equal(record.truth, torch.from_numpy(MASK).long())
    record = read_dataset(_Items((turned, np.rot90(MASK).copy())), LabelTruth(2), exif="ignore")[0]
    assert torch.equal(record.image, torch.rot90(shown, dims=(1, 2)))


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_pillow_images_of_several_pages_are_refused_until_one_is_meant(kind: str) -> None:
    pages = [Image.fromarray(np.full((4, 6), value, np.uint8)) for value in (10, 51)]
    file = io.BytesIO()
    pages[0].save(file, kind, save_all=True, append_images=pages[1:])
    file.seek(0)
    opened = Image.open(file)
    with pytest.raises(InputError, match="its image holds 2 pages or frames"):
        read_dataset(_Items((opened, MASK)), LabelTruth(2))[0]
    opened.seek(1)
    for meant in (opened, opened.copy()):
        image = read_dataset(_Items((meant, MASK)), LabelTruth(2))[0].image
        assert image.numpy() == pytest.approx(0.2, abs=0.01)
    opened.seek(0)
    image = read_dataset(_Items((opened.copy(), MASK)), LabelTruth(2))[0].image
    assert image.numpy() == pytest.approx(10 / 255)
