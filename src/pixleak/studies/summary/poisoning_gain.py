"""What poisoning gains the attacker and costs the model: poisoned conditions against clean ones.

The gain is the AUC of the same attack on the poisoned model minus that on the clean model of the
same other levels, seed by seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pixleak.studies.summary.conditions import Condition
from pixleak.studies.summary.frontier import utility_measures
from pixleak.studies.summary.seed_estimates import Estimate, difference, mean_over_seeds
from pixleak.studies.summary.study_result import NONE


@dataclass(frozen=True)
class PoisoningGain:
    """A poisoned condition compared with its clean one.

    Args:
        poisoned: the condition.
        default_auc_gained: by the default attack.
        strongest_auc_gained: by the strongest attack.
        strongest_tpr1_gained: TPR at 1 % FPR, by the strongest attack.
        utility_lost: on clean held-out records.
        utility_word: name of that utility.
        backdoor_rate: share of held-out records on which the trigger works.
        visibility: of the poison, 1 - SSIM to the clean image.
    """

    poisoned: Condition
    default_auc_gained: Estimate | None
    strongest_auc_gained: Estimate | None
    strongest_tpr1_gained: Estimate | None
    utility_lost: Estimate | None
    utility_word: str
    backdoor_rate: Estimate | None
    visibility: float | None


def poisoning_gains(conditions: Sequence[Condition]) -> list[PoisoningGain]:
    """Every poisoned condition for which the study has a clean one."""
    clean = {one.without("poison"): one for one in conditions if one.first.poison == NONE}
    return [
        _gain(one, clean[one.without("poison")])
        for one in conditions
        if one.first.poison != NONE and one.without("poison") in clean
    ]


def _gain(poisoned: Condition, clean: Condition) -> PoisoningGain:
    measure = next(iter(utility_measures([clean])), None)
    return PoisoningGain(
        poisoned,
        difference(poisoned.default().per_seed, clean.default().per_seed),
        difference(poisoned.strongest().per_seed, clean.strongest().per_seed),
        difference(poisoned.strongest("tpr1").per_seed, clean.strongest("tpr1").per_seed),
        None if measure is None else measure.gained(clean, poisoned),
        "utility" if measure is None else measure.word,
        mean_over_seeds(poisoned.of_model("backdoor_rate")),
        poisoned.mean("poison_visibility"),
    )
