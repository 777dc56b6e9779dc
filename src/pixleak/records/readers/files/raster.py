"""What is in an image file, as it is in the file: no conversion, no scaling, nothing dropped.

TIFF files are read by tifffile, ``.npy`` and ``.npz`` by numpy, all others by Pillow. Whatever a
file holds beside one plain image (further pages, transparency, a palette, an EXIF orientation) is
kept beside the values or refused, so that nobody has to guess what happened to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.records.readers.files.held_file import HeldFile
from pixleak.records.readers.files.png import colours_of_16_bits, grey_bits

Exif = Literal["refuse", "apply", "ignore"]
"""What to do with a file that says that it is to be shown turned or mirrored."""

_ORIENTATION = 0x0112
MANY_PAGES = frozenset({"GIF", "TIFF", "WEBP", "PNG"})
"""Formats of which a file with several pages or frames is refused."""
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_COLOUR_SPACES = ("SEPARATED", "CIELAB", "ICCLAB", "ITULAB", "LOGLUV", "LOGL", "YCBCR")
_BANDS = ("YX", "YXS", "SYX", "YXC", "CYX")


@dataclass(frozen=True, eq=False)
class Raster:
    """A decoded image file.

    Args:
        path: of the file, for messages.
        pixels: (h, w, c) in the type of the file; of a palette image (h, w, 1) indices.
        palette: (n, 3) uint8 colours of the indices, or None.
        alpha: (h, w) opacity in the type of the file, or None.
        lossy: whether the file's compression changes values.
        kind: format, ``"PNG"``.
        top: the largest value that the file's bits hold, where they are not 8 or 16: 15, 4095.
        white_is_zero: whether the file counts white as 0; the values are as shown, 0 for black.
    """

    path: str
    pixels: NDArray[Any]
    palette: NDArray[np.uint8] | None = None
    alpha: NDArray[Any] | None = None
    lossy: bool = False
    kind: str = ""
    top: int | None = None
    white_is_zero: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def coloured(self) -> NDArray[Any]:
        """(h, w, c) values, those of a palette image looked up."""
        return self.pixels if self.palette is None else self.palette[self.pixels[..., 0]]

    @property
    def see_through(self) -> bool:
        """Whether some pixel is less opaque than others."""
        return self.alpha is not None and self.alpha.size > 0 and bool(np.ptp(self.alpha) > 0)

    @property
    def stored(self) -> NDArray[Any]:
        """(h, w, c) values as they stand in the file, also where it counts white as 0."""
        return _turned_over(self.pixels, self.top) if self.white_is_zero else self.pixels

    def columns(self, start: int, stop: int) -> Raster:
        """The part between two columns."""
        alpha = None if self.alpha is None else self.alpha[:, start:stop]
        return replace(self, pixels=self.pixels[:, start:stop], alpha=alpha)


def opened(
    path: Path | str | HeldFile,
    exif: Exif = "refuse",
    array: str | None = None,
    key: str = "array",
) -> Raster:
    """A decoded image file.

    Args:
        path: of the file, or its content.
        exif: what to do with an orientation.
        array: which array of an ``.npz`` file; None if it holds one.
        key: that ``array`` is called by in messages.

    Raises:
        InputError: the file is missing, truncated, not an image, or holds several.
    """
    path = path if isinstance(path, HeldFile) else Path(path)
    suffix = path.suffix.lower()
    try:
        if suffix in (".npy", ".npz"):
            return _array(path, array, key)
        found, orientation = (_tiff if _is_tiff(path) else _pillow)(path)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"there is no image file {path}") from error
    # The decoders raise whatever their formats suggest: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        raise InputError(f"image file {path} cannot be read: {error}") from error
    return as_shown(found, orientation, exif, f"image file {path}")


def orientation_of(image: Image.Image) -> int:
    """How EXIF says that an image is to be shown, 1 to 8; 1 where it says nothing."""
    return int(image.getexif().get(_ORIENTATION, 1))


def as_shown(found: Raster, orientation: int, exif: Exif, where: str, key: str = "exif") -> Raster:
    """A raster with its EXIF orientation applied, ignored, or refused.

    Args:
        found: as it is stored.
        orientation: 1 to 8; 0 and 1 change nothing.
        exif: what to do.
        where: which image it is, for messages.
        key: that ``exif`` is called by in messages.

    Raises:
        InputError: it is stored turned, and ``exif`` is ``"refuse"``.
    """
    if orientation in (0, 1) or exif == "ignore":
        return found
    if exif == "refuse":
        raise InputError(
            f"{where} has EXIF orientation {orientation}: it is stored turned or "
            f"mirrored against how it is shown. Set {key} to apply if masks and true images were "
            "drawn on the image as it is shown, or to ignore if on the stored pixels"
        )
    alpha = None if found.alpha is None else _turned(found.alpha, orientation)
    return replace(found, pixels=_turned(found.pixels, orientation), alpha=alpha)


def _turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels as they are shown, by the eight orientations of EXIF."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(pixels[::rows, ::columns])


def _is_tiff(path: Path | HeldFile) -> bool:
    """By its first bytes, since the suffix may be another's, or else by its suffix."""
    with path.open("rb") as file:
        start = file.read(4)
    return start in _TIFF_STARTS or path.suffix.lower() in (".tif", ".tiff")


