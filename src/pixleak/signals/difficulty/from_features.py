"""Difficulty by deep features: the error of predicting an image linearly from its own features.

Idea: any generator can get right what an image's deep features say about its colours; the rest is
hard for all of them. The features of the image (a backbone pretrained on ImageNet, its stages
up-sampled to one grid) are regressed on its pixel values; the difficulty is the mean absolute error
at positions that were not fitted, in units of the image's range.

Two forms::

    sound      the whole image is resized for features and pixels alike, so that they are aligned;
               ridge regression, 5-fold cross-validation over positions, drawn by a seed
    faithful   the paper's: features of the middle of the image (the shorter side to 256, the middle
               224 x 224), up-sampled with mirrored borders; pixels of the whole image, squashed to
               the grid; least squares of least norm on 70 % of the positions, error on the other
               30 %

The sound one is the default: the faithful one misaligns features and pixels wherever the middle of
the image is not all of it, and its value depends on the cut-off of the solver (``rcond``).

For label maps as truth (``difficulty-labels``), the features of the *input* predict the labels by
logistic regression, and the difficulty is the cross-entropy at positions that were not fitted.

Source:
    Shafran, Peleg, Hoshen, "Membership Inference Attacks on Conditional Generative Models Using
    Image Difficulty", arXiv:2102.07762.

Differs from the source:
    The default backbone is EfficientNet-Lite0, whose weights come with a package; the paper's
    Wide-ResNet-50-2 is ``difficulty-wide-resnet``. Splits are seeded, and one for all records.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import Floats, SignalInfo
from pixleak.core.truth import LabelTruth
from pixleak.signals.difficulty.backbones import (
    LITE,
    SIDE,
    backbone,
    content_of,
    require_lite,
    resized,
    resized_bicubic,
)
from pixleak.signals.difficulty.base import Difficulty, RecordBatch, difficulty_info, true_images
from pixleak.signals.difficulty.least_squares import (
    RCOND,
    Design,
    as_array,
    drawn_folds,
    drawn_share,
    penalty_of,
    ridge_error,
    split_error,
)

_SHAFRAN = "Shafran 2021, arXiv:2102.07762"

_FEWEST = 8
"""Positions to fit, and positions to be judged by, of a label map."""


@dataclass(frozen=True, kw_only=True)
class FeatureDifficulty(Difficulty):
    """Error of the linear prediction of the true image from its own deep features.

    Args:
        backbone: ``"efficientnet-lite0"`` or ``"timm:NAME"``.
        weights: a file of timm's weights; None fetches them.
        features_of: ``"truth"``: the true image's own; ``"input"``: of the generator's input.
        mode: ``"sound"`` or ``"faithful"``.
        grid: positions along each side.
        stages: which of the backbone's, from 0; empty for all.
        ridge: penalty of the sound form, relative to the columns' mean squared norm.
        folds: of the sound form.
        share: of the positions that the faithful form fits.
        rcond: cut-off of the faithful form.
        seed: of folds and shares.
    """

    info: ClassVar[SignalInfo] = difficulty_info(
        "difficulty-features",
        "deep features",
        "range",
        "error of the linear prediction of the true image from its EfficientNet-Lite0 features",
        _SHAFRAN,
    )
    usual: ClassVar = True

    backbone: str = LITE
    weights: Path | None = None
    features_of: Literal["truth", "input"] = "truth"
    mode: Literal["sound", "faithful"] = "sound"
    grid: int = 56
    stages: tuple[int, ...] = ()
    ridge: float = 1e-3
    folds: int = 5
    share: float = 0.7
    rcond: float = RCOND
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ("sound", "faithful") or self.features_of not in ("truth", "input"):
            raise InputError(
                f"{self.name} has the modes sound and faithful, and features of truth or input; "
                f"got {self.mode!r} and {self.features_of!r}"
            )
        if self.weights is not None and self.backbone == LITE:
            raise InputError(f"{self.name}: weights are of timm's backbones; {LITE} has its own")
        if not (self.grid >= 4 and self.folds >= 2 and 0 < self.share < 1 and self.ridge > 0):
            raise InputError(
                f"{self.name} needs grid >= 4, folds >= 2, a share in (0, 1) and ridge > 0, got "
                f"{self.grid}, {self.folds}, {self.share} and {self.ridge}"
            )

    @property
    def identity(self) -> str:
        return repr(self) + content_of(self.weights)

    def prepare(self) -> None:
        if self.backbone == LITE:
            require_lite()
        if self.backbone != LITE or self.stages:
            maps = backbone(self.backbone, self.weights).stages(torch.zeros(1, 3, SIDE, SIDE))
            self._check_stages(len(maps))

    def _check_stages(self, known: int) -> None:
        if not all(0 <= k < known for k in self.stages):
            raise InputError(f"{self.name}: stages are 0 to {known - 1}, got {self.stages}")

    def of(self, batch: RecordBatch) -> Floats:
        truths = true_images(batch)
        looked_at = truths
        if self.features_of == "input":
            if batch.images is None:
                raise UnmetNeedError(f"{self.name} looks at inputs, which are not known here")
            looked_at = batch.images
        maps = backbone(self.backbone, self.weights).stages(looked_at, crop=self.mode == "faithful")
        if self.stages:
            self._check_stages(len(maps))
            maps = [maps[k] for k in self.stages]
        size, mirrored = (self.grid, self.grid), self.mode == "faithful"
        shrunk = resized_bicubic if mirrored else resized
        targets = shrunk(truths.float(), size).double().flatten(2).transpose(1, 2)
        return as_array(
            [
                self._one(Design([stage[i] for stage in maps], size, mirrored), target)
                for i, target in enumerate(targets)
            ]
        )

    def _one(self, design: Design, targets: Tensor) -> float:
        columns = design.reduced()
        if self.mode == "faithful":
            fitted = drawn_share(len(columns), self.share, self.seed)
            return split_error(columns, targets, fitted, rcond=self.rcond)
        folds = drawn_folds(len(columns), self.folds, self.seed)
        penalty = penalty_of(design, columns, self.ridge)
        return ridge_error(columns, targets, folds, penalty=penalty)


@dataclass(frozen=True, kw_only=True)
class WideResNetDifficulty(FeatureDifficulty):
    """Features of the paper's backbone instead, whose weights timm downloads."""

    info: ClassVar[SignalInfo] = difficulty_info(
        "difficulty-wide-resnet",
        "Wide-ResNet features",
        "range",
        "difficulty-features from a Wide-ResNet-50-2, as in the paper; timm downloads its weights",
        _SHAFRAN,
    )
    usual: ClassVar = False

    backbone: str = "timm:wide_resnet50_2.tv_in1k"


