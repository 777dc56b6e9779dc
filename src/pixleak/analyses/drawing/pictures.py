"""The most and least exposed records as pictures: image, truth, prediction, loss map.

Pictures go into the page as data URIs. Small ones keep their pixels and are enlarged by the
browser; large ones are shrunk first, since a report must stay a file that can be mailed.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pixleak.analyses.exhibits import Exhibit, Exposure
from pixleak.core.tables import Bools
from pixleak.results.numbers import percent, plain

_LONGEST = 224
_COLOURS_OF_LOSS = 64
_HATCH = ((0x8D, 0x93, 0x9C), (0xC4, 0xC9, 0xD0))
#: The colour of the background, then those of the other classes. The first seven are Okabe and
#: Ito's; each further one is the RGB colour farthest, in OKLab, from all before it as seen with
#: normal vision, protanopia, deuteranopia and tritanopia (simulated after Machado et al., 2009).
BACKGROUND = "#2b3038"
# fmt: off
PALETTE = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#0f00b4",
    "#963c0f", "#5a00ff", "#e1ffd2", "#005a69", "#8778ff", "#5a0f78", "#ffb487", "#c30f96",
    "#78695a", "#c3f0ff", "#692d00", "#e11ed2", "#96ff96", "#ff5a78", "#4b1ed2",
)
# fmt: on


@dataclass(frozen=True)
class Picture:
    """One ``<img>``."""

    label: str
    uri: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Card:
    """One record on show.

    Args:
        exposure: who it is, and its score.
        pictures: image, truth, prediction, loss.
        mean_loss: over its valid pixels, or None where it has none.
    """

    exposure: Exposure
    pictures: tuple[Picture, ...]
    mean_loss: float | None


@dataclass(frozen=True)
class LossScale:
    """The colours of all loss maps: dark is no loss, bright is ``top`` or more.

    Args:
        title: what the colours stand for, with its unit.
        word: what one number of it is called.
        unit: appended to a number, with a space before it, or empty.
        top: value at the bright end.
        stops: CSS colours, evenly spaced along the bar.
        ticks: (position along the bar in 0..1, label).
        clipped: whether some pixel's loss is above ``top``.
    """

    title: str
    word: str
    unit: str
    top: float
    stops: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]
    clipped: bool


@dataclass(frozen=True)
class Gallery:
    """Everything the section of exposed records shows.

    Args:
        most: cards of the most exposed records, in order of rank.
        least: cards of the least exposed ones.
        classes: (name, colour) of the classes that occur.
        ignored: whether any pixel is ignored.
        scale: of the loss maps.
    """

    most: tuple[Card, ...]
    least: tuple[Card, ...]
    classes: tuple[tuple[str, str], ...]
    ignored: bool
    scale: LossScale


@dataclass(frozen=True)
class _Classes:
    """Names and colours of the labels, from the description of the truth in the result."""

    names: tuple[str, ...]
    background: int | None

    def name(self, label: int) -> str:
        return self.names[label] if label < len(self.names) else f"class {label}"

    def colour(self, label: int) -> str:
        if label == self.background:
            return BACKGROUND
        before = 0 if self.background is None or label < self.background else 1
        return PALETTE[(label - before) % len(PALETTE)]


def gallery(
    exposures: Sequence[Exposure], exhibits: Mapping[int, Exhibit], truth: Mapping[str, Any]
) -> Gallery:
    """Prepare the pictures of the records on show.

    Args:
        exposures: which records, in any order.
        exhibits: the arrays of each.
        truth: ``RecordsInfo.truth``, or empty where nothing is known of it.
    """
    names, background = truth.get("names"), truth.get("background", 0)
    classes = _Classes(tuple(str(name) for name in names or ()), background)
    shown = [exhibits[exposure.exhibit] for exposure in exposures]
    scale = _loss_scale(shown)
    present = {
        int(label)
        for exhibit in shown
        for labels in (exhibit.truth, exhibit.prediction)
        if labels.dtype != np.uint8
        for label in np.unique(labels[exhibit.valid])
    }
    cards = {
        side: tuple(
            _card(exposure, exhibits[exposure.exhibit], classes, scale)
            for exposure in sorted(exposures, key=lambda exposure: exposure.rank)
            if exposure.side == side
        )
        for side in ("most", "least")
    }
    return Gallery(
        most=cards["most"],
        least=cards["least"],
        classes=tuple((classes.name(label), classes.colour(label)) for label in sorted(present)),
        ignored=any(not exhibit.valid.all() for exhibit in shown),
        scale=scale,
    )


def _loss_scale(exhibits: Sequence[Exhibit]) -> LossScale:
    """A scale whose top is a round number at or just above nearly all losses on show."""
    losses = np.concatenate([exhibit.loss[exhibit.valid] for exhibit in exhibits])
    stops = tuple("#" + bytes(colour).hex() for colour in _inferno(17).tolist())
    if any(exhibit.truth.dtype == np.uint8 for exhibit in exhibits):
        title, word, unit = "Error", "error", ""
    elif np.isin(losses, (0, 1)).all() and losses.any():
        # A target that gives labels only: all that is known of a pixel is right or wrong.
        ticks = ((0.0, "right"), (1.0, "wrong"))
        return LossScale("Predicted label", "share of wrong pixels", "", 1.0, stops, ticks, False)
    else:
        title, word, unit = "Loss, nat/pixel", "loss", " nat/pixel"
    reach = max(float(np.quantile(losses, 0.995)) if len(losses) else 0.0, 0.01)
    power = 10.0 ** np.floor(np.log10(reach))
    top = float(next(power * step for step in (1, 2, 5, 10) if power * step >= reach * 0.999))
    clipped = bool(len(losses)) and float(losses.max()) > top
    # Colour goes with the square root of the loss, so that small losses can be told apart.
    marks = tuple((share**0.5, plain(top * share)) for share in (0.0, 0.05, 0.2, 0.5, 1.0))
    return LossScale(title, word, unit, top, stops, marks, clipped)


def _card(exposure: Exposure, exhibit: Exhibit, classes: _Classes, scale: LossScale) -> Card:
    who = f"record {exposure.id}"
    mean = float(exhibit.loss[exhibit.valid].mean()) if exhibit.valid.any() else None
    said = "no valid pixel" if mean is None else f"mean {scale.word} {plain(mean)}{scale.unit}"
    made = exhibit.truth.dtype == np.uint8  # a generator's
    first, last, kind = ("Input", "Output", "Error") if made else ("Image", "Prediction", "Loss")
    return Card(
        exposure,
        pictures=(
            _picture(exhibit.image, first, f"{first} of {who}"),
            _answer(exhibit.truth, exhibit.valid, classes, "Truth", who),
            _answer(exhibit.prediction, exhibit.valid, classes, last, who),
            _loss_map(exhibit, scale, f"{kind} map of {who}: {said}"),
        ),
        mean_loss=mean,
    )


def _answer(
    answer: NDArray[np.int16] | NDArray[np.uint8],
    valid: Bools,
    classes: _Classes,
    label: str,
    who: str,
) -> Picture:
    """A label map in the colours of its classes, or a picture as it is."""
    if answer.dtype == np.uint8:
        return _picture(answer.astype(np.uint8), label, f"{label} of {who}")
    step = _step(valid.shape)
    present, counts = np.unique(answer[valid], return_counts=True)
    table = {int(name): _rgb(classes.colour(int(name))) for name in present}
    small, keep = answer[::step, ::step], valid[::step, ::step]
    coloured = np.zeros((*small.shape, 3), dtype=np.uint8)
    for name, colour in table.items():
        coloured[small == name] = colour
    shares = ", ".join(
        f"{classes.name(int(name))} {percent(number / counts.sum())}"
        for name, number in zip(present, counts, strict=True)
    )
    alt = f"{label} of {who}: {shares or 'every pixel is ignored'}"
    return _encode(_hatched(coloured, keep), label, alt)


def _loss_map(exhibit: Exhibit, scale: LossScale, alt: str) -> Picture:
    step = _step(exhibit.valid.shape)
    loss = np.where(exhibit.valid, exhibit.loss, 0)[::step, ::step]
    level = np.sqrt(np.clip(loss / scale.top, 0, 1)) * (_COLOURS_OF_LOSS - 1)
    coloured = _inferno(_COLOURS_OF_LOSS)[np.rint(level).astype(np.intp)]
    keep = exhibit.valid[::step, ::step]
    return _encode(_hatched(coloured, keep), scale.word.capitalize().split(" ")[0], alt)


def _picture(pixels: NDArray[np.uint8], label: str, alt: str) -> Picture:
    picture = Image.fromarray(pixels)
    if max(picture.size) > _LONGEST:
        picture.thumbnail((_LONGEST, _LONGEST))
    large = max(picture.size) > 128
    return _as_uri(picture, label, alt, "JPEG" if large else "PNG")


def sheet(pixels: NDArray[np.uint8]) -> Picture:
    """The pictures of a generator's training, as they are."""
    alt = "Inputs, true outputs, and what the generator made of the inputs after some epochs"
    return _as_uri(Image.fromarray(pixels), "Training", alt, "PNG")


