"""Worlds of scores with a known answer, and what evaluation and verdict make of them.

No pictures: subjects, scores of several correlated attacks and, in the worlds with a leak,
members whose scores are shifted so that the strongest attack has a known AUC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

ATTACKS = 3
REPLICATES = 100
SHUFFLES = 999
"""Permutations of subjects in every test; an audit has 20,000."""
SENTENCES = {
    "too few units": "can be detected reliably",
    "members ranked lower": "ranks members lower",
    "no attack exceeds its control": "every significant attack may measure",
    "a control of the split failed": "distinguishes members from non-members",
    "scores are tied": "scores rank nothing|so many scores are equal",
    "records are not independent": "are not independent",
    "image properties differ": "differ in plain image properties",
    "repeated records": "have a duplicate among",
    "the target does not work": "no better than|does not|do not",
}


@dataclass(frozen=True)
class World:
    """What one world is drawn from.

    Args:
        kind: a name of :data:`KINDS`.
        auc: of the strongest attack; one half in a null world.
        compared: whether the two other tests of a subject's AUC judge it as well.
    """

    kind: str
    auc: float = 0.5
    compared: bool = False


@dataclass(frozen=True, eq=False)
class Drawn:
    """Scores (attacks, n), membership, the subject of each record, and an untrained model's."""

    scores: np.ndarray
    member: np.ndarray
    units: list[str] | None = None
    untrained: np.ndarray | None = None


def normal_scores(
    draws: np.random.Generator, of: np.ndarray, member: np.ndarray, auc: float
) -> np.ndarray:
    """(ATTACKS, n) scores: subject and record share the variance; later attacks are noisier."""
    own = draws.normal(size=of.max() + 1)[of] + draws.normal(size=len(of))
    shared = own / np.sqrt(2) + np.sqrt(2) * float(ndtri(auc)) * member
    noise = draws.normal(size=(ATTACKS, len(of)))
    return shared + 0.5 * np.arange(ATTACKS)[:, None] / ATTACKS * noise


def _of_subjects(
    draws: np.random.Generator, sides: tuple[Sequence[int], Sequence[int]], auc: float
) -> Drawn:
    of = np.repeat(np.arange(len(sides[0]) + len(sides[1])), [*sides[0], *sides[1]])
    member = of < len(sides[0])
    names = [f"subject {one}" for one in of]
    return Drawn(normal_scores(draws, of, member, auc), member, names)


def equal(draws: np.random.Generator, auc: float) -> Drawn:
    """20 subjects of 3 records against 20 of 3."""
    return _of_subjects(draws, ([3] * 20, [3] * 20), auc)


def lognormal(draws: np.random.Generator, auc: float) -> Drawn:
    """30 against 30 subjects of lognormal sizes (median 2.7, a tenth above 6)."""
    sizes = np.ceil(draws.lognormal(0.7, 0.9, 60)).astype(int).tolist()
    return _of_subjects(draws, (sizes[:30], sizes[30:]), auc)


def third(draws: np.random.Generator, auc: float) -> Drawn:
    """20 against 20 subjects of 3 records; one member subject holds a third of its side."""
    return _of_subjects(draws, ([28] + [3] * 19, [3] * 20), auc)


def half(draws: np.random.Generator, auc: float) -> Drawn:
    """The same, and the one member subject holds half of its side."""
    return _of_subjects(draws, ([57] + [3] * 19, [3] * 20), auc)


def larger_members(draws: np.random.Generator, auc: float) -> Drawn:
    """20 member subjects of 6 records against 20 others of 2."""
    return _of_subjects(draws, ([6] * 20, [2] * 20), auc)


def larger_nonmembers(draws: np.random.Generator, auc: float) -> Drawn:
    """20 member subjects of 2 records against 20 others of 6."""
    return _of_subjects(draws, ([2] * 20, [6] * 20), auc)


def tied(draws: np.random.Generator, auc: float) -> Drawn:
    """60 against 60 records with scores of four values, such as counts of equal labels."""
    member = np.arange(120) < 60
    smooth = normal_scores(draws, np.arange(120), member, auc)
    return Drawn(np.digitize(smooth, [-1.5, -0.5, 0.5]).astype(float), member)


def scale_by_record(draws: np.random.Generator, auc: float) -> Drawn:
    """60 against 60 records, each with a spread of its own (lognormal, log spread 1)."""
    member = np.arange(120) < 60
    return Drawn(
        draws.lognormal(0, 1, 120) * normal_scores(draws, np.arange(120), member, auc), member
    )


