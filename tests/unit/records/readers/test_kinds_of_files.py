"""What is in a file is what is measured: kinds of image and mask files, and layouts of folders.

One long file, since it is a table with one row for each kind of file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.readers.folders import read_folders
from pixleak.records.readers.pairs import read_pairs

H, W = 6, 8
RAMP = np.linspace(0, 1, H * W, dtype=np.float32).reshape(H, W)
MASK = (np.arange(H * W).reshape(H, W) % 5 == 0).astype(np.uint8)
BANDS = np.stack([RAMP, 1 - RAMP, RAMP**2, RAMP * 0, RAMP * 0 + 0.5], axis=-1)


def write(path: Path, pixels: np.ndarray, **kwargs: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix == ".npz":
        np.savez(path, pixels)
    elif path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, pixels, **kwargs)
    else:
        Image.fromarray(pixels).save(path, **kwargs)
    return path


def palette(indices: np.ndarray, colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(indices.astype(np.uint8), mode="P")
    image.putpalette([value for colour in colours for value in colour])
    return image


def read_image(folder: Path, name: str, **options: Any) -> np.ndarray:
    if not (folder / "m").exists():
        write(folder / "m" / f"{Path(name).stem}.png", MASK)
    return read_folders(folder / "i", folder / "m", **options)[0].image.numpy()


IMAGES: dict[str, tuple[str, np.ndarray, dict[str, Any], np.ndarray]] = {
    "float TIFF in 0..1": ("a.tif", RAMP, {"channels": 1}, RAMP[None]),
    "float64 array": ("a.npy", RAMP.astype(np.float64), {"channels": 1}, RAMP[None]),
    "array in an archive": ("a.npz", RAMP, {"channels": 1}, RAMP[None]),
    "16 bits": (
        "a.tif",
        (RAMP * 65535).astype(np.uint16),
        {"channels": 1},
        (RAMP * 65535).astype(np.uint16)[None] / 65535,
    ),
    "16 bits as PNG": (
        "a.png",
        (RAMP * 65535).astype(np.uint16),
        {"channels": 1},
        (RAMP * 65535).astype(np.uint16)[None] / 65535,
    ),
    "12 bits in 16": (
        "a.tif",
        (RAMP * 4095).astype(np.uint16),
        {"channels": 1, "range": (0, 4095)},
        (RAMP * 4095).astype(np.uint16)[None] / 4095,
    ),
    "32 bits": (
        "a.tif",
        (RAMP * 255).astype(np.int32),
        {"channels": 1, "range": (0, 255)},
        (RAMP * 255).astype(np.int32)[None] / 255,
    ),
    "Hounsfield units": (
        "a.tif",
        (RAMP * 2000 - 1000).astype(np.float32),
        {"channels": 1, "range": (-1000, 1000)},
        RAMP[None],
    ),
    "five bands": ("a.tif", BANDS.astype(np.float32), {"channels": 5}, BANDS.transpose(2, 0, 1)),
    "four bands of bytes": (
        "a.tif",
        (BANDS[..., :4] * 255).astype(np.uint8),
        {"channels": 4},
        (BANDS[..., :4] * 255).astype(np.uint8).transpose(2, 0, 1) / 255,
    ),
    "16-bit colours": (
        "a.tif",
        (BANDS[..., :3] * 65535).astype(np.uint16),
        {"channels": 3},
        (BANDS[..., :3] * 65535).astype(np.uint16).transpose(2, 0, 1) / 65535,
    ),
    "channels first": (
        "a.npy",
        BANDS[..., :3].transpose(2, 0, 1).astype(np.float32),
        {"channels": 3},
        BANDS[..., :3].transpose(2, 0, 1),
    ),
    "opaque alpha": (
        "a.png",
        np.dstack([(BANDS[..., :3] * 255).astype(np.uint8), np.full((H, W), 255, np.uint8)]),
        {"channels": 3},
        (BANDS[..., :3] * 255).astype(np.uint8).transpose(2, 0, 1) / 255,
    ),
    "grey as colours": (
        "a.png",
        (RAMP * 255).astype(np.uint8),
        {"channels": 3},
        np.repeat((RAMP * 255).astype(np.uint8)[None] / 255, 3, axis=0),
    ),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_holds_what_is_in_its_file(kind: str, tmp_path: Path) -> None:
    name, pixels, options, expected = IMAGES[kind]
    extra = {"planarconfig": "contig"} if name.endswith("tif") and pixels.ndim == 3 else {}
    write(tmp_path / "i" / name, pixels, **extra)
    assert read_image(tmp_path, name, **options) == pytest.approx(expected, abs=1e-6)


def _pages(path: Path) -> None:
    tifffile.imwrite(path, np.stack([RAMP, RAMP, RAMP, RAMP, RAMP, RAMP, RAMP]))


def _frames(path: Path) -> None:
    frames = [Image.fromarray((RAMP * k).astype(np.uint8)) for k in (100, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def _turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((W, H, 3), np.uint8)).save(path, exif=exif)


def _see_through(path: Path) -> None:
    Image.fromarray(np.dstack([np.zeros((H, W, 3), np.uint8), MASK * 255])).save(path)


REFUSED: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "several pages": ("a.tif", _pages, "holds 7 pages or frames"),
    "several frames": ("a.gif", _frames, "holds 2 pages or frames"),
    "stored turned": ("a.jpg", _turned, "EXIF orientation 6.*Set exif to apply"),
    "transparency": ("a.png", _see_through, "has transparency"),
    "12 bits": (
        "a.tif",
        lambda p: tifffile.imwrite(p, (RAMP * 4095).astype(np.uint16)),
        r"set range to \[0, 4095\]",
    ),
    "floats beyond 1": ("a.tif", lambda p: tifffile.imwrite(p, RAMP * 255), "range is not known"),
    "negative floats": ("a.npy", lambda p: np.save(p, RAMP - 0.5), "range is not known"),
    "32 bits": (
        "a.tif",
        lambda p: tifffile.imwrite(p, (RAMP * 255).astype(np.uint32)),
        "range is not known",
    ),
    "NaN": ("a.npy", lambda p: np.save(p, RAMP * np.nan), "NaN"),
    "other bands": (
        "a.tif",
        lambda p: tifffile.imwrite(p, BANDS.astype(np.float32), planarconfig="contig"),
        "has 5 bands, and channels is 3",
    ),
    "CMYK": ("a.jpg", lambda p: Image.new("CMYK", (W, H)).save(p), "colour mode CMYK"),
    "objects": ("a.npy", lambda p: np.save(p, np.array(["x"])), "expected numbers"),
    "several arrays": ("a.npz", lambda p: np.savez(p, a=RAMP, b=RAMP), "holds 2 arrays"),
    "channels first or last": ("a.npy", lambda p: np.save(p, np.ones((3, 9, 3))), "channels last"),
    "pickle": (
        "a.npy",
        lambda p: np.save(p, np.array([{}], dtype=object), allow_pickle=True),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_ambiguous_image_is_refused_with_the_file_and_the_cure(
    kind: str, tmp_path: Path
) -> None:
    name, make, told = REFUSED[kind]
    (tmp_path / "i").mkdir()
    make(tmp_path / "i" / name)
    with pytest.raises(InputError, match=told) as caught:
        read_image(tmp_path, name)
    assert name in str(caught.value)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_orientation_is_applied_to_image_and_mask_as_it_is_shown(
    orientation: int, tmp_path: Path
) -> None:
    shown = np.repeat((RAMP * 255).astype(np.uint8)[..., None], 3, axis=2)
    exif = Image.Exif()
    exif[0x0112] = orientation
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # of Image.Transpose
    stored = Image.fromarray(shown).transpose(Image.Transpose(back))
    (tmp_path / "i").mkdir()
    stored.save(tmp_path / "i" / "a.png", exif=exif)
    seen = read_image(tmp_path, "a.png", exif="apply")
    assert seen == pytest.approx(shown.transpose(2, 0, 1) / 255, abs=1e-6)


def read_mask(folder: Path, name: str, classes: int = 2, **options: Any) -> np.ndarray:
    write(folder / "i" / "a.png", np.zeros((H, W, 3), np.uint8))
    records = read_folders(folder / "i", folder / "m", truth=LabelTruth(classes), **options)
    return records[0].truth.numpy()


SIX = (np.arange(H * W).reshape(H, W) % 6).astype(np.uint8)
COLOURS = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (1, 2, 3)]
RGB = np.array(COLOURS, np.uint8)[SIX]
NAMED = {"black": 0, "red": 1, "#00ff00": 2, "0, 0, 255": 3, "yellow": 4, "1,2,3": 5}

MASKS: dict[str, tuple[str, Any, int, dict[str, Any], np.ndarray]] = {
    "0 and 1": ("a.png", MASK, 2, {}, MASK),
    "0 and 255": ("a.png", MASK * 255, 2, {}, MASK),
    "one bit": ("a.png", MASK.astype(bool), 2, {}, MASK),
    "palette, black first": ("a.png", palette(MASK, [(0, 0, 0), (255,) * 3]), 2, {}, MASK),
    "palette, white first": ("a.png", palette(1 - MASK, [(255,) * 3, (0, 0, 0)]), 2, {}, MASK),
    "GIF, white first": ("a.gif", palette(1 - MASK, [(255,) * 3, (0, 0, 0)]), 2, {}, MASK),
    "palette of labels": ("a.png", palette(SIX, COLOURS), 6, {}, SIX),
    "colour-coded": ("a.png", RGB, 6, {"mask_colours": NAMED}, SIX),
    "colour-coded palette": (
        "a.png",
        palette(5 - SIX, COLOURS[::-1]),
        6,
        {"mask_colours": NAMED},
        SIX,
    ),
    "TIFF of 16 bits": ("a.tif", SIX.astype(np.uint16), 6, {}, SIX),
    "whole floats": ("a.tif", SIX.astype(np.float32), 6, {}, SIX),
    "array": ("a.npy", SIX.astype(np.int64), 6, {}, SIX),
    "opaque RGBA": (
        "a.png",
        np.dstack([MASK * 255] * 3 + [np.full((H, W), 255, np.uint8)]),
        2,
        {},
        MASK,
    ),
    "void": ("a.png", np.where(SIX == 5, 255, SIX).astype(np.uint8), 6, {"ignore": 255}, None),
    "named values": ("a.png", MASK + 1, 2, {"mask_values": {1: 0, 2: 1}}, MASK),
}


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_holds_what_is_in_its_file(kind: str, tmp_path: Path) -> None:
    name, pixels, classes, options, expected = MASKS[kind]
    (tmp_path / "m").mkdir()
    if isinstance(pixels, Image.Image):
        pixels.save(tmp_path / "m" / name)
    else:
        write(tmp_path / "m" / name, pixels)
    if kind == "void":
        write(tmp_path / "i" / "a.png", np.zeros((H, W, 3), np.uint8))
        truth = LabelTruth(classes, ignore=255)
        found = read_folders(tmp_path / "i", tmp_path / "m", truth=truth)[0].truth.numpy()
        assert (found == pixels).all()
        return
    assert (read_mask(tmp_path, name, classes, **options) == expected).all()


def _in_alpha(path: Path) -> None:
    Image.fromarray(np.dstack([np.full((H, W, 3), 255, np.uint8), MASK * 255])).save(path)


def _near(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 8, (H, W))
    Image.fromarray(np.where(MASK, 255 - noise, noise).astype(np.uint8)).save(path)


BAD_MASKS: dict[str, tuple[str, Callable[[Path], Any], int, dict[str, Any], str]] = {
    "drawn in alpha": ("a.png", _in_alpha, 2, {}, "drawn in its transparency"),
    "JPEG of many classes": (
        "a.jpg",
        lambda p: Image.fromarray(SIX).save(p),
        6,
        {},
        "lossy compression",
    ),
    "colours without a map": (
        "a.png",
        lambda p: Image.fromarray(RGB).save(p),
        6,
        {},
        "mask_colours",
    ),
    "a colour without a name": (
        "a.png",
        lambda p: Image.fromarray(RGB).save(p),
        6,
        {"mask_colours": {"black": 0, "red": 1}},
        "has the colour #00ff00",
    ),
    "no colour": (
        "a.png",
        lambda p: Image.fromarray(RGB).save(p),
        6,
        {"mask_colours": {"blurple": 1}},
        "'blurple' is no colour",
    ),
    "copy of a JPEG mask": ("a.png", _near, 2, {}, "set threshold to 127"),
    "palette in no order": (
        "a.png",
        lambda p: palette(MASK, [(200, 0, 0), (0, 100, 0)]).save(p),
        2,
        {},
        "mask_colours",
    ),
    "GIF of many colours": (
        "a.gif",
        lambda p: Image.fromarray(RGB).save(p),
        6,
        {},
        "mask_colours",
    ),
    "void joins a class": (
        "a.png",
        lambda p: Image.fromarray((SIX % 3).astype(np.uint8)).save(p),
        2,
        {"mask_values": {1: 0, 2: 1}},
        "value 0 is in the file and mask_values does not name it",
    ),
    "a stray value": (
        "a.png",
        lambda p: Image.fromarray(np.where(SIX == 5, 1, MASK * 255).astype(np.uint8)).save(p),
        2,
        {"mask_values": {255: 1}},
        "value 1 is in the file",
    ),
    "fractions": ("a.npy", lambda p: np.save(p, RAMP), 2, {}, "fractions"),
    "three bands": ("a.npy", lambda p: np.save(p, BANDS), 2, {}, "image of 5 bands"),
}


@pytest.mark.parametrize("kind", BAD_MASKS)
def test_an_ambiguous_mask_is_refused(kind: str, tmp_path: Path) -> None:
    name, make, classes, options, told = BAD_MASKS[kind]
    (tmp_path / "m").mkdir()
    make(tmp_path / "m" / name)
    with pytest.raises(InputError, match=told):
        read_mask(tmp_path, name, classes, **options)


IMAGE = np.zeros((H, W, 3), np.uint8)
GREY = np.zeros((H, W), np.uint8)
LAYOUTS: dict[str, tuple[dict[str, np.ndarray], dict[str, Any], list[str]]] = {
    "images and masks in one folder": (
        {"d/a.png": IMAGE, "d/a_mask.png": MASK, "d/b.png": IMAGE, "d/b_mask.png": MASK},
        {"images": "d", "masks": "d"},
        ["a", "b"],
    ),
    "masks with an ending": (
        {"i/a.jpg": IMAGE, "m/a_segmentation.png": MASK},
        {},
        ["a"],
    ),
    "files to leave out": (
        {"i/a.png": IMAGE, "i/a_superpixels.png": IMAGE, "m/a.png": MASK},
        {"exclude": ("*_superpixels.png",)},
        ["a"],
    ),
    "folders below": (
        {"i/x/a.png": IMAGE, "i/y/a.png": IMAGE, "m/x/a.png": MASK, "m/y/a.png": MASK},
        {"subfolders": True},
        ["x/a", "y/a"],
    ),
    "nnU-Net, one channel": ({"i/a_0000.png": IMAGE, "m/a.png": MASK}, {}, ["a"]),
    "nnU-Net, two channels": (
        {"i/a_0000.png": GREY, "i/a_0001.png": GREY, "m/a.png": MASK},
        {"channels": 2},
        ["a"],
    ),
    "two forms of one name": (
        {
            f"i/{unicodedata.normalize('NFC', 'é')}.png": IMAGE,
            f"m/{unicodedata.normalize('NFD', 'é')}.png": MASK,
        },
        {},
        [unicodedata.normalize("NFC", "é")],
    ),
}


def _layout(folder: Path, files: dict[str, np.ndarray], options: dict[str, Any]) -> Records:
    for name, pixels in files.items():
        write(folder / name, pixels)
    chosen = {"images": "i", "masks": "m"} | options
    return read_folders(folder / chosen.pop("images"), folder / chosen.pop("masks"), **chosen)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_that_people_have(layout: str, tmp_path: Path) -> None:
    files, options, ids = LAYOUTS[layout]
    records = _layout(tmp_path, files, options)
    assert list(records.ids) == ids
    record = records[0]
    assert (record.truth.numpy() == MASK).all()
    assert record.image.shape == (options.get("channels", 3), H, W)


BAD_LAYOUTS: dict[str, tuple[dict[str, np.ndarray], dict[str, Any], str]] = {
    "only folders below": (
        {"i/x/a.png": IMAGE, "m/x/a.png": MASK},
        {},
        "set subfolders to true",
    ),
    "one folder, no ending": (
        {"d/a.png": IMAGE, "d/b.png": MASK},
        {"images": "d", "masks": "d"},
        "say with mask_ending",
    ),
    "a channel is missing": (
        {"i/a_0000.png": GREY, "i/a_0001.png": GREY, "i/b_0000.png": GREY, "m/a.png": MASK},
        {},
        "case 'b' .* has the channels 0000, others have 2",
    ),
    "one band for four channels": (
        {"i/a.png": GREY, "m/a.png": MASK},
        {"channels": 4},
        r"a\.png has 1 band, and channels is 4; set channels to 1 \(grey\) or 3",
    ),
    "one band for two channels": (
        {"i/a.png": GREY, "m/a.png": MASK},
        {"channels": 2},
        r"a\.png has 1 band, and channels is 2",
    ),
    "channels not declared": (
        {"i/a_0000.png": GREY, "i/a_0001.png": GREY, "m/a.png": MASK},
        {},
        "set channels to 2",
    ),
    "no partner": ({"i/a.png": IMAGE, "m/b.png": MASK}, {}, "left out with exclude"),
}


@pytest.mark.parametrize("layout", BAD_LAYOUTS)
def test_layouts_that_cannot_be_read_say_what_settles_them(layout: str, tmp_path: Path) -> None:
    files, options, told = BAD_LAYOUTS[layout]
    with pytest.raises(InputError, match=told):
        _ = _layout(tmp_path, files, options)[0]


@pytest.mark.parametrize("name", ["a.heic", "a.dcm", "a.avif"])
def test_files_of_other_worlds_are_named(name: str, tmp_path: Path) -> None:
    write(tmp_path / "i" / "b.png", IMAGE)
    (tmp_path / "i" / name).write_bytes(b"x")
    write(tmp_path / "m" / "b.png", MASK)
    with pytest.raises(InputError, match=rf"{name} is .*leave it out with exclude"):
        read_folders(tmp_path / "i", tmp_path / "m")
    kept = read_folders(tmp_path / "i", tmp_path / "m", exclude=(f"*{Path(name).suffix}",))
    assert kept.ids == ("b",)


def test_a_name_that_is_not_utf8_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    write(tmp_path / "i" / "a.png", IMAGE)
    write(tmp_path / "m" / "a.png", MASK)
    strange = bytes(tmp_path / "i") + b"/\xff.png"
    with open(strange, "wb") as file:
        file.write((tmp_path / "i" / "a.png").read_bytes())
    with pytest.raises(InputError, match="is not UTF-8"):
        read_folders(tmp_path / "i", tmp_path / "m")


def test_pairs_are_read_by_the_same_rules(tmp_path: Path) -> None:
    for side in ("i", "t"):
        write(tmp_path / side / "a.tif", (RAMP * 200 - 100).astype(np.float32))
    with pytest.raises(InputError, match="range is not known"):
        _ = read_pairs(tmp_path / "i", tmp_path / "t", channels=1, target_channels=1)[0]
    options: dict[str, Any] = {"channels": 1, "target_channels": 1, "range": (-100, 100)}
    record = read_pairs(tmp_path / "i", tmp_path / "t", **options)[0]
    assert record.truth.numpy() == pytest.approx(RAMP[None], abs=1e-6)