def _encode(pixels: NDArray[np.uint8], label: str, alt: str) -> Picture:
    """A picture of few colours, each kept exactly."""
    palette, index = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    picture = Image.fromarray(index.reshape(pixels.shape[:2]).astype(np.uint8))
    picture.putpalette(palette.tobytes())
    return _as_uri(picture, label, alt, "PNG")


def _as_uri(picture: Image.Image, label: str, alt: str, kind: str) -> Picture:
    buffer = io.BytesIO()
    picture.save(buffer, kind, optimize=True, quality=85)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(label, f"data:image/{kind.lower()};base64,{text}", alt, *picture.size)


def _hatched(pixels: NDArray[np.uint8], keep: Bools) -> NDArray[np.uint8]:
    """Diagonal stripes where pixels are ignored."""
    rows, columns = np.indices(keep.shape)
    stripe = ((rows + columns) // max(2, max(keep.shape) // 32)) % 2
    return np.where(keep[..., None], pixels, np.array(_HATCH, dtype=np.uint8)[stripe])


def _step(shape: tuple[int, ...]) -> int:
    return -(-max(shape) // _LONGEST)


def _inferno(levels: int) -> NDArray[np.uint8]:
    colours = matplotlib.colormaps["inferno"](np.linspace(0, 1, levels), bytes=True)
    return np.asarray(colours)[:, :3].astype(np.uint8)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))
