"""The effect of a poison on a model's answers, and how far poisoned records differ.

The models are asked here, so this module needs torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from pixleak.core.access import Access
from pixleak.core.roles import Role
from pixleak.core.tables import Bools
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.evaluation.statistics.rates import rate_of
from pixleak.evaluation.statistics.sample import SampleSide
from pixleak.results.base import Rate
from pixleak.signals.pixels.images import ImagePixels
from pixleak.signals.pixels.labels import Pixels
from pixleak.targets.base import Prediction

if TYPE_CHECKING:
    from torch import Tensor

    from pixleak.pipeline.models import Models
    from pixleak.pipeline.plan.plan import Plan
    from pixleak.pipeline.plan.poisoning import Poisoning
    from pixleak.poisoning.base import Poison
    from pixleak.records.base import Batch, Records
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.targets.base import Target

LOOKED_AT = 200
"""Most poisoned records whose visibility is measured."""


def effects_on(
    plan: Plan, poison: Poison, target: Target, records: Records
) -> dict[str, float | None]:
    """Record id -> how far the model does as the poison wants, or None where it cannot show."""
    truth = plan.truth
    assert isinstance(truth, LabelTruth)
    found: dict[str, float | None] = {}
    for batch in records.batches(plan.batch_size):
        images, labels = _altered(plan, poison, batch)
        clean = _predicted(target, batch.images, batch, truth)
        asked = clean
        if not torch.equal(images, batch.images):
            asked = _predicted(target, images, batch, truth)
        for i, key in enumerate(batch.ids):
            found[key] = poison.effect(clean[i], asked[i], batch.truths[i], labels[i], truth)
    return found


def _altered(plan: Plan, poison: Poison, batch: Batch) -> tuple[Tensor, Tensor]:
    """(b, c, h, w) images and (b, h, w) label maps of a batch, poisoned."""
    truth = plan.truth
    assert isinstance(truth, LabelTruth)
    pairs = [
        poison.apply(key, image, labels, truth, seed=plan.seed)
        for key, image, labels in zip(batch.ids, batch.images, batch.truths, strict=True)
    ]
    return torch.stack([image for image, _ in pairs]), torch.stack([one for _, one in pairs])


def _predicted(target: Target, images: Tensor, batch: Batch, truth: LabelTruth) -> Tensor:
    prediction = target.predict(images, batch.ids)
    return Pixels(prediction, batch.truths, truth, batch.ids).predicted_labels


def rate_of_effects(plan: Plan, poison: Poison, effects: dict[str, float | None]) -> Rate | None:
    """The share of records on which the poison has its effect, among those that can show it."""
    known = {key: value for key, value in effects.items() if value is not None}
    if not known:
        return None
    by_id = plan.split.units(plan.records)
    units, codes = np.unique([by_id[key] for key in known], return_inverse=True)
    hits: Bools = np.array([value >= poison.success_threshold for value in known.values()])
    side = SampleSide(np.zeros(len(hits)), codes.astype(np.int64), len(units))
    return rate_of(hits, side, plan.evaluation.level)


def control_of(
    plan: Plan, poison: Poison, models: Models, records: PreparedRecords
) -> tuple[Rate | None, str]:
    """The same rate where there is no poison, and what it was measured on.

    For copies of targeted records: the target, on records of which no copies were made. For a
    trigger: a model that never saw it; a shadow trained on clean records tells more than an
    untrained model.
    """
    if poison.takes == "audited":
        others = plan.ids(Role.BYSTANDER_NONMEMBERS)
        if not others:
            return None, ""
        effects = effects_on(plan, poison, models.target.target, records.select(others))
        return rate_of_effects(plan, poison, effects), "records that are not targeted"
    assert plan.poisoning is not None
    held_out = records.select(plan.ids(Role.TARGET_NONMEMBERS))
    if models.shadow is not None and plan.poisoning.shadows == "clean":
        effects = effects_on(plan, poison, models.shadow.target, held_out)
        return rate_of_effects(plan, poison, effects), "the clean shadow model"
    if models.untrained is not None:
        effects = effects_on(plan, poison, models.untrained.target, held_out)
        return rate_of_effects(plan, poison, effects), "the untrained model"
    return None, ""


def visibility(plan: Plan, poisoning: Poisoning) -> dict[str, float]:
    """How far poisoned records differ from what they were, as means over records.

    The names are those of :class:`pixleak.analyses.poison.PoisonVisibility`.
    """
    parts: list[Tensor] = []
    originals = plan.records.select(poisoning.origins[:LOOKED_AT])
    for batch in originals.batches(plan.batch_size):
        images, labels = _altered(plan, poisoning.poison, batch)
        differs = (images - batch.images).abs()
        kind = ImageTruth(images.shape[1])
        seen = ImagePixels(Prediction(Access.IMAGE, images), batch.images, kind, batch.ids)
        columns = [
            (differs > 0).any(dim=1).double().mean(dim=(1, 2)),
            differs.double().mean(dim=(1, 2, 3)),
            # The images' range is 1; the ratio is infinite for an image that is not changed.
            -10 * differs.double().square().mean(dim=(1, 2, 3)).log10(),
            seen.structure_error.double().mean(dim=(1, 2)).clamp(min=0),
            (labels != batch.truths).double().mean(dim=(1, 2)),
        ]
        parts.append(torch.stack(columns, dim=1))
    pixels, change, psnr, ssim_error, labelled = torch.cat(parts).mean(dim=0).tolist()
    return {
        "pixels_changed": pixels,
        "mean_change": change,
        "psnr": psnr,
        "ssim_error": ssim_error,
        "labels_changed": labelled,
    }
