"""Attacks on one generator, with and without difficulty, evaluated by block."""

from __future__ import annotations

from typing import Any

import numpy as np

PLAIN = (
    "difficulty-total-variation",
    "difficulty-neighbours",
    "difficulty-compression",
    "difficulty-features",
)


def attacks(
    seen: Any,
    control: Any,
    kept: list[str],
    members: set[str],
    population: tuple[str, ...],
    units: Any,
    other: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    from pixleak.attacks.calibrated.membership_error import FittedMembershipError, MembershipError
    from pixleak.attacks.evidence import Population
    from pixleak.attacks.threshold import Threshold
    from pixleak.core.tables import Scores, SignalInfo, SignalTable

    def table(of: Any, error: str, difficulty: str | None) -> Any:
        """Error and difficulty; the latter also of the variants that no table holds."""
        if difficulty is None or difficulty in of.names:
            return of.select(signals=[error] if difficulty is None else [error, difficulty])
        first = of.select(signals=[error])
        info = SignalInfo("variant", "range", "higher", queries_model=False)
        values = np.stack([first.values[:, 0], other[difficulty]], axis=1)
        known = np.ones(values.shape, dtype=bool)
        return SignalTable(first.ids, values, (*first.infos, info), known)

    def scored(attack: Any, of: Any, error: str, difficulty: str | None) -> Scores:
        whole = table(of, error, difficulty)
        outer = Population(whole.select(ids=population)) if attack.needs_population else None
        return attack.score(whole.select(ids=kept), None, outer)

    def standardised(of: Any, error: str, difficulty: str) -> Scores:
        """Error minus difficulty, each in standard deviations of the population."""
        whole = table(of, error, difficulty)
        scale = whole.select(ids=population).values.std(axis=0)
        asked = whole.select(ids=kept)
        scores = asked.values[:, 1] / scale[1] - asked.values[:, 0] / scale[0]
        return Scores(asked.ids, scores, np.ones(len(scores), dtype=bool), "standardised", error)

    def row(scores: Scores, control: Scores | None) -> dict[str, Any]:
        return judged(scores, control, members, units, seed)

    found = {}
    alone, fitted = Threshold(), FittedMembershipError()
    for error, what in (("l1-error", "L1"), ("l2-error", "L2"), ("ssim-error", "1 - SSIM")):
        found[f"error alone, {what}"] = row(
            scored(alone, seen, error, None), scored(alone, control, error, None)
        )
    for name in ("likeness", "edge-likeness", "coarse-error", "fine-error"):
        found[name] = row(scored(alone, seen, name, None), scored(alone, control, name, None))
    for name in PLAIN:
        found[f"{name} alone"] = row(alone.score(seen.select(ids=kept, signals=[name])), None)
        found[f"fitted, {name}"] = row(
            scored(fitted, seen, "log-l1-error", name),
            scored(fitted, control, "log-l1-error", name),
        )
        found[f"fitted without logarithm, {name}"] = row(
            scored(fitted, seen, "l1-error", name), None
        )
        found[f"standardised difference, {name}"] = row(standardised(seen, "l1-error", name), None)
    for error, what in (("log-l1-error", ""), ("coarse-error", " (coarse error)")):
        whole, blank = (t.select(signals=[error, *PLAIN]) for t in (seen, control))
        found[f"fitted, all difficulties{what}"] = row(
            *(
                fitted.score(t.select(ids=kept), None, Population(t.select(ids=population)))
                for t in (whole, blank)
            )
        )
    for alpha in (0.5, 1.0, 2.0):
        for name in ("difficulty-features", "deep features, faithful"):
            found[f"alpha = {alpha:g}, {name}"] = row(
                scored(MembershipError(alpha=alpha), seen, "l1-error", name),
                scored(MembershipError(alpha=alpha), control, "l1-error", name)
                if name in PLAIN
                else None,
            )
    for error, what in (("log-l2-error", "L2"), ("ssim-error", "1 - SSIM")):
        found[f"fitted ({what}), difficulty-features"] = row(
            scored(fitted, seen, error, "difficulty-features"), None
        )
    for name in other:
        found[f"fitted, {name}"] = row(scored(fitted, seen, "log-l1-error", name), None)
    return found


def judged(scores: Any, control: Any, members: set[str], units: Any, seed: int) -> dict[str, Any]:
    from pixleak.core.tables import SignalInfo
    from pixleak.evaluation.evaluate import evaluate_scores

    result = evaluate_scores(
        scores,
        np.array([key in members for key in scores.ids]),
        units=[units[key] for key in scores.ids],
        info=SignalInfo("one", "1", "higher"),
        control=control,
        title="one",
        seed=seed,
        fprs=(0.01,),
        replicates=400,
    )
    rate = result.tpr_at_fpr[0]
    return {
        "auc": [result.auc.value, result.auc.low, result.auc.high],
        "tpr": [rate.value, rate.low, rate.high, rate.successes, rate.trials],
        "untrained_auc": result.control_auc
        and [result.control_auc.value, result.control_auc.low, result.control_auc.high],
    }
