"""What one query of a generator says about every pixel of a batch.

All signals of a batch read the same :class:`ImagePixels`; each map is computed when first asked
for. Errors are in units of the image's range, so that 1 is the distance from black to white. No
number here depends on which records share a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import Floats
from pixleak.core.truth import ImageTruth
from pixleak.targets.base import Prediction

SMALLEST = 1e-5
"""Lower bound of errors whose logarithm is taken: an output equal to the truth would have an
infinite one. Half a grey level of 8 bits is two hundred times as much."""

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5

DETAIL = ("smooth", "middling", "detailed")
"""Thirds of each record's pixels, by how much the true image changes around them."""


class ImagePixels:
    """Per-pixel views of b outputs against their true images.

    Args:
        prediction: the target's answer on the b inputs.
        truths: (b, c, h, w) true images.
        truth_kind: their channels and range.
        ids: (b,) record ids, to name the culprit in errors.
        images: (b, c', h, w) inputs, where known.
        judge: returns the discriminator's (b,) logits for (inputs, true images), where there is
            one.
        samples: (n, b, c, h, w) answers of a generator that samples, the first of them
            ``prediction``; None where it was asked once.

    Raises:
        InputError: shapes do not fit.
    """

    def __init__(
        self,
        prediction: Prediction,
        truths: Tensor,
        truth_kind: ImageTruth,
        ids: Sequence[str] | None = None,
        *,
        images: Tensor | None = None,
        judge: Callable[[], Tensor] | None = None,
        samples: Tensor | None = None,
    ) -> None:
        self.prediction = prediction
        self.truths = truths
        self.truth_kind = truth_kind
        self.ids = tuple(ids) if ids is not None else tuple(str(i) for i in range(len(truths)))
        self.images = images
        self._judge = judge
        self._samples = samples
        if truths.ndim != 4 or truths.shape[1] != truth_kind.channels:
            raise InputError(
                f"true images must be (b, {truth_kind.channels}, h, w), got shape "
                f"{tuple(truths.shape)}"
            )
        if prediction.values.shape != truths.shape:
            raise InputError(
                f"outputs of shape {tuple(prediction.values.shape)} do not fit true images of "
                f"shape {tuple(truths.shape)}"
            )

    @property
    def span(self) -> float:
        """From the darkest to the brightest value that a true image may have."""
        return self.truth_kind.high - self.truth_kind.low

    # ---- errors --------------------------------------------------------------------------

    @cached_property
    def residual(self) -> Tensor:
        """(b, c, h, w) output minus truth, in units of the range."""
        return (self.prediction.values - self.truths) / self.span

    @cached_property
    def absolute_error(self) -> Tensor:
        """(b, h, w) mean over the channels of |output - truth|, in units of the range."""
        return self.residual.abs().mean(dim=1)

    @cached_property
    def squared_error(self) -> Tensor:
        """(b, h, w) mean over the channels of (output - truth)^2, in units of the range squared."""
        return self.residual.square().mean(dim=1)

    @cached_property
    def structure_error(self) -> Tensor:
        """(b, h', w') mean over the channels of 1 - SSIM, wherever the window fits the image."""
        from monai.metrics.regression import compute_ssim_and_cs

        height, width = self.truths.shape[-2:]
        window = min(SSIM_WINDOW, height, width)
        ssim, _ = compute_ssim_and_cs(
            self.prediction.values,
            self.truths,
            spatial_dims=2,
            kernel_size=(window, window),
            kernel_sigma=(SSIM_SIGMA, SSIM_SIGMA),
            data_range=self.span,
        )
        error: Tensor = 1 - ssim.mean(dim=1)
        return error

    @cached_property
    def coarse_residual(self) -> Tensor:
        """(b, c, h', w') the residual averaged over squares of an eighth of the shorter side."""
        side = max(1, min(self.residual.shape[-2:]) // 8)
        return functional.avg_pool2d(self.residual, side, ceil_mode=True)

    @cached_property
    def fine_error(self) -> Tensor:
        """(b, h, w) mean |residual - its coarse part|: the error apart from colour and shade."""
        coarse = functional.interpolate(self.coarse_residual, size=self.residual.shape[-2:])
        return (self.residual - coarse).abs().mean(dim=1)

    # ---- strata --------------------------------------------------------------------------

    @cached_property
    def detail(self) -> Tensor:
        """(b, h, w) int64 index into ``DETAIL``: thirds of each record's own pixels."""
        across, down = changes(self.truths)
        change = across.abs().sum(dim=1) + down.abs().sum(dim=1)
        # Averaged over a 5 x 5 square, so that a third is a region and not single pixels.
        smooth = functional.avg_pool2d(change[:, None], 5, 1, 2, count_include_pad=False)[:, 0]
        rows = smooth.flatten(1)
        # By rank, ties by position: every third has pixels, in a constant image too.
        ranks = torch.empty_like(rows, dtype=torch.int64)
        order = rows.argsort(dim=1, stable=True)
        ranks.scatter_(1, order, torch.arange(rows.shape[1]).expand_as(order).contiguous())
        return (ranks * len(DETAIL) // rows.shape[1]).view_as(change)

    # ---- likeness ------------------------------------------------------------------------

    @cached_property
    def correlation(self) -> Floats:
        """(b,) correlation of output and truth over pixels, each channel about its mean."""
        return _correlation(self.prediction.values, self.truths)

    @cached_property
    def change_correlation(self) -> Floats:
        """(b,) correlation of the differences of neighbouring pixels of output and truth."""
        ours = torch.cat([x.flatten(2) for x in changes(self.prediction.values)], dim=2)
        true = torch.cat([x.flatten(2) for x in changes(self.truths)], dim=2)
        return _correlation(ours, true)

    # ---- beyond one answer -----------------------------------------------------------------

    @cached_property
    def realness(self) -> Floats:
        """(b,) the discriminator's mean logit of "real" for the true image.

        Raises:
            UnmetNeedError: there is no discriminator.
        """
        if self._judge is None:
            raise UnmetNeedError("the target gives no discriminator to ask")
        return np.asarray(self._judge().numpy(), dtype=np.float64)

    @cached_property
    def sample_errors(self) -> Floats:
        """(n, b) mean absolute error of every sample, in units of the range.

        Raises:
            UnmetNeedError: the target was asked once.
        """
        if self._samples is None:
            raise UnmetNeedError("the target was asked once; several samples are needed")
        errors = ((self._samples - self.truths).abs() / self.span).flatten(2).double().mean(dim=2)
        return np.asarray(errors.numpy())

    # ---- reductions ------------------------------------------------------------------------

    def mean_of(self, values: Tensor) -> Floats:
        """(b,) mean of any map over the pixels of each record."""
        return np.asarray(values.flatten(1).double().mean(dim=1).numpy())

    def means_by_detail(self, values: Tensor) -> Floats:
        """(b, 3) mean of a (b, h, w) map over each of ``DETAIL``."""
        of = self.detail.flatten(1)
        flat = values.flatten(1).double()
        sums = torch.zeros(len(flat), len(DETAIL), dtype=torch.float64).scatter_add_(1, of, flat)
        counts = torch.zeros_like(sums).scatter_add_(1, of, torch.ones_like(flat))
        return np.asarray((sums / counts.clamp(min=1)).numpy())

    def worst(self, values: Tensor, share: float) -> Floats:
        """(b,) mean of the largest ``share`` of each record's values, at least one of them."""
        flat = values.flatten(1)
        count = max(1, int(np.ceil(share * flat.shape[1] - 1e-9)))
        return np.asarray(flat.topk(count, dim=1).values.double().mean(dim=1).numpy())


def changes(images: Tensor) -> tuple[Tensor, Tensor]:
    """Differences to the right and the lower neighbour, (b, c, h, w); 0 at the far border."""
    across = functional.pad(images[..., :, 1:] - images[..., :, :-1], (0, 1, 0, 0))
    down = functional.pad(images[..., 1:, :] - images[..., :-1, :], (0, 0, 0, 1))
    return across, down


def _correlation(first: Tensor, second: Tensor) -> Floats:
    """(b,) over all channels and pixels, each channel about its own mean; 0 where one is flat."""
    a, b = first.flatten(2).double(), second.flatten(2).double()
    a, b = a - a.mean(dim=2, keepdim=True), b - b.mean(dim=2, keepdim=True)
    product = (a * b).sum(dim=(1, 2))
    size = (a.square().sum(dim=(1, 2)) * b.square().sum(dim=(1, 2))).sqrt()
    return np.asarray((product / size.clamp(min=1e-12)).numpy())
