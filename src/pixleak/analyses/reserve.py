"""Attacks on the reserve, where what answers was trained on it.

A student that is taught on the defender's reserve may remember that as well as an undefended model
remembers its members. So the reserve's records are attacked like members: every threshold on one
signal, and no calibrated attack, since reference models are trained on audited records and none
holds the reserve in the way that the target does.
"""

from __future__ import annotations

import numpy as np

from pixleak.core.tables import Bools
from pixleak.pipeline.attacking import Observed, Scored, attack
from pixleak.pipeline.judging import Carried, evaluated, too_few
from pixleak.pipeline.measuring import Measured
from pixleak.pipeline.plan.choosing import Chosen
from pixleak.pipeline.plan.plan import Plan
from pixleak.results.sections import ReserveLevel


def reserve_level(
    plan: Plan, chosen: Chosen, measured: Measured, untrained_note: str
) -> ReserveLevel | None:
    """Thresholds on reserve against non-members; None where the target was not trained on it."""
    if measured.reserve is None:
        return None
    inside = set(plan.taught_on)
    unit_of = plan.split.units(plan.records)
    attacks = []
    for planned in chosen.attacks:
        if not planned.plain:
            continue
        scores = attack(planned, Observed(measured.reserve))
        control = None
        if measured.reserve_untrained is not None:
            control = attack(planned, Observed(measured.reserve_untrained))
        one = Scored(planned, scores, control)
        member: Bools = np.array([key in inside for key in scores.ids])
        units = [unit_of[key] for key in scores.ids]
        if too_few(scores, member, units):
            continue
        attacks.append(
            evaluated(plan, one, member, units, untrained_note, Carried(), "bootstrap/reserve")
        )
    others = len(plan.ids("target-nonmembers"))
    explanation = (
        f"The target was taught on the defender's reserve, so those {len(inside)} records are "
        f"attacked as well, by thresholds alone, against its {others} non-members."
    )
    if not attacks:
        explanation += " They are too few to be evaluated."
    return ReserveLevel(
        records=len(inside), nonmembers=others, attacks=attacks, explanation=explanation
    )
