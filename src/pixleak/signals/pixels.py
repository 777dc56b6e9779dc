"""What one query says about every pixel: the shared, lazily computed views that signals reduce.

All signals of a batch read the same :class:`Pixels`, so each exponential and each logarithm is
taken once. Everything derives from the true-class margin::

    phi_j  = log p_y - log sum_{c != y} p_c          nat, clipped to [-15, 15]
    p_true = 1 / (1 + exp(-phi_j))
    l_j    = -log p_true = log(1 + exp(-phi_j))      nat, hence always finite

For a binary target the margin is plus or minus the logit difference, and the K-channel maps
are never formed.

Nothing here depends on which records share a batch: every sum runs within one record.

Strata are class x border band. The distance of a pixel to the nearest label edge is the
Chebyshev distance (the larger of the row and the column offset) to the nearest valid pixel of
another class, so that the pixels right at an edge have distance 1. Chebyshev rather than
Euclid because "within r" then is "the largest and the smallest label of the surrounding square
differ", which separable running maxima answer for the whole batch; the two distances differ by
at most a factor of 1.41. Ignored pixels form no edge, and neither does the image's frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pixleak.errors import InputError, UnmetNeedError
from pixleak.signals.bands import BANDS, Small, border_bands
from pixleak.targets.base import Prediction
from pixleak.types import Access, Floats, LabelTruth

CLIP = 15.0
"""Margins are clipped to +-CLIP nat: one pixel of a broken model cannot carry a whole record."""

BLOCK = 2**15
"""Pixels worked on at once: few enough for a core's cache, which makes it three times as fast."""

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


