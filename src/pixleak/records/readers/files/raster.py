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

Exif = Literal["refuse", "apply", "ignore"]
"""What to do with a file that says that it is to be shown turned or mirrored."""

_ORIENTATION = 0x0112
_MANY_PAGES = frozenset({"GIF", "TIFF", "WEBP", "PNG"})
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
    """

    path: str
    pixels: NDArray[Any]
    palette: NDArray[np.uint8] | None = None
    alpha: NDArray[Any] | None = None
    lossy: bool = False
    kind: str = ""

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

    def columns(self, start: int, stop: int) -> Raster:
        """The part between two columns."""
        alpha = None if self.alpha is None else self.alpha[:, start:stop]
        return replace(self, pixels=self.pixels[:, start:stop], alpha=alpha)


def opened(path: Path | str, exif: Exif = "refuse") -> Raster:
    """A decoded image file.

    Args:
        path: of the file.
        exif: what to do with an orientation.

    Raises:
        InputError: the file is missing, truncated, not an image, or holds several.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    try:
        if suffix in (".npy", ".npz"):
            return _array(path)
        found, orientation = (_tiff if suffix in (".tif", ".tiff") else _pillow)(path)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"there is no image file {path}") from error
    # The decoders raise whatever their formats suggest: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        raise InputError(f"image file {path} cannot be read: {error}") from error
    if orientation in (0, 1) or exif == "ignore":
        return found
    if exif == "refuse":
        raise InputError(
            f"image file {path} has EXIF orientation {orientation}: it is stored turned or "
            "mirrored against how it is shown. Set exif to apply if masks and true images were "
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


def _pillow(path: Path) -> tuple[Raster, int]:
    with Image.open(path) as image:
        kind = str(image.format)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and kind in _MANY_PAGES:
            raise _several(path, frames)
        orientation = int(image.getexif().get(_ORIENTATION, 1))
        image.load()
        lossy = kind in ("JPEG", "MPO", "JPEG2000") or (kind == "WEBP" and _lossy_webp(path))
        return _of_image(image, str(path), kind, lossy), orientation


def _of_image(image: Image.Image, path: str, kind: str, lossy: bool) -> Raster:
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
    if mode == "I" and kind == "PNG":
        pixels = pixels.astype(np.uint16)  # PNG has no more than 16 bits
    elif mode not in ("1", "L", "RGB", "I", "F") and not mode.startswith("I;16"):
        raise InputError(
            f"image file {path} has colour mode {mode}, which has no one meaning as grey or red, "
            "green and blue; save it as RGB"
        )
    return Raster(path, pixels if pixels.ndim == 3 else pixels[..., None], None, None, lossy, kind)


def _lossy_webp(path: Path) -> bool:
    with path.open("rb") as file:
        return b"VP8L" not in file.read(64)


def _several(path: Path, pages: int) -> InputError:
    return InputError(
        f"image file {path} holds {pages} pages or frames, and a record is one image; save each as "
        "a file of its own"
    )


def _tiff(path: Path) -> tuple[Raster, int]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = file.series
        page: Any = file.pages[0]
        axes = series[0].axes
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
        photometric = page.photometric.name
        colormap = page.colormap
    if axes in ("SYX", "CYX"):
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None])
    if photometric == "MINISWHITE":
        top = 1 if pixels.dtype == np.bool_ else np.iinfo(pixels.dtype).max
        pixels = (top - pixels).astype(pixels.dtype) if top != 1 else ~pixels
    if photometric == "PALETTE" and colormap is not None:
        palette = (np.asarray(colormap).T >> 8).astype(np.uint8)
        return Raster(str(path), pixels, palette, None, lossy, "TIFF"), orientation
    if extra and extra[-1] in ("ASSOCALPHA", "UNASSALPHA"):
        return Raster(
            str(path), pixels[..., :-1], None, pixels[..., -1], lossy, "TIFF"
        ), orientation
    return Raster(str(path), pixels, None, None, lossy, "TIFF"), orientation


def _tiff_by_pillow(path: Path, samples: int, lossy: bool) -> tuple[Raster, int]:
    """A compressed file that tifffile decodes only with the package imagecodecs."""
    found, orientation = _pillow(path)
    bands = found.pixels.shape[2] + (found.alpha is not None)
    if bands != samples and found.palette is None:
        raise InputError(
            f"image file {path} has {samples} bands in a compression that needs the package "
            "imagecodecs: install pixleak[tiff], or save it uncompressed or with deflate"
        )
    return replace(found, lossy=lossy), orientation


def _array(path: Path) -> Raster:
    if path.suffix.lower() == ".npz":
        with np.load(path, allow_pickle=False) as found:
            names = list(found)
            if len(names) != 1:
                raise InputError(
                    f"array file {path} holds {len(names)} arrays ({', '.join(names[:5])}), and a "
                    "record's file is one image; save each as a file of its own"
                )
            pixels = np.asarray(found[names[0]])
    else:
        pixels = np.load(path, allow_pickle=False)
    if pixels.ndim == 3 and pixels.shape[0] <= 4:
        if pixels.shape[2] <= 4:
            raise InputError(
                f"array file {path} has shape {pixels.shape}, of which the first or the last may "
                "be the channels; save it with the channels last"
            )
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "biuf":
        raise InputError(
            f"array file {path} holds {pixels.dtype} of shape {pixels.shape}; expected numbers of "
            "(height, width) or (height, width, channels)"
        )
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None])
    return Raster(str(path), pixels, kind="NPY")
