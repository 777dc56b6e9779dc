"""The most and the least exposed members, as pictures a person can look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pixleak.core.access import Access
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.pipeline.judging import Judged
from pixleak.pipeline.plan.plan import Plan
from pixleak.results.sections import Exposure, Exposures
from pixleak.signals.pixels.images import ImagePixels
from pixleak.signals.pixels.labels import Pixels
from pixleak.training.loop.samples import as_picture

if TYPE_CHECKING:
    from torch import Tensor

    from pixleak.records.base import Batch
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.targets.base import Prediction, Target


@dataclass(frozen=True)
class Exhibits:
    """What ``exhibits.npz`` holds, and what the result says about it."""

    exposures: Exposures
    arrays: dict[str, NDArray[np.generic]] = field(repr=False)


def show(plan: Plan, judged: Judged, records: PreparedRecords, target: Target) -> Exhibits | None:
    """Pictures of the members that the strongest attack is surest and least sure of.

    Args:
        plan: how many on each side.
        judged: the attacks.
        records: the target members and non-members.
        target: asked again on the chosen few.
    """
    if not plan.exhibits:
        return None
    best = max(range(len(judged.attacks)), key=lambda i: judged.attacks[i].auc.value)
    scores = judged.scored[best].scores
    members = set(plan.ids("target-members"))
    ranked = sorted(
        (i for i, key in enumerate(scores.ids) if key in members and scores.measured[i]),
        key=lambda i: (-scores.values[i], scores.ids[i]),
    )
    count = min(plan.exhibits, len(ranked) // 2)
    chosen = [("most", rank + 1, i) for rank, i in enumerate(ranked[:count])]
    chosen += [("least", rank + 1, i) for rank, i in enumerate(reversed(ranked[-count:]))]
    if not count:
        return None
    exposures: list[Exposure] = []
    arrays: dict[str, NDArray[np.generic]] = {}
    for number, (side, rank, i) in enumerate(chosen):
        subset = records.select([scores.ids[i]])
        key = subset.keys[0]
        exposures.append(
            Exposure(
                id=key.id,
                subject=key.subject,
                member=True,
                side="most" if side == "most" else "least",
                rank=rank,
                score=float(scores.values[i]),
                exhibit=number,
            )
        )
        arrays |= {f"{n}/{number}": a for n, a in _pictures(subset, target).items()}
    attack = judged.attacks[best]
    return Exhibits(Exposures(attack=attack.name, signal=attack.signal, records=exposures), arrays)


def _pictures(record: PreparedRecords, target: Target) -> dict[str, NDArray[np.generic]]:
    """Image, truth, prediction, valid pixels and loss of one record, as arrays to draw."""
    batch = next(iter(record.batches(1)))
    prediction = target.predict(batch.images, batch.ids)
    if not isinstance(record.truth, LabelTruth):
        return _of_generator(batch, prediction, record.truth)
    pixels = Pixels(prediction, batch.truths, record.truth, batch.ids)
    wrong = pixels.predicted_labels != batch.truths
    loss = wrong.float() if target.access is Access.LABEL else pixels.cross_entropy
    valid = torch.ones_like(wrong) if pixels.valid is None else pixels.valid
    return {
        "image": as_picture(batch.images[0]),
        "truth": batch.truths[0].numpy().astype(np.int16),
        "prediction": pixels.predicted_labels[0].numpy().astype(np.int16),
        "valid": valid[0].numpy(),
        "loss": loss[0].numpy().astype(np.float32),
    }


def _of_generator(
    batch: Batch, prediction: Prediction, truth: ImageTruth
) -> dict[str, NDArray[np.generic]]:
    """Input, true image, output and absolute error of one record."""
    pixels = ImagePixels(prediction, batch.truths, truth, batch.ids)

    def unit(images: Tensor) -> Tensor:
        return ((images[0] - truth.low) / pixels.span).clamp(0, 1)

    error = pixels.absolute_error[0].numpy().astype(np.float32)
    return {
        "image": as_picture(batch.images[0]),
        "truth": as_picture(unit(batch.truths)),
        "prediction": as_picture(unit(prediction.values)),
        "valid": np.ones(error.shape, dtype=np.bool_),
        "loss": error,
    }
