from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.readers.files.finding import natural
from pixleak.records.readers.folders import read_folders

Save = Callable[[Path, object], Path]
GREY = np.zeros((4, 6), dtype=np.uint8)


@pytest.fixture
def one(tmp_path: Path, save: Save) -> Callable[..., torch.Tensor]:
    """The label map that a single mask is read as."""

    def read(mask: object, suffix: str = ".png", **options: object) -> torch.Tensor:
        path = save(tmp_path / "masks" / f"a{suffix}", mask)
        with Image.open(path) as image:
            save(tmp_path / "images" / "a.png", Image.new("RGB", image.size))
        options.setdefault("size", None)
        return read_folders(tmp_path / "images", tmp_path / "masks", **options)[0].truth  # type: ignore[arg-type]

    return read


def test_numbers_sort_by_value() -> None:
    assert sorted(["f10", "f9", "a2b10", "a2b9", "f"], key=natural) == [
        "a2b9",
        "a2b10",
        "f",
        "f9",
        "f10",
    ]


def test_an_image_is_read_by_hand(tmp_path: Path, save: Save) -> None:
    """Halving 2 x 4 pixels averages blocks: red (0+255+51+102)/4 = 102 -> 0.4."""
    pixels = np.zeros((2, 4, 3), dtype=np.uint8)
    pixels[:, :2, 0] = [[0, 255], [51, 102]]
    pixels[:, 2:, 2] = 255
    save(tmp_path / "i" / "x.png", pixels)
    save(tmp_path / "m" / "x.png", np.array([[0, 0, 1, 1], [0, 0, 1, 1]], dtype=np.uint8))
    record = read_folders(tmp_path / "i", tmp_path / "m")[0]
    assert record.image.shape == (3, 2, 4)
    assert record.image[0, 1, 0] == pytest.approx(0.2)
    # Pillow's triangle filter reaches one pixel further, so ask for two flat halves.
    save(tmp_path / "i" / "x.png", np.repeat(pixels[:, 2:], 2, axis=1))
    small = read_folders(tmp_path / "i", tmp_path / "m", size=(1, 2))[0]
    assert small.image.shape == (3, 1, 2)
    assert small.image[:, 0, 0].tolist() == [0.0, 0.0, 1.0]
    assert small.truth.tolist() == [[0, 1]]


def test_images_shrink_with_antialiasing_and_labels_to_the_nearest(
    tmp_path: Path, save: Save
) -> None:
    board = np.indices((32, 32)).sum(0) % 2
    save(tmp_path / "i" / "x.png", (board * 255).astype(np.uint8))
    save(tmp_path / "m" / "x.png", (board * 3).astype(np.uint8))
    record = read_folders(
        tmp_path / "i", tmp_path / "m", truth=LabelTruth(4), size=(8, 8), channels=1
    )[0]
    assert (record.image - 0.5).abs().max() < 0.05
    assert set(record.truth.unique().tolist()) <= {0, 3}


def test_sixteen_bit_images_keep_their_range(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "i" / "x.png", np.full((4, 6), 32768, dtype=np.uint16))
    save(tmp_path / "m" / "x.png", GREY)
    image = read_folders(tmp_path / "i", tmp_path / "m", size=(2, 3))[0].image
    assert image.shape == (3, 2, 3)
    assert image == pytest.approx(torch.full((3, 2, 3), 32768 / 65535).numpy(), abs=1e-5)


@pytest.mark.parametrize(
    "mask",
    [
        np.array([[0, 255], [255, 0]], dtype=np.uint8),
        np.array([[0, 1], [1, 0]], dtype=np.uint8),
        np.array([[False, True], [True, False]]),
        np.repeat(np.array([[0, 255], [255, 0]], dtype=np.uint8)[..., None], 3, 2),
    ],
    ids=["0-255", "0-1", "1-bit", "grey-as-rgb"],
)
def test_binary_masks_are_understood(one: Callable[..., torch.Tensor], mask: np.ndarray) -> None:
    assert one(mask).tolist() == [[0, 1], [1, 0]]


def test_empty_and_full_masks_are_understood(one: Callable[..., torch.Tensor]) -> None:
    assert not one(GREY).any()
    assert one(GREY + 255).all()
    assert one(GREY + 1).all()


def test_jpeg_masks_are_cut_at_127(one: Callable[..., torch.Tensor]) -> None:
    mask = np.zeros((16, 16), dtype=np.uint8)
    mask[:, 8:] = 255
    labels = one(mask, ".jpg")
    assert torch.equal(labels, torch.from_numpy(mask > 127).long())


def test_palette_masks_give_their_index(one: Callable[..., torch.Tensor]) -> None:
    image = Image.new("P", (2, 2))
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.putdata([0, 1, 2, 0])
    assert one(image, truth=LabelTruth(3)).tolist() == [[0, 1], [2, 0]]


