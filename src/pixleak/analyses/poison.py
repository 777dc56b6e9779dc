"""Whether the poison worked, and how visible it is.

Every model of the attacker's is trained on the same poison as the target, since the attacker made
it and knows it; or, with ``shadows: clean``, on none. Two rates with intervals
show whether it worked: the backdoor success rate on held-out records, and the same without poison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from pixleak.analyses.base import Analysis, Context
from pixleak.core.roles import Role
from pixleak.results.base import Number, Rate, SavedModel
from pixleak.results.sections import Section

if TYPE_CHECKING:
    from pixleak.pipeline.models import Models
    from pixleak.pipeline.plan.plan import Plan
    from pixleak.poisoning.base import Poison
    from pixleak.records.prepared.prepare import PreparedRecords

FEWEST = 10
"""Fewest records that a rate is compared on."""


class PoisonVisibility(SavedModel):
    """How far poisoned records differ from what they were: means over records."""

    pixels_changed: Number = Field(description="share of the image's pixels")
    mean_change: Number = Field(description="mean absolute change of the image, range 1")
    psnr: Number = Field(description="in decibel; infinite where images stay as they are")
    ssim_error: Number = Field(description="one minus the structural similarity")
    labels_changed: Number = Field(description="share of the label map's pixels")


class PoisonInfo(Section):
    """What was put into the training set, and whether the model's answers show its effect."""

    name = "poison"

    poison: str = Field(description="a name of pixleak list")
    description: str
    records: int = Field(description="records that were poisoned")
    copies: int = Field(description="poisoned copies that the target is trained on")
    extra: int = Field(description="of these, copies that took no training record's place")
    share: Number = Field(description="of the target's training set")
    shadows: Literal["alike", "clean"] = Field(
        description="whether the attacker's models are trained on the poison too"
    )
    effect: Number | None = Field(
        description="mean effect of the poison on held-out records, 0 to 1: the share of the "
        "predicted foreground that a trigger takes away, or of the exchanged pixels that are "
        "predicted as the copies have them"
    )
    backdoor: Rate | None = Field(
        description="backdoor success rate: share of held-out records with an effect of at least "
        "0.9 of a trigger, 0.5 of exchanged pixels"
    )
    control: Rate | None = Field(description="the same rate where there is no poison")
    control_of: str = Field(description="what the control was measured on")
    took: bool | None = Field(description="None where it cannot be told")
    visibility: PoisonVisibility
    explanation: str


class PoisonAnalysis(Analysis[PoisonInfo]):
    """Backdoor success rate with its control, and how far poisoned records differ."""

    name = "poison"
    title = "Poison"
    summary = "whether the poison was learned, against a control, and how visible it is"
    place = 90
    section = PoisonInfo
    template = "sections/poison.html.j2"

    def compute(self, context: Context) -> PoisonInfo | None:
        return describe_poison(context.plan, context.models, context.records)

    def sentence(self, section: PoisonInfo) -> str:
        return f"{section.description}. {section.explanation}"

    def columns(self, section: PoisonInfo) -> dict[str, str | float | int | bool | None]:
        found: dict[str, str | float | int | bool | None] = {
            "poison_visibility": section.visibility.ssim_error
        }
        if (rate := section.backdoor) is not None:
            found |= {
                "backdoor_rate": rate.value,
                "backdoor_rate_low": rate.low,
                "backdoor_rate_high": rate.high,
            }
        return found


def describe_poison(plan: Plan, models: Models, records: PreparedRecords) -> PoisonInfo | None:
    """What the result says about the poison; None where there is none.

    Args:
        plan: of the audit.
        models: asked about held-out records, with and without the poison.
        records: the prepared ones.
    """
    if plan.poisoning is None:
        return None
    from pixleak.analyses.poison_effect import control_of, effects_on, rate_of_effects, visibility

    poisoning, poison = plan.poisoning, plan.poisoning.poison
    copies = len(poisoning.origins) * poison.copies_per_record
    trained_on = len(plan.ids(Role.TARGET_MEMBERS, Role.BYSTANDER_MEMBERS, Role.POISONED))
    held_out = records.select(plan.ids(Role.TARGET_NONMEMBERS))
    effects = effects_on(plan, poison, models.target.target, held_out)
    measured = [value for value in effects.values() if value is not None]
    backdoor = rate_of_effects(plan, poison, effects)
    control, of = control_of(plan, poison, models, records)
    took = _took(backdoor, control)
    return PoisonInfo(
        poison=poison.name,
        description=poison.description,
        records=len(poisoning.origins),
        copies=copies,
        extra=copies - poisoning.replaced,
        share=copies / (trained_on + len(plan.included)),
        shadows=poisoning.shadows,
        effect=float(np.mean(measured)) if measured else None,
        backdoor=backdoor,
        control=control,
        control_of=of,
        took=took,
        visibility=PoisonVisibility(**visibility(plan, poisoning)),
        explanation=_explanation(poison, backdoor, control, of, took),
    )


def _took(backdoor: Rate | None, control: Rate | None) -> bool | None:
    """Whether the poison worked, by a fixed rule.

    It is unknown below ten records. The poison worked if the rate's interval lies above the
    control's (above one half if the control has fewer than ten records). It did not work if the
    rate is not above that of the control (one half). In between, the answer is undetermined.
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
        return "No held-out record can show whether the poison was learned."
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
        False: "The poison was not learned",
        None: "It cannot be determined whether the poison was learned",
    }[took]
    return f"{word}: {counted}{beside}."