@dataclass(frozen=True, kw_only=True)
class LabelDifficulty(Difficulty):
    """Cross-entropy of the prediction of a label map from the input's deep features.

    Multinomial logistic regression on standardised features, fitted on a share of the positions of
    a grid; the cross-entropy (nat/pixel) is taken at the others. Ignored pixels count nowhere. A
    class that was not fitted has the probability of one position in all of those fitted. Not
    measured where fewer than 8 positions are left on either side.

    Args:
        backbone: ``"efficientnet-lite0"`` or ``"timm:NAME"``.
        weights: a file of timm's weights; None fetches them.
        grid: positions along each side.
        strength: C, the inverse of the regression's penalty.
        share: of the positions to fit.
        seed: of the share.
    """

    info: ClassVar[SignalInfo] = difficulty_info(
        "difficulty-labels",
        "labels from deep features",
        "nat/pixel",
        "cross-entropy of the logistic prediction of labels from EfficientNet-Lite0 features",
        _SHAFRAN,
    )
    on: ClassVar = "labels"

    backbone: str = LITE
    weights: Path | None = None
    grid: int = 28
    strength: float = 0.01
    share: float = 0.7
    seed: int = 0

    @property
    def identity(self) -> str:
        return repr(self) + content_of(self.weights)

    def prepare(self) -> None:
        if self.backbone == LITE:
            require_lite()
        else:
            backbone(self.backbone, self.weights)

    def of(self, batch: RecordBatch) -> Floats:
        kind = batch.truth_kind
        if not isinstance(kind, LabelTruth) or batch.images is None:
            raise UnmetNeedError(f"{self.name} needs inputs and label maps")
        maps = backbone(self.backbone, self.weights).stages(batch.images)
        size = (self.grid, self.grid)
        labels = functional.interpolate(batch.truths[:, None].float(), size=size, mode="nearest")
        fitted = drawn_share(self.grid * self.grid, self.share, self.seed).numpy()
        found = []
        for i, wanted in enumerate(labels[:, 0].long().flatten(1).numpy()):
            columns = Design([stage[i] for stage in maps], size).reduced().numpy()
            valid = np.ones(len(wanted), dtype=np.bool_)
            if kind.ignore is not None:
                valid = wanted != kind.ignore
            found.append(self._one(columns, wanted, fitted & valid, ~fitted & valid))
        return as_array(found)

    def _one(
        self, columns: Floats, labels: np.ndarray, inside: np.ndarray, outside: np.ndarray
    ) -> float:
        from sklearn.linear_model import LogisticRegression

        if min(int(inside.sum()), int(outside.sum())) < _FEWEST:
            return float("nan")
        seen = np.unique(labels[inside])
        rare = 1.0 / int(inside.sum())
        if len(seen) == 1:
            right = labels[outside] == seen[0]
            return float(-np.log(np.where(right, 1 - rare, rare)).mean())
        mean, scale = columns[inside].mean(axis=0), columns[inside].std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that has not converged is as good a predictor
            model = LogisticRegression(C=self.strength, max_iter=200).fit(
                (columns[inside] - mean) / scale, labels[inside]
            )
        chances = np.full((int(outside.sum()), int(labels.max()) + 1), rare)
        chances[:, model.classes_] = model.predict_proba((columns[outside] - mean) / scale)
        true = chances[np.arange(len(chances)), labels[outside]]
        return float(-np.log(np.maximum(true, rare)).mean())
