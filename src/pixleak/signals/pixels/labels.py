"""What one query says about every pixel of a batch, and the sums that signals are made of.

All signals of a batch read the same :class:`Pixels`. What many signals need (``QUANTITIES``) is
summed by stratum in one pass, in blocks of records that fit the cache. Nothing here depends on
which records share a batch: every sum runs within one record.

Strata are class x border band. The distance of a pixel to the nearest label edge is the
Chebyshev distance (the larger of the row and the column offset) to the nearest valid pixel of
another class, so that the pixels right at an edge have distance 1. Chebyshev rather than
Euclid because "within r" then is "the surrounding square holds two labels", which a few shifts
of the whole batch answer; the two distances differ by at most a factor of 1.41. Ignored pixels
form no edge, and neither does the image's frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats
from pixleak.core.truth import LabelTruth
from pixleak.signals.pixels.bands import BANDS, Small, border_bands
from pixleak.signals.pixels.per_pixel import PerPixel
from pixleak.targets.base import Prediction

BLOCK = 2**16
"""Pixels worked on at once: few enough to stay in the cache between one map and the next."""

QUANTITIES = (
    "cross_entropy",
    "squared_cross_entropy",
    "margin",
    "p_true",
    "confidence",
    "entropy",
    "modified_entropy",
    "right",
)
"""Maps that one pass sums by class and border band; with hard labels, only ``right``."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Sums:
    """What the one pass over the pixels leaves.

    Args:
        sums: (b, 1 + q, K, 3): pixel counts and sums of the quantities.
        losses: (b', h, w) loss maps that together are the batch's.
    """

    sums: Floats
    losses: list[Tensor]