def _turned_over(pixels: NDArray[Any], top: int | None) -> NDArray[Any]:
    """Values with black and white exchanged."""
    if pixels.dtype == np.bool_:
        return ~pixels
    whole = np.iinfo(pixels.dtype).max if top is None else top
    return (whole - pixels).astype(pixels.dtype)


def _pillow(path: Path | HeldFile) -> tuple[Raster, int]:
    with path.open("rb") as stream, Image.open(stream) as image:
        kind = str(image.format)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and kind in MANY_PAGES:
            raise _several(path, frames)
        orientation = orientation_of(image)
        if kind == "PNG" and (deep := colours_of_16_bits(path, image)) is not None:
            alpha = deep[..., 3] if deep.shape[2] == 4 else None
            return Raster(str(path), deep[..., :3], alpha=alpha, kind=kind), orientation
        image.load()
        lossy = kind in ("JPEG", "MPO", "JPEG2000") or (kind == "WEBP" and _lossy_webp(path))
        found = of_image(image, str(path), kind, lossy)
        if kind == "PNG" and (bits := grey_bits(path)) in (2, 4):
            top = 2**bits - 1
            found = replace(found, pixels=found.pixels // np.uint8(255 // top), top=top)
        return found, orientation


def of_image(image: Image.Image, path: str, kind: str = "", lossy: bool = False) -> Raster:
    """The raster of an image that Pillow has decoded.

    Raises:
        InputError: its colour mode has no one meaning.
    """
    mode = image.mode
    if mode in ("P", "PA"):
        alpha = None
        if mode == "PA" or "transparency" in image.info:
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
        listed = image.getpalette("RGB") or []
        palette = np.zeros((256, 3), dtype=np.uint8)
        colours = np.array(listed, dtype=np.uint8).reshape(-1, 3)
        palette[: len(colours)] = colours
        pixels = np.asarray(image if mode == "P" else image.getchannel(0))[..., None]
        return Raster(path, pixels, palette, alpha, lossy, kind)
    pixels = np.asarray(image)
    if mode in ("LA", "RGBA"):
        return Raster(path, pixels[..., :-1], None, pixels[..., -1], lossy, kind)
    if mode == "RGB" and "transparency" in image.info:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        return Raster(path, pixels, None, alpha, lossy, kind)
    clear = image.info.get("transparency") if mode in ("1", "L", "I", "I;16") else None
    if mode == "I" and kind in ("PNG", "PPM"):
        pixels = pixels.astype(np.uint16)  # these have no more than 16 bits
    elif mode not in ("1", "L", "RGB", "I", "F") and not mode.startswith("I;16"):
        raise InputError(
            f"image file {path} has colour mode {mode}, which has no one meaning as grey or red, "
            "green and blue; save it as RGB"
        )
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    alpha = np.where(pixels[..., 0] == clear, 0, 255) if isinstance(clear, int) else None
    return Raster(path, pixels, None, alpha, lossy, kind)


def _lossy_webp(path: Path | HeldFile) -> bool:
    with path.open("rb") as file:
        return b"VP8L" not in file.read(64)


def _several(path: Path | HeldFile, pages: int) -> InputError:
    return InputError(
        f"image file {path} holds {pages} pages or frames, and a record is one image; save each as "
        "a file of its own"
    )


def _tiff(path: Path | HeldFile) -> tuple[Raster, int]:
    import tifffile

    with path.open("rb") as stream, tifffile.TiffFile(stream) as file:
        series = file.series
        page: Any = file.pages[0]
        named, shape = series[0].axes, series[0].shape
        axes = "".join(a for a, n in zip(named, shape, strict=True) if n > 1 or a in "YX")
        if len(series) != 1 or axes not in _BANDS:
            pages = max(len(file.pages), len(series), 2)
            raise _several(path, pages)
        tag = page.tags.get(_ORIENTATION)
        orientation = 1 if tag is None else int(tag.value)
        lossy = "JPEG" in page.compression.name
        try:
            pixels = series[0].asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            return _tiff_by_pillow(path, page.samplesperpixel, lossy)
        extra = [getattr(one, "name", str(one)) for one in page.extrasamples or ()]
        photometric = getattr(page.photometric, "name", str(page.photometric))
        colormap, bits = page.colormap, page.bitspersample
    if photometric in _COLOUR_SPACES and not (photometric == "YCBCR" and lossy):
        raise InputError(
            f"image file {path} holds colours as {photometric}, not as red, green and blue; save "
            "it as RGB"
        )
    pixels = pixels.reshape([n for axis, n in zip(named, shape, strict=True) if axis in axes])
    if axes in ("SYX", "CYX"):
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None])
    held = pixels.dtype.itemsize * 8
    top = 2**bits - 1 if pixels.dtype.kind == "u" and 1 < bits < held else None
    white_is_zero = photometric == "MINISWHITE" and pixels.dtype.kind in "bu"
    if white_is_zero:
        pixels = _turned_over(pixels, top)
    if photometric == "PALETTE" and colormap is not None:
        palette = (np.asarray(colormap).T >> 8).astype(np.uint8)
        return Raster(str(path), pixels, palette, None, lossy, "TIFF"), orientation
    if extra and extra[-1] in ("ASSOCALPHA", "UNASSALPHA"):
        return Raster(
            str(path), pixels[..., :-1], None, pixels[..., -1], lossy, "TIFF"
        ), orientation
    found = Raster(str(path), pixels, None, None, lossy, "TIFF", top, white_is_zero)
    return found, orientation


