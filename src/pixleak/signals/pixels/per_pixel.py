"""Per-pixel views of predictions against their truths, each computed when first asked for.

Everything derives from the true-class margin::

    phi_j  = log p_y - log sum_{c != y} p_c          nat, clipped to [-15, 15]
    p_true = 1 / (1 + exp(-phi_j))
    l_j    = -log p_true = log(1 + exp(-phi_j))      nat, hence always finite

so each exponential and each logarithm is taken once. For a binary target the margin is plus or
minus the logit difference, and the K-channel maps are never formed.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pixleak.core.access import Access
from pixleak.core.errors import UnmetNeedError
from pixleak.core.truth import LabelTruth
from pixleak.signals.pixels.bands import Small
from pixleak.targets.base import Prediction

CLIP = 15.0
"""Margins are clipped to +-CLIP nat: one pixel of a broken model cannot carry a whole record."""


class PerPixel:
    """Maps of b records; at ignored pixels they hold finite but meaningless numbers.

    Args:
        prediction: the target's answer on the b images.
        truths: (b, h, w) int64 labels.
        truth_kind: what the labels mean.
    """

    def __init__(self, prediction: Prediction, truths: Tensor, truth_kind: LabelTruth) -> None:
        self.prediction = prediction
        self.truths = truths
        self.truth_kind = truth_kind

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
    def small_labels(self) -> Small:
        """(b, h, w) the labels in a small type: integer passes are as fast as it is small."""
        labels = self.labels.numpy()  # three times a label must fit
        return labels.astype(np.uint8) if self.truth_kind.classes <= 80 else labels.astype(np.int16)

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
            one, odds = torch.from_numpy(self.small_labels), self.foreground_margin
            return odds.neg().addcmul_(one.to(torch.float32), odds, value=2.0)
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
    def right(self) -> Tensor:
        """(b, h, w) 1.0 where the predicted label is the true one, else 0.0."""
        right = self.predicted_labels.numpy() == self.small_labels
        return torch.from_numpy(right.astype(np.float32))

    @cached_property
    def predicted_one_hot(self) -> Tensor:
        """(b, K, h, w) float32 one-hot predicted labels."""
        hot = functional.one_hot(self.predicted_labels.to(torch.int64), self.truth_kind.classes)
        return hot.permute(0, 3, 1, 2).to(torch.float32)

    @cached_property
    def truth_one_hot(self) -> Tensor:
        """(b, K, h, w) float32 one-hot truth; all zero at ignored pixels."""
        hot = functional.one_hot(self.labels, self.truth_kind.classes)
        if self.valid is not None:
            hot = hot * self.valid.unsqueeze(3)
        return hot.permute(0, 3, 1, 2).to(torch.float32)
