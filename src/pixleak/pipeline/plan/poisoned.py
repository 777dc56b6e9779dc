"""Poison in an audit: who is poisoned, whether it took, and how visible it is.

Every model of the attacker's is trained on the same poison as the target, since the attacker made
it and knows it; or, with ``shadows: clean``, on none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.roles import Role
from pixleak.core.tables import Bools
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.evaluation.statistics.rates import rate_of
from pixleak.evaluation.statistics.sample import SampleSide
from pixleak.poisoning.base import Poison, with_copies
from pixleak.results.base import Rate
from pixleak.results.sections import PoisonInfo, PoisonVisibility
from pixleak.signals.pixels.images import ImagePixels
from pixleak.signals.pixels.labels import Pixels
from pixleak.targets.base import Prediction

if TYPE_CHECKING:
    from torch import Tensor

    from pixleak.pipeline.models import Models
    from pixleak.pipeline.plan.plan import Plan
    from pixleak.records.base import Batch, Records
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.records.splitting.split import Split
    from pixleak.targets.base import Target

FEWEST = 10
"""Fewest records that a rate is compared on."""

LOOKED_AT = 200
"""Most poisoned records whose visibility is measured."""


@dataclass(frozen=True)
class Poisoning:
    """The poison of a plan.

    Args:
        poison: with its parameters.
        shadows: ``"alike"``: the attacker's models are trained on it too; ``"clean"``: they are
            not.
        origins: ids of the records that were poisoned.
    """

    poison: Poison
    shadows: Literal["alike", "clean"] = "alike"
    origins: tuple[str, ...] = ()

    @property
    def replaced(self) -> int:
        """How many training records the poison took the place of."""
        return len(self.origins) if self.poison.takes == "members" else 0


def poisoned(
    records: Records, split: Split, poisoning: Poisoning, *, seed: int
) -> tuple[Records, Split, Poisoning]:
    """The records with the poison among them, and the split that says so.

    A training record that is replaced loses its role: no model sees it as it is, so it is neither
    a member nor a fair non-member. Audited records that are not targeted become bystanders.

    Raises:
        InputError: the poison cannot be used on these records, or takes none of them.
    """
    poison = poisoning.poison
    poison.check(records.truth)
    units = _units(records, split)
    members, nonmembers = (
        split.roles[role] for role in (Role.TARGET_MEMBERS, Role.TARGET_NONMEMBERS)
    )
    candidates = members if poison.takes == "members" else (*members, *nonmembers)
    chosen = poison.select({key: units[key] for key in candidates}, seed=seed)
    if not chosen:
        raise InputError(
            f"poison {poison.description} takes none of the {len(candidates)} records it could: "
            "raise its share, or give another seed"
        )
    records, copies = with_copies(records, poison, chosen, seed=seed)
    taken = set(chosen)
    roles = dict(split.roles)
    if poison.takes == "members":
        roles[Role.TARGET_MEMBERS] = tuple(key for key in members if key not in taken)
    else:
        for side, ids in (("members", members), ("nonmembers", nonmembers)):
            roles[Role(f"target-{side}")] = tuple(key for key in ids if key in taken)
            others = tuple(key for key in ids if key not in taken)
            roles[Role(f"bystander-{side}")] += others
    roles[Role.POISONED] += copies
    return records, replace(split, roles=roles), replace(poisoning, origins=chosen)


def _units(records: Records, split: Split) -> dict[str, str]:
    """Record id -> what must be poisoned together: what the split kept together."""
    units = split.units(records)
    if split.unit == "group":
        units |= {k.id: f"group {k.group}" for k in records.keys if k.subject is None and k.group}
    return units


def poison_info(plan: Plan, models: Models, records: PreparedRecords) -> PoisonInfo | None:
    """What the result says about the poison; None where there is none.

    Args:
        plan: of the audit.
        models: asked about held-out records, with and without the poison.
        records: the prepared ones.
    """
    if plan.poisoning is None:
        return None
    poisoning, poison = plan.poisoning, plan.poisoning.poison
    copies = len(poisoning.origins) * poison.copies_per_record
    trained_on = len(plan.ids("target-members", "bystander-members", "poisoned"))
    effects = _effects(plan, poison, models.target.target, _held_out(plan, records))
    measured = [value for value in effects.values() if value is not None]
    backdoor = _rate(plan, poison, effects)
    control, control_of = _control(plan, poison, models, records)
    took = _took(backdoor, control)
    return PoisonInfo(
        name=poison.name,
        description=poison.description,
        records=len(poisoning.origins),
        copies=copies,
        extra=copies - poisoning.replaced,
        share=copies / (trained_on + len(plan.included)),
        shadows=poisoning.shadows,
        effect=float(np.mean(measured)) if measured else None,
        backdoor=backdoor,
        control=control,
        control_of=control_of,
        took=took,
        visibility=_visibility(plan, poisoning),
        explanation=_explanation(poison, backdoor, control, control_of, took),
    )


def _held_out(plan: Plan, records: PreparedRecords) -> PreparedRecords:
    return records.select(plan.ids("target-nonmembers"))


def _effects(
    plan: Plan, poison: Poison, target: Target, records: Records
) -> dict[str, float | None]:
    """Record id -> how far the model does as the poison wants."""
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


def _rate(plan: Plan, poison: Poison, effects: dict[str, float | None]) -> Rate | None:
    """The share of records on which the model obeys, among those that can show it."""
    known = {key: value for key, value in effects.items() if value is not None}
    if not known:
        return None
    by_id = plan.split.units(plan.records)
    units, codes = np.unique([by_id[key] for key in known], return_inverse=True)
    hits: Bools = np.array([value >= poison.success_threshold for value in known.values()])
    side = SampleSide(np.zeros(len(hits)), codes.astype(np.int64), len(units))
    return rate_of(hits, side, plan.evaluation.level)


def _control(
    plan: Plan, poison: Poison, models: Models, records: PreparedRecords
) -> tuple[Rate | None, str]:
    """The same where there is no poison to obey.

    For copies of targeted records: the target, on records of which no copies were made. For a
    trigger: a model that never saw it; that of a shadow trained on clean records tells more than
    that of an untrained one.
    """
    if poison.takes == "audited":
        others = plan.ids("bystander-nonmembers")
        if not others:
            return None, ""
        effects = _effects(plan, poison, models.target.target, records.select(others))
        return _rate(plan, poison, effects), "records that are not targeted"
    assert plan.poisoning is not None
    held_out = _held_out(plan, records)
    if models.shadow is not None and plan.poisoning.shadows == "clean":
        effects = _effects(plan, poison, models.shadow.target, held_out)
        return _rate(plan, poison, effects), "the clean shadow model"
    if models.untrained is not None:
        effects = _effects(plan, poison, models.untrained.target, held_out)
        return _rate(plan, poison, effects), "the untrained model"
    return None, ""


def _took(backdoor: Rate | None, control: Rate | None) -> bool | None:
    """Whether the poison took, by rule.

    Unknown below ten records. It took where the rate's interval lies above the control's (above
    one half where the control has fewer than ten records); it did not where the rate is not even
    above that of the control (one half); in between it cannot be told.
    """
    if backdoor is None or backdoor.trials < FEWEST:
        return None
    value, high = 0.5, 0.5
    if control is not None and control.trials >= FEWEST:
        value, high = control.value, control.high
    if backdoor.low > high:
        return True
    return None if backdoor.value > value else False


def _explanation(
    poison: Poison, backdoor: Rate | None, control: Rate | None, of: str, took: bool | None
) -> str:
    if backdoor is None:
        return "No held-out record can show whether the poison took."
    counted = (
        f"on {backdoor.successes} of {backdoor.trials} held-out records "
        f"{poison.success_description} "
        f"({100 * backdoor.value:.0f} % [{100 * backdoor.low:.0f}, {100 * backdoor.high:.0f}])"
    )
    beside = (
        f"; control: {control.successes} of {control.trials}, {of}"
        if control is not None
        else "; there is nothing to compare with"
    )
    word = {
        True: "The poison took",
        False: "The poison did not take",
        None: "Whether the poison took cannot be told",
    }[took]
    return f"{word}: {counted}{beside}."


def _visibility(plan: Plan, poisoning: Poisoning) -> PoisonVisibility:
    """How far poisoned records differ from what they were, as a mean over records."""
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
            # The images' range is 1; of one that is not changed the ratio is infinite.
            -10 * differs.double().square().mean(dim=(1, 2, 3)).log10(),
            seen.structure_error.double().mean(dim=(1, 2)).clamp(min=0),
            (labels != batch.truths).double().mean(dim=(1, 2)),
        ]
        parts.append(torch.stack(columns, dim=1))
    pixels, change, psnr, ssim_error, labelled = torch.cat(parts).mean(dim=0).tolist()
    return PoisonVisibility(
        pixels_changed=pixels,
        mean_change=change,
        psnr=psnr,
        ssim_error=ssim_error,
        labels_changed=labelled,
    )