class Pixels(PerPixel):
    """Per-pixel views of b records, and their sums.

    Maps are (b, h, w) and hold a finite but meaningless number at ignored pixels; reduce them
    with :meth:`mean_of`, which leaves those out, or, for ``QUANTITIES``, with :meth:`sums` and
    :meth:`mean`.

    Args:
        prediction: the target's answer on the b images.
        truths: (b, h, w) int64 labels.
        truth_kind: what the labels mean.
        ids: (b,) record ids, to name the culprit in errors.
        images: (b, c, h, w) that were asked about, where known.
        ask: asks the same target about other images, where it can be asked.

    Raises:
        InputError: shapes do not fit, a label is outside the classes, or every pixel of a
            record is ignored.
    """

    def __init__(
        self,
        prediction: Prediction,
        truths: Tensor,
        truth_kind: LabelTruth,
        ids: Sequence[str] | None = None,
        images: Tensor | None = None,
        ask: Callable[[Tensor], Prediction] | None = None,
    ) -> None:
        super().__init__(prediction, truths, truth_kind)
        self.images = images
        self._ask = ask
        self.ids = tuple(ids) if ids is not None else tuple(str(i) for i in range(len(truths)))
        if truths.ndim != 3:
            raise InputError(f"truths must be (b, h, w) labels, got shape {tuple(truths.shape)}")
        got = prediction.values.shape
        size = (len(truths), *truths.shape[1:])
        if prediction.access is Access.LABEL:
            fits = tuple(got) == size
        else:
            fits = len(got) == 4 and (got[0], *got[2:]) == size
            fits = fits and (got[1] == truth_kind.classes or (got[1] == 1 and self.binary))
        if not fits:
            raise InputError(
                f"a {prediction.access} prediction of shape {tuple(got)} does not fit "
                f"{truth_kind.classes} classes and truths of shape {size}"
            )
        self._check_labels()

    def _check_labels(self) -> None:
        kind = self.truth_kind
        labels = self.labels.numpy()
        if labels.view(np.uint64).max() >= kind.classes:  # a negative label is a huge one here
            wrong = (labels < 0) | (labels >= kind.classes)
            record = int(wrong.any(axis=(1, 2)).argmax())
            ignored = "" if kind.ignore is None else f" or {kind.ignore} (ignored)"
            raise InputError(
                f"the truth of record {self.ids[record]!r} holds the label "
                f"{labels[record][wrong[record]][0]}, expected 0..{kind.classes - 1}{ignored}"
            )
        if self.valid is not None and (empty := self.pixel_count == 0).any():
            record = int(empty.argmax())
            raise InputError(
                f"every pixel of record {self.ids[record]!r} is ignored (label {kind.ignore}), "
                "so nothing can be measured on it; leave the record out"
            )

    @cached_property
    def pixel_count(self) -> Counts:
        """(b,) number of valid pixels."""
        if self.valid is None:
            return np.full(len(self.truths), self.truths[0].numel(), dtype=np.int64)
        return np.asarray(self.valid.sum(dim=(1, 2)).numpy(), dtype=np.int64)

    # ---- further queries -----------------------------------------------------------------

    @property
    def asked_about(self) -> Tensor:
        """(b, c, h, w) images that were asked about.

        Raises:
            InputError: they are not known here.
        """
        if self.images is None:
            raise InputError("the images are not known here: measure on the records themselves")
        return self.images

    def ask(self, images: Tensor) -> Prediction:
        """The target's answer, of the same access, on one other image of each record.

        Args:
            images: (b, c, h, w).

        Raises:
            InputError: the target cannot be asked here, or its answer cannot be used.
        """
        if self._ask is None:
            raise InputError("stored answers cannot be asked again: measure on the target itself")
        return self._ask(images)

    def labels_on(self, images: Tensor) -> Tensor:
        """(b, h, w) int64 labels predicted on one other image of each record."""
        answer = PerPixel(self.ask(images), self.truths, self.truth_kind)
        return answer.predicted_labels.to(torch.int64)

    # ---- strata --------------------------------------------------------------------------

    @cached_property
    def bands(self) -> NDArray[np.uint8]:
        """(b, h, w) border band of every pixel, an index into ``BANDS``."""
        valid = None if self.valid is None else self.valid.numpy()
        return border_bands(self.small_labels, valid)

    @property
    def _strata(self) -> Small:
        # (b, n) class * 3 + band, or one more than there are, which no indicator matches
        strata = self.small_labels * self.small_labels.dtype.type(len(BANDS)) + self.bands
        if self.valid is not None:
            strata[~self.valid.numpy()] = self.truth_kind.classes * len(BANDS)
        return strata.reshape(len(strata), -1)

    @cached_property
    def _pass(self) -> _Sums:
        """The one pass: a product of maps (1 + q, n) with indicators (n, 3 K), one per record."""
        strata = self._strata
        b, n = strata.shape
        every = np.arange(self.truth_kind.classes * len(BANDS), dtype=strata.dtype)[:, None]
        size, width = max(1, BLOCK // n), min(n, BLOCK)
        # Two buffers for one record's maps, the first of which counts, and indicators.
        rows = np.ones((1 + len(self._summed), width), dtype=np.float32)
        inside = np.empty((len(every), width), dtype=np.float32)
        # The product is torch's, which keeps to torch's number of threads; numpy's would not.
        left, right = torch.from_numpy(rows), torch.from_numpy(inside).T
        sums = np.zeros((b, len(rows), len(every)))
        losses = []
        for start in range(0, b, size):
            block = self._block(slice(start, start + size))
            maps = [getattr(block, name).view(-1, n).numpy() for name in self._summed]
            for i in range(len(maps[0])):
                for first in range(0, n, width):
                    hit = strata[start + i, first : first + width] == every
                    part = slice(0, hit.shape[1])
                    inside[:, part] = hit
                    for row, values in zip(rows[1:], maps, strict=True):
                        row[part] = values[i, first : first + width]
                    sums[start + i] += torch.mm(left[:, part], right[part]).numpy()
            if self.prediction.access is not Access.LABEL:
                losses.append(block.cross_entropy)
            del maps  # so that the next block is computed in the same, cached, memory
        by_stratum = sums.reshape(b, -1, self.truth_kind.classes, len(BANDS))
        return _Sums(by_stratum, losses)

    def _block(self, rows: slice) -> PerPixel:
        if rows.start == 0 and rows.stop >= len(self.truths):
            return self
        answer = Prediction(self.prediction.access, self.prediction.values[rows])
        block = PerPixel(answer, self.truths[rows], self.truth_kind)
        block.small_labels = self.small_labels[rows]
        block.valid = None if self.valid is None else self.valid[rows]
        return block

    @property
    def _summed(self) -> tuple[str, ...]:
        return ("right",) if self.prediction.access is Access.LABEL else QUANTITIES

    # ---- reductions ----------------------------------------------------------------------

    def sums(self, quantity: str) -> Floats:
        """(b, K, 3) sums of one of ``QUANTITIES`` by true class and border band."""
        return np.asarray(self._pass.sums[:, 1 + self._summed.index(quantity)])

    def mean(self, quantity: str) -> Floats:
        """(b,) mean of one of ``QUANTITIES`` over the valid pixels of each record."""
        return np.asarray(self.sums(quantity).sum(axis=(1, 2)) / self.pixel_count)

    @cached_property
    def stratum_count(self) -> Counts:
        """(b, K, 3) number of valid pixels by class and border band."""
        return self._pass.sums[:, 0].astype(np.int64)

    @cached_property
    def class_count(self) -> Counts:
        """(b, K) number of valid pixels by true class."""
        return np.asarray(self.stratum_count.sum(axis=2))

    @cached_property
    def foreground(self) -> NDArray[np.bool_]:
        """(b, K) whether the class is a foreground class and present in the truth."""
        present = self.class_count > 0
        if self.truth_kind.background is not None:
            present[:, self.truth_kind.background] = False
        return present

    def mean_of(self, values: Tensor) -> Floats:
        """(b,) mean of any (b, h, w) map over the valid pixels of each record."""
        if self.valid is not None:
            values = torch.where(self.valid, values, 0.0)
        sums = values.flatten(1).sum(dim=1, dtype=torch.float64).numpy()
        return np.asarray(sums / self.pixel_count)

    def worst_loss(self, share: float) -> Floats:
        """(b,) mean of the largest ``share`` of each record's valid losses, nat/pixel.

        Args:
            share: in (0, 1]; the number of pixels is rounded up, hence at least one.
        """
        means = []
        for losses in self._pass.losses:
            rows = losses.flatten(1).numpy()
            if self.valid is None:
                means.append(_worst_mean(rows, share))
                continue
            kept = self.valid[len(means) : len(means) + len(rows)].flatten(1).numpy()
            means += [_worst_mean(row[None, k], share) for row, k in zip(rows, kept, strict=True)]
        return np.concatenate(means)

    @property
    def overlap(self) -> Floats:
        """(b, K) soft intersection: sum over pixels of p_c y_c."""
        return np.asarray(self.sums("p_true").sum(axis=2))

    @cached_property
    def predicted_mass(self) -> Floats:
        """(b, K) sum over valid pixels of p_c."""
        if self.binary:  # what a class is given: its own pixels' p, and the other's 1 - p
            return np.asarray(self.overlap + (self.class_count - self.overlap)[:, ::-1])
        p = self.probabilities
        if self.valid is not None:
            p = p * self.valid.unsqueeze(1)
        return np.asarray(p.sum(dim=(2, 3), dtype=torch.float64).numpy())

    @cached_property
    def predicted_count(self) -> Counts:
        """(b, K) number of valid pixels by predicted class."""
        k = self.truth_kind.classes
        if self.binary:
            right = self.sums("right").sum(axis=2).astype(np.int64)
            return np.asarray(right + (self.class_count - right)[:, ::-1])
        labels = self.predicted_labels.numpy()
        kept = [
            row if self.valid is None else row[self.valid[i].numpy()]
            for i, row in enumerate(labels)
        ]
        return np.stack([np.bincount(row.reshape(-1), minlength=k) for row in kept])

    @cached_property
    def as_predicted(self) -> Pixels:
        """The same answers with the predicted labels as truth: what a prediction alone shows.

        Its margin is that of the predicted class, its cross-entropy minus the log confidence,
        its strata those of the predicted mask. Ignored pixels stay ignored.
        """
        labels = self.predicted_labels.to(torch.int64)
        if self.valid is not None:
            labels = torch.where(self.valid, labels, self.truths)
        return Pixels(self.prediction, labels, self.truth_kind, self.ids)


def _worst_mean(rows: NDArray[np.float32], share: float) -> Floats:
    """(r,) mean of the largest ``share`` of each of r rows."""
    length = rows.shape[1]
    # Slightly reduced, so that 10 % of 50 pixels, which is 5.000...01, stays 5.
    count = int(np.ceil(share * length - 1e-9))
    worst = np.partition(rows, length - count, axis=1)[:, length - count :]
    return np.asarray(worst.mean(axis=1), dtype=np.float64)