def scale_by_subject(draws: np.random.Generator, auc: float) -> Drawn:
    """30 against 30 subjects; the more records a subject has, the more its scores spread."""
    common = draws.normal(size=60)
    sizes = np.ceil(np.exp(0.7 + 0.9 * common)).astype(int).tolist()
    drawn = _of_subjects(draws, (sizes[:30], sizes[30:]), auc)
    return Drawn(np.repeat(np.exp(common), sizes) * drawn.scores, drawn.member, drawn.units)


def wider_members(draws: np.random.Generator, auc: float) -> Drawn:
    """60 records that are no members' in spread only: members' scores spread twice as far.

    So they do on an untrained model, so the sides differ and nothing leaks.
    """
    member = np.arange(120) < 60
    spread = np.where(member, 2.0, 1.0)
    scores = spread * normal_scores(draws, np.arange(120), member, auc)
    untrained = spread * normal_scores(draws, np.arange(120), member, 0.5)
    return Drawn(scores, member, untrained=untrained)


def few_members(draws: np.random.Generator, auc: float) -> Drawn:
    """60 against 60 records; nine members stand out by 3.5, and none on an untrained model."""
    member = np.arange(120) < 60
    scores = normal_scores(draws, np.arange(120), member, auc) + 3.5 * (np.arange(120) < 9)
    return Drawn(scores, member, untrained=normal_scores(draws, np.arange(120), member, 0.5))


KINDS = {
    one.__name__: one
    for one in (
        equal,
        lognormal,
        third,
        half,
        larger_members,
        larger_nonmembers,
        tied,
        scale_by_record,
        scale_by_subject,
        wider_members,
        few_members,
    )
}


def reason_of(verdict: Any) -> str:
    """Why the answer is "cannot tell", in a few words; empty for another answer."""
    if verdict.answer != "cannot-tell":
        return ""
    return next(
        (name for name, text in SENTENCES.items() if re.search(text, verdict.sentence)),
        verdict.sentence,
    )


def judged(world: World, seed: int) -> dict[str, Any]:
    """The verdict of one world; where two other tests are compared, theirs as well."""
    from pixleak.core.tables import Scores
    from pixleak.evaluation.evaluate import evaluate_scores
    from pixleak.evaluation.statistics import significance
    from pixleak.evaluation.statistics.sample import sample_of
    from pixleak.evaluation.verdict.rule import decide

    significance.PERMUTATIONS = SHUFFLES
    draws = np.random.default_rng([seed, *map(ord, world.kind), round(1000 * world.auc)])
    drawn = KINDS[world.kind](draws, world.auc)
    count = len(drawn.member)
    ids = tuple(str(i) for i in range(count))
    every = np.ones(count, dtype=bool)

    def scores_of(values: np.ndarray, k: int) -> Scores:
        return Scores(ids, values, every, f"attack-{k}", "score")

    results = [
        evaluate_scores(
            scores_of(values, k),
            drawn.member,
            units=drawn.units,
            control=None if drawn.untrained is None else scores_of(drawn.untrained[k], k),
            replicates=REPLICATES,
            fprs=(0.1, 0.01),
            seed=seed,
        )
        for k, values in enumerate(drawn.scores)
    ]
    sample = sample_of(drawn.scores[0], drawn.member, drawn.units)
    sides = {"members": sample.members.count, "nonmembers": sample.nonmembers.count}

    def answered(attacks: Sequence[Any]) -> Any:
        return decide(attacks, [], duplicates=None, shift=None, **sides)

    def with_tests(p_values: Sequence[float]) -> Any:
        pairs = zip(results, p_values, strict=True)
        return answered([one.model_copy(update={"p_value": p}) for one, p in pairs])

    verdict = answered(results)
    found = {"answer": verdict.answer, "reason": reason_of(verdict)}
    if drawn.untrained is not None:
        area_alone = [one.model_copy(update={"control_tpr": []}) for one in results]
        found["leak by the control's AUC alone"] = answered(area_alone).answer == "leak"
        for name, changed in _controls_in_part(results, drawn, seed).items():
            found[f"leak {name}"] = answered(changed).answer == "leak"
    if world.compared:
        others = [other_tests(one, drawn.member, drawn.units, seed) for one in drawn.scores]
        by_set, by_sum = zip(*others, strict=True)
        found["leak by the set test"] = with_tests(by_set).answer == "leak"
        found["leak by the sum of ranks"] = with_tests(by_sum).answer == "leak"
    return found