def _tiff_by_pillow(path: Path | HeldFile, samples: int, lossy: bool) -> tuple[Raster, int]:
    """A compressed file that tifffile decodes only with the package imagecodecs."""
    found, orientation = _pillow(path)
    bands = found.pixels.shape[2] + (found.alpha is not None)
    if bands != samples and found.palette is None:
        raise InputError(
            f"image file {path} has {samples} bands in a compression that needs the package "
            "imagecodecs: install pixleak[tiff], or save it uncompressed or with deflate"
        )
    return replace(found, lossy=lossy), orientation


def _array(path: Path | HeldFile, array: str | None, key: str) -> Raster:
    with path.open("rb") as stream:
        found = np.load(stream, allow_pickle=False)
        if isinstance(found, np.ndarray):
            pixels = found
        else:
            pixels = np.asarray(found[_chosen(path, list(found), array, key)])
    return of_array(pixels, f"array file {path}", str(path))


def _chosen(path: Path | HeldFile, names: list[str], array: str | None, key: str) -> str:
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    if array is not None:
        if array not in names:
            raise InputError(f"array file {path} has no array {array!r}; it holds {listed}")
        return array
    if len(names) != 1:
        raise InputError(
            f"array file {path} holds {len(names)} arrays ({listed}), and a record's file is one "
            f"image; say which with {key}"
        )
    return names[0]


def of_array(pixels: NDArray[Any], where: str, path: str) -> Raster:
    """The raster of an array (h, w), (h, w, c), or (c, h, w) with at most four channels.

    Raises:
        InputError: another shape or type.
    """
    if pixels.ndim == 3 and pixels.shape[0] <= 4:
        if pixels.shape[2] <= 4:
            raise InputError(
                f"{where} has shape {pixels.shape}, of which the first or the last may "
                "be the channels; save it with the channels last"
            )
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "biuf":
        raise InputError(
            f"{where} holds {pixels.dtype} of shape {pixels.shape}; expected numbers of "
            "(height, width) or (height, width, channels)"
        )
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None])
    return Raster(path, pixels, kind="NPY")
