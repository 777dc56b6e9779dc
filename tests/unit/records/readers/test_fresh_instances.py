"""Further files and layouts that people have: read as they are, or refused with the cure.

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

H, W = 6, 8
COUNT = np.arange(H * W).reshape(H, W)
MASK = (COUNT % 5 == 0).astype(np.uint8)
SIX = (COUNT % 6).astype(np.uint8)
RAMP = np.linspace(0, 1, H * W).reshape(H, W)
WIDE = (RAMP * 65535).astype(np.uint16)
COLOURS = np.stack([WIDE, WIDE[::-1], WIDE[:, ::-1]], axis=-1)
BLACK = np.zeros((H, W, 3), np.uint8)


def png(path: Path, bits: int, kind: int, rows: list[bytes]) -> None:
    """A PNG file, written by hand, since Pillow writes neither 2 bits nor colours of 16 bits."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        whole = name + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", W, H, bits, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def png16(path: Path, pixels: np.ndarray) -> None:
    png(path, 16, {3: 2, 4: 6}[pixels.shape[2]], [row.astype(">u2").tobytes() for row in pixels])


def packed(labels: np.ndarray, bits: int) -> list[bytes]:
    each = np.unpackbits(labels.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
    return [np.packbits(row.ravel()).tobytes() for row in each]


def image(folder: Path, make: Callable[[Path], Any], name: str, **options: Any) -> np.ndarray:
    for one in ("i", "m"):
        (folder / one).mkdir(parents=True)
    make(folder / "i" / name)
    Image.fromarray(MASK).save(folder / "m" / f"{Path(name).stem}.png")
    return read_folders(folder / "i", folder / "m", **options)[0].image.numpy()


def mask(
    folder: Path, make: Callable[[Path], Any], name: str, truth: LabelTruth, **options: Any
) -> np.ndarray:
    for one in ("i", "m"):
        (folder / one).mkdir(parents=True)
    make(folder / "m" / name)
    Image.fromarray(BLACK).save(folder / "i" / f"{Path(name).stem}.png")
    return read_folders(folder / "i", folder / "m", truth=truth, **options)[0].truth.numpy()


def lut(indices: np.ndarray, colours: list[tuple[int, int, int]]) -> Image.Image:
    found = Image.fromarray(indices.astype(np.uint8), mode="P")
    found.putpalette([value for colour in colours for value in colour])
    return found


IMAGES: dict[str, tuple[str, Callable[[Path], Any], dict[str, Any], np.ndarray]] = {
    "big-endian array": (
        "a.npy",
        lambda p: np.save(p, WIDE.astype(">u2")),
        {"channels": 1},
        WIDE[None] / 65535,
    ),
    "Fortran-ordered array": (
        "a.npy",
        lambda p: np.save(p, np.asfortranarray(WIDE)),
        {"channels": 1},
        WIDE[None] / 65535,
    ),
    "big-endian TIFF": (
        "a.tif",
        lambda p: tifffile.imwrite(p, WIDE, byteorder=">"),
        {"channels": 1},
        WIDE[None] / 65535,
    ),
    "half floats": (
        "a.npy",
        lambda p: np.save(p, RAMP.astype(np.float16)),
        {"channels": 1},
        RAMP.astype(np.float16)[None].astype(np.float64),
    ),
    "colours of 16 bits as PNG": (
        "a.png",
        lambda p: png16(p, COLOURS),
        {"channels": 3},
        COLOURS.transpose(2, 0, 1) / 65535,
    ),
    "colours of 16 bits with opaque alpha as PNG": (
        "a.png",
        lambda p: png16(p, np.dstack([COLOURS, np.full((H, W), 65535, np.uint16)])),
        {"channels": 3},
        COLOURS.transpose(2, 0, 1) / 65535,
    ),
    "upper-case extension": (
        "a.TIFF",
        lambda p: tifffile.imwrite(p, WIDE),
        {"channels": 1},
        WIDE[None] / 65535,
    ),
    "TIFF that is called PNG": (
        "a.png",
        lambda p: p.write_bytes(_tiff_bytes(np.stack([RAMP] * 5, -1).astype(np.float32))),
        {"channels": 5},
        np.stack([RAMP] * 5),
    ),
    "bands one after the other": (
        "a.tif",
        lambda p: tifffile.imwrite(
            p, COLOURS.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"
        ),
        {"channels": 3},
        COLOURS.transpose(2, 0, 1) / 65535,
    ),
    "white is zero": (
        "a.tif",
        lambda p: tifffile.imwrite(p, 65535 - WIDE, photometric="miniswhite"),
        {"channels": 1},
        WIDE[None] / 65535,
    ),
    "one bit as TIFF": (
        "a.tif",
        lambda p: tifffile.imwrite(p, MASK.astype(bool), photometric="minisblack"),
        {"channels": 1},
        MASK[None].astype(float),
    ),
    "one bit as TIFF, white is zero": (
        "a.tif",
        lambda p: tifffile.imwrite(p, MASK.astype(bool), photometric="miniswhite"),
        {"channels": 1},
        1.0 - MASK[None],
    ),
    "four bits as PNG": (
        "a.png",
        lambda p: png(p, 4, 0, packed(SIX, 4)),
        {"channels": 1},
        SIX[None] / 15,
    ),
    "16 bits as PGM": (
        "a.pgm",
        lambda p: p.write_bytes(f"P5 {W} {H} 65535\n".encode() + WIDE.astype(">u2").tobytes()),
        {"channels": 1},
        WIDE[None] / 65535,
    ),
    "one page in a stack": (
        "a.tif",
        lambda p: tifffile.imwrite(p, COLOURS[None], photometric="rgb"),
        {"channels": 3},
        COLOURS.transpose(2, 0, 1) / 65535,
    ),
    "12 bits as TIFF": (
        "a.tif",
        lambda p: tifffile.imwrite(p, WIDE >> 4, bitspersample=12),
        {"channels": 1},
        (WIDE >> 4)[None] / 4095,
    ),
    "bytes of 0 and 1": (
        "a.png",
        lambda p: Image.fromarray(MASK).save(p),
        {"channels": 1, "range": (0, 1)},
        MASK[None],
    ),
    "one of several arrays": (
        "a.npz",
        lambda p: np.savez(p, imgs=RAMP, gts=MASK),
        {"channels": 1, "array": "imgs"},
        RAMP[None],
    ),
}


def _tiff_bytes(pixels: np.ndarray) -> bytes:
    import io

    held = io.BytesIO()
    tifffile.imwrite(held, pixels, planarconfig="contig", photometric="minisblack")
    return held.getvalue()


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_holds_what_is_in_its_file(kind: str, tmp_path: Path) -> None:
    name, make, options, expected = IMAGES[kind]
    assert image(tmp_path, make, name, **options) == pytest.approx(expected, abs=1e-6)


def _lossy(pixels: np.ndarray) -> Callable[[Path], Any]:
    large = pixels.repeat(8, axis=0).repeat(8, axis=1)
    return lambda p: Image.fromarray(large).save(p, quality=95)


REFUSED_IMAGES: dict[str, tuple[str, Callable[[Path], Any], dict[str, Any], str]] = {
    "8 bits in 16": (
        "a.png",
        lambda p: Image.fromarray((RAMP * 255).astype(np.uint16)).save(p),
        {"channels": 1},
        r"of which only 0\.\.255 occur.*set range to \[0, 255\]",
    ),
    "14 bits in 16": (
        "a.tif",
        lambda p: tifffile.imwrite(p, (RAMP * 16383).astype(np.uint16)),
        {"channels": 1},
        r"set range to \[0, 16383\]",
    ),
    "bytes of 0 and 1": (
        "a.png",
        lambda p: Image.fromarray(MASK).save(p),
        {"channels": 1},
        r"only 0 and 1 occur; set range to \[0, 1\]",
    ),
    "a range of one step": (
        "a.png",
        lambda p: Image.fromarray((RAMP * 255).astype(np.uint8)).save(p),
        {"channels": 1, "range": (0, 1)},
        r"range \[0, 1\] .* 0\.\.255",
    ),
    "float TIFF beyond 1": (
        "a.tif",
        lambda p: tifffile.imwrite(p, (RAMP * 1.5).astype(np.float32)),
        {"channels": 1},
        "range is not known",
    ),
    "signed 16 bits": (
        "a.tif",
        lambda p: tifffile.imwrite(p, (RAMP * 900 - 400).astype(np.int16)),
        {"channels": 1},
        "range is not known",
    ),
    "Lab colours": (
        "a.tif",
        lambda p: tifffile.imwrite(p, BLACK, photometric="cielab"),
        {},
        "CIELAB",
    ),
    "CMYK TIFF": (
        "a.tif",
        lambda p: Image.new("CMYK", (W, H)).save(p),
        {},
        "SEPARATED|CMYK",
    ),
    "zero bytes": ("a.png", lambda p: p.write_bytes(b""), {}, "cannot be read"),
    "zero bytes of TIFF": ("a.tif", lambda p: p.write_bytes(b""), {}, "cannot be read"),
    "array of complex numbers": ("a.npy", lambda p: np.save(p, RAMP * 1j), {}, "complex128"),
    "several arrays": (
        "a.npz",
        lambda p: np.savez(p, imgs=RAMP, gts=MASK),
        {},
        r"holds 2 arrays \(imgs, gts\).*array",
    ),
    "an array of another name": (
        "a.npz",
        lambda p: np.savez(p, imgs=RAMP, gts=MASK),
        {"array": "image"},
        "has no array 'image'.*imgs, gts",
    ),
    "a broken link": ("a.png", lambda p: p.symlink_to(p.parent / "gone.png"), {}, "gone.png"),
    "another kind of file": ("a.exr", lambda p: p.write_bytes(b"x"), {}, "EXR"),
}


@pytest.mark.parametrize("kind", REFUSED_IMAGES)
def test_an_ambiguous_image_is_refused(kind: str, tmp_path: Path) -> None:
    name, make, options, told = REFUSED_IMAGES[kind]
    with pytest.raises(InputError, match=told) as caught:
        image(tmp_path, make, name, **options)
    assert name in str(caught.value)


def test_a_dark_image_of_16_bits_is_read_where_its_range_is_given(tmp_path: Path) -> None:
    dark = (RAMP * 255).astype(np.uint16)
    found = image(
        tmp_path, lambda p: Image.fromarray(dark).save(p), "a.png", channels=1, range=(0, 65535)
    )
    assert found == pytest.approx(dark[None] / 65535, abs=1e-7)


TWO, MANY = LabelTruth(2), LabelTruth(6)
MASKS: dict[
    str, tuple[str, Callable[[Path], Any], LabelTruth, dict[str, Any], np.ndarray | None]
] = {
    "16 bits as PNG": (
        "a.png",
        lambda p: Image.fromarray(SIX.astype(np.uint16)).save(p),
        MANY,
        {},
        SIX,
    ),
    "0 and 65535": (
        "a.png",
        lambda p: Image.fromarray(MASK.astype(np.uint16) * 65535).save(p),
        TWO,
        {},
        MASK,
    ),
    "labels in RGB of 16 bits": (
        "a.png",
        lambda p: png16(p, np.stack([SIX] * 3, -1).astype(np.uint16)),
        MANY,
        {},
        SIX,
    ),
    "two bits as PNG": (
        "a.png",
        lambda p: png(p, 2, 0, packed(SIX % 4, 2)),
        LabelTruth(4),
        {},
        SIX % 4,
    ),
    "four bits as PNG": ("a.png", lambda p: png(p, 4, 0, packed(SIX, 4)), MANY, {}, SIX),
    "big-endian array": ("a.npy", lambda p: np.save(p, SIX.astype(">i4")), MANY, {}, SIX),
    "Fortran-ordered array": (
        "a.npy",
        lambda p: np.save(p, np.asfortranarray(SIX)),
        MANY,
        {},
        SIX,
    ),
    "one bit as TIFF": (
        "a.tif",
        lambda p: tifffile.imwrite(p, MASK.astype(bool), photometric="minisblack"),
        TWO,
        {},
        MASK,
    ),
    "one bit as TIFF, white is zero, stored values named": (
        "a.tif",
        lambda p: tifffile.imwrite(p, MASK.astype(bool), photometric="miniswhite"),
        TWO,
        {"mask_values": {0: 0, 1: 1}},
        MASK,
    ),
    "one of several arrays": (
        "a.npz",
        lambda p: np.savez(p, imgs=RAMP, gts=SIX),
        MANY,
        {"mask_array": "gts"},
        SIX,
    ),
    "void, with its value named": (
        "a.png",
        lambda p: Image.fromarray(MASK * 255).save(p),
        LabelTruth(2, ignore=255),
        {"mask_values": {0: 0, 1: 1, 255: 255}},
        MASK * 255,
    ),
    "four bits as TIFF": (
        "a.tif",
        lambda p: tifffile.imwrite(p, SIX, bitspersample=4),
        MANY,
        {},
        SIX,
    ),
    "void of -1": (
        "a.npy",
        lambda p: np.save(p, SIX.astype(np.int8) - 1),
        LabelTruth(5, ignore=-1),
        {},
        SIX.astype(int) - 1,
    ),
    "threshold on RGB of 16 bits": (
        "a.png",
        lambda p: png16(p, np.stack([MASK] * 3, -1).astype(np.uint16) * 60000),
        TWO,
        {"threshold": 30000},
        MASK,
    ),
}


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_holds_what_is_in_its_file(kind: str, tmp_path: Path) -> None:
    name, make, truth, options, expected = MASKS[kind]
    assert (mask(tmp_path, make, name, truth, **options) == expected).all()


PAGES = np.stack([SIX] * 7)
BAD_MASKS: dict[str, tuple[str, Callable[[Path], Any], LabelTruth, dict[str, Any], str]] = {
    "multi-page TIFF": ("a.tif", lambda p: tifffile.imwrite(p, PAGES), MANY, {}, "7 pages"),
    "label beyond 32 bits": (
        "a.npy",
        lambda p: np.save(p, SIX.astype(np.int64) + (1 << 32) * (SIX == 5)),
        MANY,
        {},
        "4294967301",
    ),
    "float beyond 32 bits": (
        "a.npy",
        lambda p: np.save(p, np.where(SIX == 5, 1e12, SIX)),
        MANY,
        {},
        r"lie outside the classes",
    ),
    "NaN": ("a.npy", lambda p: np.save(p, np.where(SIX == 5, np.nan, SIX)), MANY, {}, "NaN"),
    "linear interpolation": (
        "a.png",
        lambda p: Image.fromarray(MASK * 255).resize((W, H), 2, box=(0, 0, 5, 4)).save(p),
        TWO,
        {},
        "lie outside the classes",
    ),
    "JPEG of 0 and 1": ("a.jpg", _lossy(MASK), TWO, {}, "brightest value is [1-9]"),
    "JPEG of three values": (
        "a.jpg",
        _lossy(np.choose(COUNT // 8 % 3, [0, 128, 255]).astype(np.uint8)),
        TWO,
        {},
        "neither black nor white",
    ),
    "JPEG in colour": (
        "a.jpg",
        _lossy(np.stack([MASK * 255, MASK * 0, MASK * 0], -1)),
        TWO,
        {},
        "colour",
    ),
    "palette that is shifted": (
        "a.png",
        lambda p: lut(1 + SIX % 2, [(255, 0, 0), (0, 0, 0), (0, 255, 0)]).save(p),
        LabelTruth(3),
        {},
        "mask_colours",
    ),
    "two meanings of one colour": (
        "a.png",
        lambda p: Image.fromarray(BLACK).save(p),
        TWO,
        {"mask_colours": {"red": 0, "#ff0000": 1}},
        "'red' and '#ff0000' are one colour",
    ),
    "colour beyond 255": (
        "a.png",
        lambda p: Image.fromarray(BLACK).save(p),
        TWO,
        {"mask_colours": {"300, 0, 0": 1}},
        "'300, 0, 0' is no colour",
    ),
    "colour with transparency": (
        "a.png",
        lambda p: Image.fromarray(BLACK).save(p),
        TWO,
        {"mask_colours": {"#ff000080": 1}},
        "'#ff000080' is no colour",
    ),
    "void or foreground": (
        "a.png",
        lambda p: Image.fromarray(MASK * 255).save(p),
        LabelTruth(2, ignore=255),
        {},
        "holds 0 and 255 alone, and 255 is declared ignored",
    ),
    "values and colours": (
        "a.png",
        lambda p: Image.fromarray(BLACK).save(p),
        TWO,
        {"mask_values": {0: 0}, "mask_colours": {"black": 0}},
        "mask_values and mask_colours",
    ),
    "values and threshold": (
        "a.png",
        lambda p: Image.fromarray(BLACK).save(p),
        TWO,
        {"mask_values": {0: 0}, "threshold": 127},
        "mask_values and threshold",
    ),
    "other of nothing": (
        "a.png",
        lambda p: Image.fromarray(BLACK).save(p),
        TWO,
        {"other": 0},
        "other",
    ),
    "one bit as TIFF, white is zero": (
        "a.tif",
        lambda p: tifffile.imwrite(p, MASK.astype(bool), photometric="miniswhite"),
        TWO,
        {},
        "MINISWHITE.*mask_values",
    ),
    "one-hot array": (
        "a.npy",
        lambda p: np.save(p, np.eye(6, dtype=np.uint8)[SIX]),
        MANY,
        {},
        "6 bands",
    ),
    "threshold on five bands": (
        "a.npy",
        lambda p: np.save(p, np.zeros((H, W, 5), np.uint8)),
        TWO,
        {"threshold": 127},
        "5 bands",
    ),
    "another size": (
        "a.png",
        lambda p: Image.fromarray(np.zeros((H, W + 1), np.uint8)).save(p),
        TWO,
        {},
        "must be equal",
    ),
    "RGBA drawn in alpha, colour map given": (
        "a.png",
        lambda p: Image.fromarray(np.dstack([BLACK, MASK * 255])).save(p),
        TWO,
        {"mask_colours": {"black": 0}},
        "transparency",
    ),
}


@pytest.mark.filterwarnings("ignore:.*mode.*:DeprecationWarning")
@pytest.mark.parametrize("kind", BAD_MASKS)
def test_an_ambiguous_mask_is_refused(kind: str, tmp_path: Path) -> None:
    name, make, truth, options, told = BAD_MASKS[kind]
    size = (8 * W, 8 * H) if name.endswith("jpg") else (W, H)
    for one in ("i", "m"):
        (tmp_path / one).mkdir()
    make(tmp_path / "m" / name)
    Image.new("RGB", size).save(tmp_path / "i" / "a.png")
    with pytest.raises(InputError, match=told) as caught:
        read_folders(tmp_path / "i", tmp_path / "m", truth=truth, **options)[0]
    about_settings = {"mask_values", "mask_colours", "other"} & set(options)
    assert about_settings or name in str(caught.value)


def test_an_image_that_is_stored_turned_is_not_turned_together_with_its_mask(
    tmp_path: Path,
) -> None:
    # The camera wrote the orientation, the program that drew the mask saw the image upright.
    shown = np.repeat((RAMP * 255).astype(np.uint8)[..., None], 3, axis=2)
    exif = Image.Exif()
    exif[0x0112] = 3
    for one in ("i", "m"):
        (tmp_path / one).mkdir()
    Image.fromarray(shown[::-1, ::-1].copy()).save(tmp_path / "i" / "a.png", exif=exif)
    Image.fromarray((shown[..., 0] > 127).astype(np.uint8)).save(tmp_path / "m" / "a.png")
    with pytest.raises(InputError, match="EXIF orientation 3"):
        read_folders(tmp_path / "i", tmp_path / "m")[0]
    record = read_folders(tmp_path / "i", tmp_path / "m", exif="apply")[0]
    assert ((record.image[0] > 0.5).long() == record.truth).all()


def place(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        is_mask = name.startswith("m/") or "mask" in name or "_seg" in name
        Image.fromarray(MASK if is_mask else BLACK).save(path)


def opened(folder: Path, **options: Any) -> Records:
    one = (folder / "d").exists()
    images, masks = ("d", "d") if one else ("i", "m")
    return read_folders(folder / images, folder / masks, **options)


LAYOUTS: dict[str, tuple[list[str], dict[str, Any], list[str]]] = {
    "frames of four digits": (
        ["i/f_0000.png", "i/f_0001.png", "m/f_0000.png", "m/f_0001.png"],
        {},
        ["f_0000", "f_0001"],
    ),
    "frames of four digits, masks with an ending": (
        ["i/f_0000.png", "i/f_0001.png", "m/f_0000_mask.png", "m/f_0001_mask.png"],
        {},
        ["f_0000", "f_0001"],
    ),
    "named like the image and _seg": (["d/a.png", "d/a_seg.png"], {}, ["a"]),
    "upper-case extensions": (["i/a.PNG", "m/a.Png"], {}, ["a"]),
    "hidden folders": (
        ["i/x/a.png", "i/.ipynb_checkpoints/a.png", "m/x/a.png"],
        {"subfolders": True},
        ["x/a"],
    ),
    "hidden files": (["i/a.png", "i/._a.png", "m/a.png"], {}, ["a"]),
    "a JPEG of another suffix": (["i/a.jfif", "m/a.png"], {}, ["a"]),
    "a name to leave out in the other Unicode form": (
        ["i/a.png", f"i/{unicodedata.normalize('NFD', 'é')}.png", "m/a.png"],
        {"exclude": (unicodedata.normalize("NFC", "é") + ".*",)},
        ["a"],
    ),
    "an ending in the other Unicode form": (
        ["i/a.png", f"m/a_{unicodedata.normalize('NFD', 'é')}.png"],
        {"mask_ending": "_" + unicodedata.normalize("NFC", "é")},
        ["a"],
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_that_people_have(layout: str, tmp_path: Path) -> None:
    files, options, ids = LAYOUTS[layout]
    place(tmp_path, *files)
    records = opened(tmp_path, **options)
    assert list(records.ids) == ids
    assert (records[0].truth.numpy() == MASK).all()


def test_linked_folders_count_and_a_link_to_a_folder_above_ends(tmp_path: Path) -> None:
    place(tmp_path, "i/x/a.png", "elsewhere/i/b.png", "m/x/a.png", "m/y/b.png")
    (tmp_path / "i" / "y").symlink_to(tmp_path / "elsewhere" / "i")
    assert opened(tmp_path, subfolders=True).ids == ("x/a", "y/b")
    (tmp_path / "i" / "x" / "up").symlink_to(tmp_path / "i")
    (tmp_path / "elsewhere" / "i" / "round").symlink_to(tmp_path / "i" / "y")
    assert opened(tmp_path, subfolders=True).ids == ("x/a", "y/b")


BAD_LAYOUTS: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "two masks for an image": (
        ["d/a.png", "d/a_mask.png", "d/a_mask_1.png"],
        {},
        "a_mask_1.png",
    ),
    "two files of one stem": (["i/a.png", "i/a.jpg", "m/a.png"], {}, "same stem"),
    "two Unicode forms of one name": (
        [f"i/{unicodedata.normalize(form, 'é')}.png" for form in ("NFC", "NFD")] + ["m/a.png"],
        {},
        "same stem",
    ),
}


@pytest.mark.parametrize("layout", BAD_LAYOUTS)
def test_layouts_that_fit_nothing_are_refused(layout: str, tmp_path: Path) -> None:
    files, options, told = BAD_LAYOUTS[layout]
    place(tmp_path, *files)
    with pytest.raises(InputError, match=told):
        opened(tmp_path, **options)


@pytest.mark.parametrize("given", [(255, 0), (0, float("inf")), (float("nan"), 1), (3, 3)])
def test_a_range_goes_from_one_number_to_a_larger_one(
    given: tuple[float, float], tmp_path: Path
) -> None:
    place(tmp_path, "i/a.png", "m/a.png")
    with pytest.raises(InputError, match="range: must ascend"):
        opened(tmp_path, range=given)