class Pixels:
    """Per-pixel views of b records, each computed when first asked for.

    Maps are (b, h, w) and hold a finite but meaningless number at ignored pixels; reduce
    them with :meth:`mean_of`, which leaves those out. What signals commonly sum (``QUANTITIES``)
    is summed in one pass over blocks of records: :meth:`sums`, :meth:`mean`.

    Args:
        prediction: the target's answer on the b images.
        truths: (b, h, w) int64 labels.
        truth_kind: what the labels mean.
        ids: (b,) record ids, to name the culprit in errors.

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
    ) -> None:
        self.prediction = prediction
        self.truths = truths
        self.truth_kind = truth_kind
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
        if labels.min() < 0 or labels.max() >= kind.classes:
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

    # ---- where ---------------------------------------------------------------------------

    @property
    def binary(self) -> bool:
        """Whether there are two classes, which one margin describes completely."""
        return self.truth_kind.classes == 2

    @cached_property
    def valid(self) -> Tensor | None:
        """(b, h, w) bool, False at ignored pixels; None where every pixel counts."""
        if self.truth_kind.ignore is None:
            return None
        valid = self.truths != self.truth_kind.ignore
        return None if bool(valid.all()) else valid

    @cached_property
    def labels(self) -> Tensor:
        """(b, h, w) int64 true labels; 0 at ignored pixels, where they are never used."""
        return self.truths if self.valid is None else self.truths * self.valid

    @cached_property
    def pixel_count(self) -> Counts:
        """(b,) number of valid pixels."""
        if self.valid is None:
            return np.full(len(self.truths), self.truths[0].numel(), dtype=np.int64)
        return np.asarray(self.valid.sum(dim=(1, 2)).numpy(), dtype=np.int64)

    @cached_property
    def _small_labels(self) -> Small:
        # Integer passes are as fast as their type is small; three times a label must fit.
        labels = self.labels.numpy()
        return labels.astype(np.uint8) if self.truth_kind.classes <= 80 else labels.astype(np.int16)

    @cached_property
    def bands(self) -> NDArray[np.uint8]:
        """(b, h, w) border band of every pixel, an index into ``BANDS``."""
        valid = None if self.valid is None else self.valid.numpy()
        return border_bands(self._small_labels, valid)

    # ---- reductions ----------------------------------------------------------------------

    @cached_property
    def _pass(self) -> _Sums:
        """The one pass that sums every quantity by stratum.

        A product of (1 + q, n) maps with (3 K, n) indicators, one a record, so that a record's
        sums do not depend on its batch. In blocks that fit the cache, through two buffers.
        """
        n, codes = self.truths[0].numel(), self.truth_kind.classes * len(BANDS)
        sums = np.zeros((len(self.truths), 1 + len(self._summed), codes))
        rows = np.ones((sums.shape[1], min(n, BLOCK)), dtype=np.float32)
        inside = np.empty((codes, min(n, BLOCK)), dtype=np.float32)
        losses, record = [], 0
        for block in self._blocks():
            count = len(block.truths)
            maps = [getattr(block, name).numpy().reshape(count, n) for name in self._summed]
            stratum = block._strata
            every = np.arange(codes, dtype=stratum.dtype)[:, None]
            for i in range(count):
                for start in range(0, n, BLOCK):
                    pixels = slice(start, start + BLOCK)
                    width = len(stratum[i, pixels])
                    for row, values in enumerate(maps, start=1):
                        rows[row, :width] = values[i, pixels]
                    inside[:, :width] = stratum[i, pixels] == every
                    sums[record] += rows[:, :width] @ inside[:, :width].T
                record += 1
            if self.prediction.access is not Access.LABEL:
                losses.append(block.cross_entropy)
        by_stratum = sums.reshape(*sums.shape[:2], self.truth_kind.classes, len(BANDS))
        return _Sums(by_stratum, losses)

    def _blocks(self) -> Iterator[Pixels]:
        size = max(1, BLOCK // self.truths[0].numel())
        if size >= len(self.truths):
            yield self
            return
        for start in range(0, len(self.truths), size):
            rows = slice(start, start + size)
            values = Prediction(self.prediction.access, self.prediction.values[rows])
            block = object.__new__(Pixels)  # past the checks, which the whole has passed
            block.prediction, block.truths = values, self.truths[rows]
            block.truth_kind, block.ids = self.truth_kind, self.ids[rows]
            yield block

    @property
    def _summed(self) -> tuple[str, ...]:
        return ("right",) if self.prediction.access is Access.LABEL else QUANTITIES

    @property
    def _strata(self) -> Small:
        # (b, n) class * 3 + band, or one more than there are, which no indicator matches
        strata = self._small_labels * self._small_labels.dtype.type(len(BANDS)) + self.bands
        if self.valid is not None:
            strata[~self.valid.numpy()] = self.truth_kind.classes * len(BANDS)
        return strata.reshape(len(strata), -1)

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
        means = np.empty(len(self.truths))
        rows = (row for losses in self._pass.losses for row in losses.flatten(1).numpy())
        for i, row in enumerate(rows):
            kept = row if self.valid is None else row[self.valid[i].flatten().numpy()]
            # Less a hair, so that 10 % of 50 pixels, which is 5.000...01, stays 5.
            count = int(np.ceil(share * len(kept) - 1e-9))
            means[i] = np.partition(kept, len(kept) - count)[-count:].mean(dtype=np.float64)
        return means

    # ---- needs probabilities or logits ---------------------------------------------------

    @property
    def _soft_values(self) -> Tensor:
        if self.prediction.access is Access.LABEL:
            raise UnmetNeedError(
                "hard labels carry no probabilities; only signals of access 'label' can be measured"
            )
        return self.prediction.values

    @cached_property
    def foreground_margin(self) -> Tensor:
        """(b, h, w) log-odds of class 1 of a binary target, nat, clipped."""
        values = self._soft_values
        if self.prediction.access is Access.LOGIT:
            odds = values[:, 0] if values.shape[1] == 1 else values[:, 1] - values[:, 0]
        elif values.shape[1] == 1:
            odds = torch.logit(values[:, 0])
        else:
            odds = values[:, 1].log() - values[:, 0].log()
        return odds.clamp(-CLIP, CLIP)

    @cached_property
    def probabilities(self) -> Tensor:
        """(b, K, h, w) class probabilities."""
        if self.binary:
            return torch.sigmoid(self.log_odds)
        values = self._soft_values
        return values.softmax(dim=1) if self.prediction.access is Access.LOGIT else values

    @cached_property
    def log_odds(self) -> Tensor:
        """(b, K, h, w) log-odds of each class against all others, nat, clipped."""
        if self.binary:
            return torch.stack([-self.foreground_margin, self.foreground_margin], dim=1)
        return torch.logit(self.probabilities).clamp(-CLIP, CLIP)

    @cached_property
    def _others(self) -> Tensor:
        # (b, K, h, w) probabilities with the true class set to 0. Summing them keeps the
        # precision that 1 - p_y loses where the target is sure.
        return self.probabilities.scatter(1, self.labels.unsqueeze(1), 0.0)

    @cached_property
    def margin(self) -> Tensor:
        """(b, h, w) true-class margin phi, nat, clipped to [-15, 15]."""
        if self.binary:
            sign = torch.from_numpy(self._small_labels).to(torch.float32).mul_(2.0).sub_(1.0)
            return sign.mul_(self.foreground_margin)
        true = self.probabilities.gather(1, self.labels.unsqueeze(1)).squeeze(1)
        return (true.log() - self._others.sum(dim=1).log()).clamp_(-CLIP, CLIP)

    @cached_property
    def _odds_against(self) -> Tensor:
        # (b, h, w) exp(-phi) = (1 - p_true) / p_true; at most exp(15), so float32 holds it.
        return self.margin.neg().exp_()

    @cached_property
    def cross_entropy(self) -> Tensor:
        """(b, h, w) loss -log p_true = softplus(-phi), nat."""
        if "_pass" in self.__dict__:
            return torch.cat(self._pass.losses)
        return self._odds_against.log1p()

    @property
    def squared_cross_entropy(self) -> Tensor:
        """(b, h, w) squared loss, nat^2."""
        return self.cross_entropy.square()

    @cached_property
    def p_true(self) -> Tensor:
        """(b, h, w) probability given to the true class."""
        return self._odds_against.add(1.0).reciprocal_()

    @cached_property
    def error(self) -> Tensor:
        """(b, h, w) |p - y| = 1 - p_true: half the L1 distance of p from the one-hot truth."""
        return self._odds_against * self.p_true

    @cached_property
    def modified_entropy(self) -> Tensor:
        """(b, h, w) -(1 - p_y) log p_y - sum_{c != y} p_c log(1 - p_c), nat."""
        own = self.error * self.cross_entropy
        if self.binary:  # the one other class has log(1 - p_c) = log p_y
            return own.mul_(2.0)
        wrong = torch.log1p(-self._others).clamp_min_(-CLIP)
        return own.sub_((self._others * wrong).sum(dim=1))

    @cached_property
    def top_margin(self) -> Tensor:
        """(b, h, w) the predicted class' log-odds against all others, nat; knows no truth."""
        if self.binary:
            return self.foreground_margin.abs()
        top, where = self.probabilities.max(dim=1, keepdim=True)
        rest = self.probabilities.scatter(1, where, 0.0).sum(dim=1)
        return (top.squeeze(1).log() - rest.log()).clamp_(-CLIP, CLIP)

    @cached_property
    def confidence(self) -> Tensor:
        """(b, h, w) largest class probability; knows no truth."""
        if self.binary:
            return torch.maximum(self.p_true, self.error)
        return self.probabilities.amax(dim=1)

    @cached_property
    def entropy(self) -> Tensor:
        """(b, h, w) entropy of the class probabilities, nat; knows no truth."""
        if self.binary:  # H = -p log p - (1-p) log(1-p), with log(1-p) = -(loss + phi)
            return torch.addcmul(self.cross_entropy, self.error, self.margin)
        p = self.probabilities
        return -(p * p.clamp_min(torch.finfo(p.dtype).tiny).log()).sum(dim=1)

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

    # ---- hard labels: any access ---------------------------------------------------------

    @cached_property
    def predicted_labels(self) -> Tensor:
        """(b, h, w) labels predicted; ties go to the lowest class."""
        if self.prediction.access is Access.LABEL:
            return self.prediction.values
        if self.binary:
            return torch.from_numpy((self.foreground_margin.numpy() > 0).view(np.uint8))
        return self.prediction.values.argmax(dim=1)

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

    @cached_property
    def right(self) -> Tensor:
        """(b, h, w) 1.0 where the predicted label is the true one, else 0.0."""
        right = self.predicted_labels.numpy() == self._small_labels
        return torch.from_numpy(right.astype(np.float32))

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
    def truth_one_hot(self) -> Tensor:
        """(b, K, h, w) float32 one-hot truth; all zero at ignored pixels."""
        hot = functional.one_hot(self.labels, self.truth_kind.classes)
        if self.valid is not None:
            hot = hot * self.valid.unsqueeze(3)
        return hot.permute(0, 3, 1, 2).to(torch.float32)