def _controls_in_part(results: Sequence[Any], drawn: Drawn, seed: int) -> dict[str, list[Any]]:
    """The attacks with only a part of what the TPR of an untrained model is compared in.

    A TPR counts if no TPR of the untrained model lies above its FPR, and if the interval of the
    difference lies above 0. Either is left out, or the first is decided by the exact test.
    """
    from pixleak.evaluation.statistics.sample import sample_of
    from pixleak.evaluation.statistics.significance import tpr_p_value

    def with_rates(change: Callable[[Any, float, int], dict[str, float]]) -> list[Any]:
        return [
            one.model_copy(
                update={
                    "control_tpr": [
                        rate.model_copy(update=change(rate, at.fpr, k))
                        for rate, at in zip(one.control_tpr, one.tpr_at_fpr, strict=True)
                    ]
                }
            )
            for k, one in enumerate(results)
        ]

    def tested(rate: Any, fpr: float, k: int) -> dict[str, float]:
        sample = sample_of(drawn.untrained[k], drawn.member, drawn.units)
        return {"low": float(tpr_p_value(sample, fpr, seed) <= 0.05)}

    return {
        "without its TPR against its FPR": with_rates(lambda rate, fpr, k: {"low": 0.0}),
        "without the difference of TPRs": with_rates(
            lambda rate, fpr, k: {"value": 0.0, "high": 0.0}
        ),
        "by the exact test of its TPR": with_rates(tested),
    }


def other_tests(
    scores: np.ndarray, member: np.ndarray, units: Sequence[str] | None, seed: int
) -> tuple[float, float]:
    """The p-values of two other tests of the members' ranks, by permuting subjects.

    The first is that of a whole set (:mod:`pixleak.evaluation.permutation_test`). The second is the
    sum of the members' centred ranks, by which the AUC by subject was tested before it was
    studentised; it is right where all subjects have equally many records.
    """
    from scipy.stats import rankdata

    from pixleak.evaluation.permutation_test import permutation_test

    set_test = permutation_test(scores, member, units=units, permutations=SHUFFLES, seed=seed)
    names = np.arange(len(scores)).astype(str) if units is None else np.asarray(units)
    _, first, of = np.unique(names, return_index=True, return_inverse=True)
    sums = np.bincount(of, rankdata(scores) - (len(scores) + 1) / 2)
    inside = member[first]
    rows = np.broadcast_to(inside, (SHUFFLES, len(inside)))
    drawn = np.vstack([inside, np.random.default_rng(seed).permuted(rows, axis=1)])
    total = drawn @ sums
    by_sum = (1 + np.count_nonzero(total[1:] >= total[0] - 1e-6)) / (1 + SHUFFLES)
    return set_test.p_value, float(by_sum)


def covered(world: World, attacks: int, seed: int) -> dict[str, bool]:
    """Whether the strongest of several attacks of this AUC has an interval that holds it.

    The scores of two attacks correlate by 0.6.
    """
    from pixleak.core.tables import Scores
    from pixleak.evaluation.statistics.intervals import auc_interval
    from pixleak.evaluation.statistics.simultaneous import simultaneous_intervals

    draws = np.random.default_rng([seed, attacks, *map(ord, world.kind)])
    drawn = KINDS[world.kind](draws, 0.5)
    count = len(drawn.member)
    every, ids = np.ones(count, dtype=bool), tuple(map(str, range(count)))
    of = np.unique(np.asarray(drawn.units or ids), return_inverse=True)[1]
    common = normal_scores(draws, of, drawn.member, 0.5)[0]
    values = [
        np.sqrt(0.6) * common
        + np.sqrt(0.4) * normal_scores(draws, of, drawn.member, 0.5)[0]
        + np.sqrt(2) * float(ndtri(world.auc)) * drawn.member
        for _ in range(attacks)
    ]
    together = simultaneous_intervals(
        [Scores(ids, one, every, "attack", "score") for one in values],
        drawn.member,
        drawn.units,
        replicates=300,
        seed=seed,
    )
    best = max(range(attacks), key=lambda k: together[k].value)
    alone = auc_interval(values[best], drawn.member, units=drawn.units, replicates=300, seed=seed)
    return {
        "simultaneous": together[best].low <= world.auc <= together[best].high,
        "own": alone.low <= world.auc <= alone.high,
    }
