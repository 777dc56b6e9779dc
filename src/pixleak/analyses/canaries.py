"""Canaries: a lower bound of the target's epsilon from one training run.

See :mod:`pixleak.evaluation.epsilon` and :mod:`pixleak.evaluation.gaussian_epsilon` for the two
bounds, and :mod:`pixleak.records.canaries` for how canaries are made.
"""

from __future__ import annotations

import numpy as np

from pixleak.analyses.base import Analysis, Context
from pixleak.evaluation.epsilon import one_run_epsilon
from pixleak.results.sections import Epsilon


class CanariesAnalysis(Analysis[Epsilon]):
    """Score the canaries, guess which were trained on, and bound epsilon by the right guesses."""

    name = "canaries"
    title = "Canaries"
    summary = "a lower bound on epsilon from records that were trained on by the toss of a coin"
    place = 80
    section = Epsilon
    template = "sections/canaries.html.j2"

    def compute(self, context: Context) -> Epsilon | None:
        from pixleak.attacks.calibrated.difficulty_calibration import DifficultyCalibration
        from pixleak.attacks.threshold import Threshold
        from pixleak.attacks.usual import CALIBRATED, ERROR, LABELS_ONLY
        from pixleak.pipeline.measuring.measured import PartName

        plan, part = context.plan, context.measured[PartName.CANARIES]
        if plan.canaries is None or part.target is None:
            return None
        names = part.target.names
        signal = next(name for name in (CALIBRATED, ERROR, LABELS_ONLY) if name in names)
        attack = Threshold() if part.reference is None else DifficultyCalibration()
        scores = attack.score(part.target.select(signals=[signal]), part.reference)
        included = set(plan.included)
        return one_run_epsilon(
            scores.values,
            np.array([key in included for key in scores.ids]),
            inclusion="independent",
            abstain=plan.canaries.abstain,
            delta=plan.canaries.delta,
            level=plan.evaluation.level,
            seed=plan.seed_for("epsilon"),
            kind=plan.canaries.kind,
            attack=attack.name,
            signal=signal,
        )

    def sentence(self, section: Epsilon) -> str:
        if section.gaussian is None:
            return section.explanation
        return f"{section.explanation} {section.gaussian.explanation}"

    def columns(self, section: Epsilon) -> dict[str, str | float | int | bool | None]:
        found: dict[str, str | float | int | bool | None] = {
            "canary_epsilon": section.lower_bound,
            "canary_delta": section.delta,
        }
        if section.gaussian is not None:
            found["canary_gaussian_mu"] = section.gaussian.mu
            if section.gaussian.lower_bound is not None:
                found["canary_gaussian_epsilon"] = section.gaussian.lower_bound
        return found
