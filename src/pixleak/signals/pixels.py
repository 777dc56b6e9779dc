"""What one query says about every pixel: the shared, lazily computed views that signals reduce.

All signals of a batch read the same :class:`Pixels`, so each exponential and each logarithm is
taken once. Everything derives from the true-class margin::

    phi_j  = log p_y - log sum_{c != y} p_c          nat, clipped to [-15, 15]
    p_true = 1 / (1 + exp(-phi_j))
    l_j    = -log p_true = log(1 + exp(-phi_j))      nat, hence always finite

For a binary target the margin is plus or minus the logit difference, and the K-channel maps
are never formed.

Nothing here depends on which records share a batch: sums run within a record, in float64.

Strata are class x border band. The distance of a pixel to the nearest label edge is the
Chebyshev distance (the larger of the row and the column offset) to the nearest valid pixel of
another class, so that the pixels right at an edge have distance 1. Chebyshev rather than
Euclid because "within r" then is "the largest and the smallest label of the surrounding square
differ", which separable running maxima answer for the whole batch; the two distances differ by
at most a factor of 1.41. Ignored pixels form no edge, and neither does the image's frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pixleak.errors import InputError, UnmetNeedError
from pixleak.signals.bands import BANDS, border_bands
from pixleak.targets.base import Prediction
from pixleak.types import Access, Floats, LabelTruth

CLIP = 15.0
"""Margins are clipped to +-CLIP nat: one pixel of a broken model cannot carry a whole record."""

Counts = NDArray[np.int64]


class Pixels:
    """Per-pixel views of b records, each computed when first asked for.

    Maps are (b, h, w) and hold a finite but meaningless number at ignored pixels; reduce them
    with :meth:`mean`, :meth:`stratum_sums` or :meth:`worst_mean`, which leave those out.

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
        low, high = (int(edge) for edge in torch.aminmax(self.labels))
        if low < 0 or high >= kind.classes:
            wrong = ((self.labels < 0) | (self.labels >= kind.classes)).flatten(1)
            record = int(wrong.any(dim=1).nonzero()[0])
            ignored = "" if kind.ignore is None else f" or {kind.ignore} (ignored)"
            raise InputError(
                f"the truth of record {self.ids[record]!r} holds the label "
                f"{int(self.labels[record].flatten()[wrong[record]][0])}, "
                f"expected 0..{kind.classes - 1}{ignored}"
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
    def _stratum_index(self) -> NDArray[np.int64]:
        # One flat bin a record, class and band, and a last one a record for ignored pixels.
        bins = self.truth_kind.classes * len(BANDS) + 1
        index = border_bands(self.labels, self.valid).to(torch.int64)
        index += self.labels * len(BANDS)
        if self.valid is not None:
            index.masked_fill_(~self.valid, bins - 1)
        index += torch.arange(0, len(index) * bins, bins)[:, None, None]
        return np.asarray(index.view(-1).numpy(), dtype=np.int64)

    @cached_property
    def stratum_count(self) -> Counts:
        """(b, K, 3) number of valid pixels by class and border band."""
        return np.asarray(self._bin(None), dtype=np.int64)

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

    # ---- reductions ----------------------------------------------------------------------

    def _bin(self, weights: NDArray[np.float32] | None) -> Floats | Counts:
        bins = self.truth_kind.classes * len(BANDS) + 1
        size = len(self.truths) * bins
        sums: Floats | Counts = np.bincount(self._stratum_index, weights, minlength=size)
        by_record = sums.reshape(len(self.truths), bins)[:, :-1]
        return by_record.reshape(len(self.truths), self.truth_kind.classes, len(BANDS))

    def stratum_sums(self, values: Tensor) -> Floats:
        """(b, K, 3) sums of a (b, h, w) map by true class and border band, one pass for all."""
        return np.asarray(self._bin(values.reshape(-1).numpy()), dtype=np.float64)

    def mean(self, values: Tensor) -> Floats:
        """(b,) mean of a (b, h, w) map over the valid pixels of each record."""
        if self.valid is not None:
            values = values * self.valid
        sums = values.flatten(1).sum(dim=1, dtype=torch.float64).numpy()
        return np.asarray(sums / self.pixel_count)

    def worst_mean(self, values: Tensor, share: float) -> Floats:
        """(b,) mean of the largest ``share`` of each record's valid pixels (at least one).

        Args:
            values: (b, h, w).
            share: in (0, 1]; the number of pixels is rounded up.
        """
        rows = values.flatten(1).numpy()
        means = np.empty(len(rows))
        for i, row in enumerate(rows):
            kept = row if self.valid is None else row[self.valid[i].flatten().numpy()]
            # Less a hair, so that 10 % of 50 pixels, which is 5.000...01, stays 5.
            count = max(1, int(np.ceil(share * len(kept) - 1e-9)))
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
            return self.foreground_margin * self.labels.float().mul_(2.0).sub_(1.0)
        true = self.probabilities.gather(1, self.labels.unsqueeze(1)).squeeze(1)
        return (true.log() - self._others.sum(dim=1).log()).clamp_(-CLIP, CLIP)

    @cached_property
    def _odds_against(self) -> Tensor:
        # (b, h, w) exp(-phi) = (1 - p_true) / p_true; at most exp(15), so float32 holds it.
        return self.margin.neg().exp_()

    @cached_property
    def cross_entropy(self) -> Tensor:
        """(b, h, w) loss -log p_true = softplus(-phi), nat."""
        return self._odds_against.log1p()

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
        others = self._others.clamp(max=1.0 - float(np.exp(-CLIP)))
        return own.sub_((others * torch.log1p(-others)).sum(dim=1))

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

    @cached_property
    def cross_entropy_sums(self) -> Floats:
        """(b, K, 3) cross-entropy summed by class and band, nat."""
        return self.stratum_sums(self.cross_entropy)

    @cached_property
    def margin_sums(self) -> Floats:
        """(b, K, 3) margin summed by class and band, nat."""
        return self.stratum_sums(self.margin)

    @cached_property
    def overlap(self) -> Floats:
        """(b, K) soft intersection: sum over pixels of p_c y_c."""
        return np.asarray(self.stratum_sums(self.p_true).sum(axis=2))

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
        """(b, h, w) int64 labels predicted; ties go to the lowest class."""
        if self.prediction.access is Access.LABEL:
            return self.prediction.values
        if self.binary:
            return (self.foreground_margin > 0).to(torch.int64)
        return self.prediction.values.argmax(dim=1)

    @cached_property
    def confusion(self) -> Counts:
        """(b, K, K) number of valid pixels by true class and predicted class."""
        k = self.truth_kind.classes
        bins = k * k + 1
        index = self.labels * k + self.predicted_labels
        if self.valid is not None:
            index.masked_fill_(~self.valid, bins - 1)
        index += torch.arange(0, len(index) * bins, bins)[:, None, None]
        counts = np.bincount(index.view(-1).numpy(), minlength=len(index) * bins)
        return counts.reshape(-1, bins)[:, :-1].reshape(-1, k, k)

    @cached_property
    def truth_one_hot(self) -> Tensor:
        """(b, K, h, w) float32 one-hot truth; all zero at ignored pixels."""
        hot = functional.one_hot(self.labels, self.truth_kind.classes)
        if self.valid is not None:
            hot = hot * self.valid.unsqueeze(3)
        return hot.permute(0, 3, 1, 2).to(torch.float32)
