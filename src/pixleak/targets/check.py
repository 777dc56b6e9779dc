"""Whether a target's answer is what was declared, checked once and in few passes over it.

Finiteness and range come from one ``aminmax`` per batch, which propagates NaN and infinities, so
that the check costs a few per cent of a small network's forward pass. The record to blame is looked
up only once something is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils import dlpack

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.truth import ImageTruth, LabelTruth, Truth

SUM_TOLERANCE = 1e-3
RANGE_TOLERANCE = 1e-4  # half precision rounds a probability of one up to here
_KEYS = ("out", "logits")  # what torchvision's and transformers' models call their output


def checked(
    answer: object,
    images: Tensor,
    truth: Truth,
    access: Access,
    name: str,
    ids: Sequence[str] | None,
) -> Tensor:
    """The answer as a tensor, if it is what was declared.

    Args:
        answer: tensor or array, or a mapping that holds one under ``"out"`` or ``"logits"``.
        images: (b, c, h, w) of the query.
        truth: what the answer should look like.
        access: what the answer was declared to be; ignored for image truths.
        name: of the target, for errors.
        ids: (b,) record ids, for errors.

    Returns:
        A copy on the CPU: float32 (b, K, h, w), or (b, 1, h, w) for a binary target that answers
        with one channel; int64 (b, h, w) labels; float32 (b, c, h, w) for image truths.

    Raises:
        InputError: not a tensor, of a wrong shape, not finite, or not what was declared.
    """
    asked = _Asked(name, images, ids)
    values = _as_tensor(answer, asked)
    if isinstance(truth, ImageTruth):
        values = asked.shaped(values, (truth.channels,))
        asked.range_of(values)
        return values
    if access is Access.LABEL:
        return _labels(values, truth, asked)
    values = asked.shaped(values, (truth.classes, 1) if truth.classes == 2 else (truth.classes,))
    low, high = asked.range_of(values)
    if access is Access.PROBABILITY:
        return _probabilities(values, low, high, asked)
    if _look_like_probabilities(values, low, high):
        if values.shape[1] == 1:
            whole = bool((values == values.round()).all())
            what, fits = ("labels", "label") if whole else ("probabilities", "probability")
            raise InputError(
                f"target {name!r} was declared to answer with logits, but the values of its one "
                f"channel look like {what} (all {'0 or 1' if whole else 'in 0..1'}): set "
                f"{setting('target.access')} to {fits}"
            )
        raise InputError(
            f"target {name!r} was declared to answer with logits, but its values look like "
            "probabilities (all in 0..1 and summing to one over the classes): set "
            f"{setting('target.access')} to probability"
        )
    return values


@dataclass(frozen=True)
class _Asked:
    """A query, which answers are compared with and errors refer to."""

    name: str
    images: Tensor
    ids: Sequence[str] | None

    def culprit(self, wrong: Tensor) -> str:
        """The first record with a True in ``wrong``, (b, ...) bool."""
        first = int(wrong.flatten(1).any(dim=1).int().argmax())
        if self.ids is None or first >= len(self.ids):
            return f"image {first} of the batch"
        return f"record {self.ids[first]!r}"

    def shaped(self, values: Tensor, channels: tuple[int, ...]) -> Tensor:
        """(b, k, h, w) float32 with k one of ``channels``; (b, h, w) is taken as k = 1."""
        b, _, h, w = self.images.shape
        expected = [(b, k, h, w) for k in channels]
        if values.shape == (b, h, w) and 1 in channels:
            values = values[:, None]
        if tuple(values.shape) not in expected:
            raise self.wrong_shape(values, expected)
        return values

    def wrong_shape(self, values: Tensor, expected: Sequence[tuple[int, ...]]) -> InputError:
        b, _, h, w = self.images.shape
        got = tuple(values.shape)
        wanted = " or ".join(str(shape) for shape in expected)
        if not got or got[0] != b:
            hint = f"one answer for each of the {b} images, in their order, is needed"
        elif len(got) == 4 and got[1:3] == (h, w):
            hint = "channels must come before height and width: permute it to (b, channels, h, w)"
        elif got[-2:] != (h, w):
            hint = f"an answer must have the image's height and width, {h} x {w}: resize it"
        else:
            hint = "the number of channels must match the declared truth and access"
        first = f" for {self.ids[0]!r} and those after it" if self.ids else ""
        return InputError(
            f"target {self.name!r} answered with shape {got}{first}, expected {wanted}; {hint}"
        )

    def range_of(self, values: Tensor) -> tuple[float, float]:
        """Lowest and highest value; raises where one is NaN or infinite."""
        lowest, highest = torch.aminmax(values)
        low, high = float(lowest), float(highest)
        if math.isfinite(low) and math.isfinite(high):
            return low, high
        what = "NaN" if math.isnan(low) else "an infinite value"
        raise InputError(
            f"target {self.name!r} answered with {what} on {self.culprit(~values.isfinite())}; "
            "every value must be finite"
        )


def plain_array(answer: object) -> object:
    """Another framework's array (JAX, TensorFlow, Keras, CuPy) as numpy's; all else as it is."""
    if isinstance(answer, Tensor | np.ndarray | Mapping | Sequence):
        return answer
    if hasattr(answer, "__array__"):
        return np.asarray(answer)
    return dlpack.from_dlpack(answer) if hasattr(answer, "__dlpack__") else answer


def _as_tensor(answer: object, asked: _Asked) -> Tensor:
    if isinstance(answer, Mapping):
        found = [key for key in _KEYS if key in answer]
        if not found:
            raise InputError(
                f"target {asked.name!r} answered with a mapping of "
                f"{', '.join(map(repr, list(answer)[:5])) or 'nothing'}; the prediction must be "
                f"under {' or '.join(map(repr, _KEYS))}, or be named with "
                f"{setting('target.output.key')}"
            )
        answer = answer[found[0]]
    answer = plain_array(answer)
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "fiub":
        answer = torch.from_numpy(answer.astype(np.float64 if answer.dtype.kind == "f" else int))
    if not isinstance(answer, Tensor) or answer.is_complex() or answer.is_sparse:
        what = type(answer).__name__
        if isinstance(answer, (Tensor, np.ndarray)):
            what = f"{what} of {answer.dtype}"
        raise InputError(
            f"target {asked.name!r} answered with {what}; a dense tensor or numpy array of "
            f"numbers is needed, or a mapping with one under {' or '.join(map(repr, _KEYS))}"
            + (
                f"; say which of its entries with {setting('target.output.index')}"
                if isinstance(answer, list | tuple)
                else ""
            )
        )
    # A copy in any case: a target may hand out a buffer that its next answer overwrites, and a
    # tensor made in inference mode could not be trained on.
    return answer.detach().to(device="cpu", dtype=torch.float32, copy=True)


def _probabilities(values: Tensor, low: float, high: float, asked: _Asked) -> Tensor:
    if low < -RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
        outside = (values < -RANGE_TOLERANCE) | (values > 1 + RANGE_TOLERANCE)
        if low >= 0 and high <= 255 and bool((values == values.round()).all()):
            raise InputError(
                f"target {asked.name!r} was declared to answer with probabilities, but on "
                f"{asked.culprit(outside)} its values are whole numbers in {low:.4g}..{high:.4g}; "
                f"these look like bytes: set {setting('target.output.range')} to [0, 255]"
            )
        raise InputError(
            f"target {asked.name!r} was declared to answer with probabilities, but on "
            f"{asked.culprit(outside)} its values lie in {low:.4g}..{high:.4g}; these look like "
            f"logits: set {setting('target.access')} to logit, or apply a softmax (one channel: a "
            "sigmoid)"
        )
    if values.shape[1] > 1:
        lowest, highest = torch.aminmax(values.sum(dim=1))
        if max(1 - float(lowest), float(highest) - 1) > SUM_TOLERANCE:
            off = (values.sum(dim=1) - 1).abs() > SUM_TOLERANCE
            worst = float(highest if float(highest) - 1 > 1 - float(lowest) else lowest)
            raise InputError(
                f"target {asked.name!r} was declared to answer with probabilities, but on "
                f"{asked.culprit(off)} they do not sum to one over the {values.shape[1]} classes "
                f"(sum {worst:.4g}); apply a softmax over the classes, not a sigmoid"
            )
    return values.clamp_(0, 1) if low < 0 or high > 1 else values


def _look_like_probabilities(values: Tensor, low: float, high: float) -> bool:
    if low < 0 or high > 1:
        return False
    if values.shape[1] == 1:
        # One channel has no sum to tell by: only values that fill the whole range count, since
        # an untrained network's logits may all be small and positive.
        return low < 0.1 and high > 0.9
    lowest, highest = torch.aminmax(values.sum(dim=1))
    return max(1 - float(lowest), float(highest) - 1) <= SUM_TOLERANCE


def _labels(values: Tensor, truth: LabelTruth, asked: _Asked) -> Tensor:
    b, _, h, w = asked.images.shape
    if values.shape == (b, 1, h, w):
        values = values[:, 0]
    if tuple(values.shape) != (b, h, w):
        raise asked.wrong_shape(values, [(b, h, w)])
    low, high = asked.range_of(values)
    labels = values.long()
    if not torch.equal(labels.float(), values):
        raise InputError(
            f"target {asked.name!r} was declared to answer with labels, but its values on "
            f"{asked.culprit(labels != values)} are not whole numbers; take the argmax over the "
            f"classes, or set {setting('target.access')} to probability or logit"
        )
    if low < 0 or high >= truth.classes:
        outside = (labels < 0) | (labels >= truth.classes)
        cure = ""
        if truth.classes == 2 and bool(((labels == 0) | (labels == 255)).all()):
            cure = f"; of masks of 0 and 255, set {setting('target.output.range')} to [0, 255]"
        raise InputError(
            f"target {asked.name!r} answered with label {int(labels[outside][0])} on "
            f"{asked.culprit(outside)}, which is none of the {truth.classes} classes "
            f"(0..{truth.classes - 1}){cure}"
        )
    return labels
