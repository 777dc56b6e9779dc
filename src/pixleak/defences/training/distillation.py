"""Knowledge distillation: answer with a student that never saw the private records.

Idea: a teacher is trained on the private records; a student of the same recipe then learns the
teacher's outputs on the reserve. The student knows the private records only through the teacher::

    kept  = the share of the reserve that the teacher predicts best
    hard:   the student's truths are  argmax over c of p_c(teacher)
    soft:   its loss is  mean over valid pixels of  - sum over c of p_c(teacher) log p_c(student)

Best is by the teacher's Dice with the reserve's own truths, or by its confidence (mean over pixels
of max p_c), which uses no truths. Pixels whose label is ignored stay ignored.

The student may memorise the reserve, with the teacher's labels, so an audit attacks the reserve as
well.

Source:
    Hinton, Vinyals, Dean, arXiv:1503.02531. As a defence: Shejwalkar, Houmansadr, AAAI 2021,
    arXiv:1906.06589. For segmentation, with hard labels on records that the teacher predicts well:
    Chobola, Usynin, Kaissis, arXiv:2212.01082.

Differs from the source:
    Their reference set is also attacked as the non-members; here it is the reserve, which is
    neither members nor non-members. Soft labels are taken at temperature one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.steps.teaching import TaughtTrainer
from pixleak.records.base import Records
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.feed import feed
from pixleak.training.loop.losses import dice_loss
from pixleak.training.loop.trainer import Epoch, Trainer


@dataclass(frozen=True, kw_only=True)
class Distillation(Defence):
    """Knowledge distillation.

    Args:
        keep: share of the reserve that the student is trained on, above 0 up to 1.
        by: criterion for the teacher's best predictions: ``"dice"`` or ``"confidence"``.
        soft: whether the student learns the teacher's probabilities instead of its labels.
    """

    name: ClassVar[str] = "distillation"
    title: ClassVar[str] = "Knowledge distillation"
    summary: ClassVar[str] = "answer with a student that was taught on the reserve"
    source: ClassVar[str] = "Hinton 2015, arXiv:1503.02531"
    side: ClassVar[DefenceSide] = "training"
    needs_reserve: ClassVar[bool] = True
    trains_on_reserve: ClassVar[bool] = True
    excludes: ClassVar[tuple[str, ...]] = ("dp-sgd", "min-max", "early-stopping")

    keep: float = 0.75
    by: Literal["dice", "confidence"] = "dice"
    soft: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise InputError(f"distillation needs keep above 0 and at most 1, got {self.keep}")
        if self.by not in ("dice", "confidence"):
            raise InputError(f"distillation needs by 'dice' or 'confidence', got {self.by!r}")

    def trainer(self) -> type[Trainer]:
        return DistillationTrainer


class DistillationTrainer(TaughtTrainer):
    """Trains a student on its teacher's outputs for the reserve."""

    def student_records(self, reserve: Records) -> Records:
        assert isinstance(self.truth, LabelTruth)
        defence = self.defence(Distillation)
        logits = self.teacher_outputs(reserve)
        truths = feed(reserve)(torch.arange(len(reserve)))[1]
        best = well_predicted(logits, truths, self.truth, defence.by, defence.keep)
        labels = logits[best].argmax(dim=1)
        if self.truth.ignore is not None:
            labels = torch.where(truths[best] == self.truth.ignore, truths[best], labels)
        positions = best.tolist()
        return Records(
            [reserve.keys[i] for i in positions],
            lambda i: (reserve[positions[i]].image, labels[i]),
            reserve.truth,
            reserve.name,
        )

    def losses(self, module: nn.Module, images: Tensor, truths: Tensor, epoch: Epoch) -> Tensor:
        if not self.defence(Distillation).soft:
            return super().losses(module, images, truths, epoch)
        assert isinstance(self.truth, LabelTruth)
        with torch.no_grad():
            taught = self.teacher(images).softmax(dim=1)
        return soft_cross_entropy(module(images), taught, truths, self.truth)


def well_predicted(
    logits: Tensor, truths: Tensor, truth: LabelTruth, by: str, keep: float
) -> Tensor:
    """Positions, in order, of the records that the teacher predicts best.

    Args:
        logits: (n, K, h, w).
        truths: (n, h, w) int64.
        truth: classes and ignored label.
        by: ``"dice"`` or ``"confidence"``.
        keep: share of the records; at least one is kept.
    """
    if by == "dice":
        scores = 1 - dice_loss(logits, truths, truth)
        if truth.ignore is not None:
            # Without valid pixels the prediction cannot be rated.
            scores[(truths == truth.ignore).flatten(1).all(dim=1)] = -math.inf
    else:
        scores = logits.softmax(dim=1).amax(dim=1).flatten(1).mean(dim=1)
    count = max(1, math.ceil(keep * len(scores) - 1e-9))
    return scores.argsort(descending=True, stable=True)[:count].sort().values


def soft_cross_entropy(logits: Tensor, taught: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """(b,) cross-entropy with the teacher's probabilities, mean over valid pixels, nat/pixel.

    Args:
        logits: (b, K, h, w) of the student.
        taught: (b, K, h, w) probabilities of the teacher.
        truths: (b, h, w) int64; only used to find ignored pixels.
        truth: classes and ignored label.
    """
    losses = -(taught * logits.log_softmax(dim=1)).sum(dim=1).flatten(1)
    if truth.ignore is None:
        return losses.mean(dim=1)
    valid = (truths != truth.ignore).flatten(1)
    return (losses * valid).sum(dim=1) / valid.sum(dim=1).clamp(min=1)