def test_values_are_mapped_and_255_can_be_ignored(one: Callable[..., torch.Tensor]) -> None:
    mask = np.array([[7, 8], [255, 0]], dtype=np.uint8)
    truth = LabelTruth(3, ignore=255)
    assert one(mask, truth=truth, mask_values={7: 1, 8: 2}).tolist() == [[1, 2], [255, 0]]
    assert one(mask, truth=truth, mask_values={7: 1}, other=255).tolist() == [[1, 255], [255, 255]]
    assert one(mask, threshold=7).tolist() == [[0, 1], [1, 0]]
    binary = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    void = LabelTruth(2, ignore=255)
    named = {0: 0, 1: 1, 255: 255}
    assert one(binary, truth=void, mask_values=named).tolist() == [[0, 255], [255, 0]]
    with pytest.raises(InputError, match="255 is declared ignored"):
        one(binary, truth=void)


def test_subjects_and_groups_are_found_in_the_stem(tmp_path: Path, save: Save) -> None:
    for stem in ("p1_s2_x", "p1_s10_x", "p2_s1_x"):
        save(tmp_path / "i" / f"{stem}.png", GREY)
        save(tmp_path / "m" / f"{stem}.png", GREY)
    records = read_folders(tmp_path / "i", tmp_path / "m", subject=r"^p\d+", group=r"_s(\d+)_")
    assert [(k.id, k.subject, k.group) for k in records.keys] == [
        ("p1_s2_x", "p1", "2"),
        ("p1_s10_x", "p1", "10"),
        ("p2_s1_x", "p2", "1"),
    ]
    with pytest.raises(InputError, match="subject pattern 'q' finds nothing in 'p1_s2_x'"):
        read_folders(tmp_path / "i", tmp_path / "m", subject="q")
    with pytest.raises(InputError, match="is no regular expression"):
        read_folders(tmp_path / "i", tmp_path / "m", group="(")


def test_missing_folders_and_partners_are_named(tmp_path: Path, save: Save) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        read_folders(tmp_path / "nowhere", tmp_path)
    with pytest.raises(InputError, match="holds no images"):
        read_folders(tmp_path, tmp_path)
    for name in ("a", "b", "c"):
        save(tmp_path / "i" / f"{name}.png", GREY)
    save(tmp_path / "m" / "a.png", GREY)
    with pytest.raises(InputError, match=r"image .*b\.png has no mask \(and 1 more\): expected"):
        read_folders(tmp_path / "i", tmp_path / "m")
    with pytest.raises(InputError, match=r"mask .*b\.png has no image"):
        read_folders(tmp_path / "m", tmp_path / "i")
    save(tmp_path / "i" / "a.jpg", GREY)
    with pytest.raises(InputError, match="have the same stem"):
        read_folders(tmp_path / "i", tmp_path / "m")


def test_bad_masks_are_named(one: Callable[..., torch.Tensor], tmp_path: Path, save: Save) -> None:
    with pytest.raises(InputError, match=r"mask .*a\.png: label values 3 lie outside .*0\.\.1"):
        one(GREY + 3)
    with pytest.raises(InputError, match=r"a\.png is a colour image"):
        one(np.random.default_rng(0).integers(0, 2, (4, 6, 3), dtype=np.uint8))
    with pytest.raises(InputError, match="a threshold makes 2 classes, not 3"):
        one(GREY, truth=LabelTruth(3), threshold=4)
    save(tmp_path / "images" / "a.png", np.zeros((5, 6, 3), dtype=np.uint8))
    save(tmp_path / "masks" / "a.png", GREY)
    records = read_folders(tmp_path / "images", tmp_path / "masks", size=(4, 4))
    with pytest.raises(InputError, match=r"a\.png is 6 x 5 pixels .* is 6 x 4; they must be equal"):
        records[0]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_and_foreign_files_are_named(tmp_path: Path, save: Save, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = save(tmp_path / "i" / f"a{suffix}", pixels)
    save(tmp_path / "m" / "a.png", np.zeros((40, 60), dtype=np.uint8))
    records = read_folders(tmp_path / "i", tmp_path / "m")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=rf"image file .*a\{suffix} cannot be read"):
        records[0]
    path.write_bytes(b"not an image")
    with pytest.raises(InputError, match=rf"image file .*a\{suffix} cannot be read"):
        records[0]
    path.unlink()
    with pytest.raises(InputError, match=rf"there is no image file .*a\{suffix}"):
        records[0]


def test_impossible_formats_are_refused(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "i" / "a.png", GREY)
    with pytest.raises(InputError, match="channels must be at least 1, got 0"):
        read_folders(tmp_path / "i", tmp_path / "i", channels=0)
    with pytest.raises(InputError, match=r"size\.0 must be at least 1, got 0"):
        read_folders(tmp_path / "i", tmp_path / "i", size=(0, 4))
