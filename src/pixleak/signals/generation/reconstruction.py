"""Reconstruction errors: how far a generator's output is from the true image.

Idea: a generator reproduces what it was trained on better than what it was not. Over the pixels j
of a record, with the residual e_j = output - truth in units of the image's range::

    l1-error      mean_j |e_j|                       range
    l2-error      mean_j e_j^2                       range^2
    ssim-error    1 - mean_j SSIM_j                  1
    log-l1-error  log mean_j |e_j|                   log(range)
    log-l2-error  log mean_j e_j^2                   log(range^2)
    worst-error   log of the mean of the largest tenth of |e_j|
    coarse-error  log of the mean |e| averaged over squares of an eighth of the image: colour, shade
    fine-error    log of the mean |e - its coarse part|: texture, edges

Logarithms do not change the ranking of records, but they are what reference models should
calibrate: errors of easy and hard records differ by a factor, not by an amount.

Source:
    Shafran, Peleg, Hoshen, "Membership Inference Attacks on Conditional Generative Models Using
    Image Difficulty", arXiv:2102.07762 (L1); SSIM: Wang, Bovik, Sheikh, Simoncelli, "Image
    quality assessment: from error visibility to structural similarity", TIP 2004 (by MONAI).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats, SignalInfo
from pixleak.core.truth import Truth
from pixleak.signals.base import OF_IMAGES, Columns
from pixleak.signals.generation.base import ImageSignal
from pixleak.signals.pixels.images import DETAIL, SMALLEST, ImagePixels

_SHAFRAN = "Shafran 2021, arXiv:2102.07762"


def logarithm(errors: Floats) -> Floats:
    """Finite logarithms of errors, see :data:`~pixleak.signals.pixels.images.SMALLEST`."""
    return np.asarray(np.log(np.maximum(errors, SMALLEST)))


@dataclass(frozen=True, kw_only=True)
class L1Error(ImageSignal):
    """Mean absolute error."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="l1-error",
        title="reconstruction error (L1)",
        unit="range",
        members_are="lower",
        access=Access.IMAGE,
        summary="mean absolute difference of output and true image",
        source=_SHAFRAN,
    )
    usual_at: ClassVar = OF_IMAGES
    rank: ClassVar = 40

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(pixels.mean_of(pixels.absolute_error))


@dataclass(frozen=True, kw_only=True)
class L2Error(ImageSignal):
    """Mean squared error."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="l2-error",
        title="reconstruction error (L2)",
        unit="range²",
        members_are="lower",
        access=Access.IMAGE,
        summary="mean squared difference of output and true image",
        source=_SHAFRAN,
    )
    usual_at: ClassVar = OF_IMAGES

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(pixels.mean_of(pixels.squared_error))


@dataclass(frozen=True, kw_only=True)
class SsimError(ImageSignal):
    """One minus the structural similarity."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="ssim-error",
        title="reconstruction error (1 - SSIM)",
        unit="1",
        members_are="lower",
        access=Access.IMAGE,
        summary="one minus the structural similarity of output and true image",
        source="Wang 2004, TIP",
    )
    usual_at: ClassVar = OF_IMAGES

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(pixels.mean_of(pixels.structure_error))


@dataclass(frozen=True, kw_only=True)
class LogL1Error(ImageSignal):
    """Logarithm of the mean absolute error."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="log-l1-error",
        title="log reconstruction error (L1)",
        unit="log(range)",
        members_are="lower",
        access=Access.IMAGE,
        summary="logarithm of the mean absolute error, for calibration by reference models",
        source="pixleak, after Shafran 2021",
    )

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(logarithm(pixels.mean_of(pixels.absolute_error)))


@dataclass(frozen=True, kw_only=True)
class LogL2Error(ImageSignal):
    """Logarithm of the mean squared error."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="log-l2-error",
        title="log reconstruction error (L2)",
        unit="log(range²)",
        members_are="lower",
        access=Access.IMAGE,
        summary="logarithm of the mean squared error, which weighs the worst pixels",
        source="pixleak, after Shafran 2021",
    )

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(logarithm(pixels.mean_of(pixels.squared_error)))


@dataclass(frozen=True, kw_only=True)
class WorstError(ImageSignal):
    """Logarithm of the mean of the largest errors.

    Args:
        share: of the pixels.
    """

    info: ClassVar[SignalInfo] = SignalInfo(
        name="worst-error",
        title="error of the worst pixels",
        unit="log(range)",
        members_are="lower",
        access=Access.IMAGE,
        summary="logarithm of the mean of the largest tenth of the pixels' errors",
        source="pixleak",
    )
    usual_at: ClassVar = OF_IMAGES

    share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"worst-error needs a share in (0, 1], got {self.share}")

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(logarithm(pixels.worst(pixels.absolute_error, self.share)))


@dataclass(frozen=True, kw_only=True)
class CoarseError(ImageSignal):
    """Logarithm of the error of averages over squares."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="coarse-error",
        title="error of colour and shade",
        unit="log(range)",
        members_are="lower",
        access=Access.IMAGE,
        summary="logarithm of the mean absolute error of averages over an eighth of the image",
        source="pixleak",
    )
    usual_at: ClassVar = OF_IMAGES

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(logarithm(pixels.mean_of(pixels.coarse_residual.abs().mean(dim=1))))


@dataclass(frozen=True, kw_only=True)
class FineError(ImageSignal):
    """Logarithm of the error that remains after averages over squares are subtracted."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="fine-error",
        title="error of texture and edges",
        unit="log(range)",
        members_are="lower",
        access=Access.IMAGE,
        summary="logarithm of the mean absolute error apart from that of colour and shade",
        source="pixleak",
    )
    usual_at: ClassVar = OF_IMAGES

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(logarithm(pixels.mean_of(pixels.fine_error)))


@dataclass(frozen=True, kw_only=True)
class ErrorByDetail(ImageSignal):
    """Logarithm of the mean absolute error by how detailed the true image is around a pixel."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="error-by-detail",
        unit="log(range)",
        members_are="lower",
        access=Access.IMAGE,
        summary="log error of the smooth, the middling and the detailed third of the pixels",
        source="pixleak",
    )

    def infos(self, truth: Truth) -> tuple[SignalInfo, ...]:
        return tuple(
            SignalInfo(
                name=f"error-of-{part}",
                title=f"error of {part} pixels",
                unit=self.info.unit,
                members_are="lower",
                access=Access.IMAGE,
                summary=f"log mean absolute error of the {part} third of the pixels",
                source="pixleak",
            )
            for part in DETAIL
        )

    def measure(self, pixels: ImagePixels) -> Columns:
        means = logarithm(pixels.means_by_detail(pixels.absolute_error))
        return Columns(means, np.ones(means.shape, dtype=np.bool_))
