"""The verdict, by a written rule.

:data:`RULE` is the rule in words, in the order in which it is applied; :func:`decide` is the same
in code.

Why the rule has these parts:

- *One family of tests.* Each attack is tested on its AUC and on its TPR at 10 % and at 1 % FPR (a
  leak of few records changes only the TPR). Holm's correction over all tests bounds the
  probability of reporting a leak where there is none, however the attacks are correlated.
- *Controls of the whole audit* (the blind baseline) are judged where they are measured
  (:mod:`pixleak.evaluation.controls`), at a level shared among several of them. A failed control
  shows that the two sets are distinguishable without the model: then no attack's figure can be
  interpreted as a leak, whatever its size.
- *Controls of one attack* (the same attack on an untrained model) are two-sided: an untrained model
  that ranks members lower has also found a difference between the records. They are not corrected
  for their number; an attack that is discarded by chance costs little, since others remain.
- *A model trained on neither side* (the shadow, or the references that lack a record) sees shifts
  of annotation or alignment that neither the blind baseline nor an untrained model sees. It is a
  control of the whole audit, one-sided, and each attack must also exceed it, in pairs of records
  (:mod:`pixleak.evaluation.elsewhere`): with few records the control alone lacks power. If it
  ranks members lower, the members are harder, which hides a leak.
- *A passed control may lack power*: with few records an untrained model can reach an AUC of 0.65
  whose interval still contains 0.5. So the attack must also exceed its control. Its AUC is compared
  with the control's AUC. A leak of few records hardly changes the AUC, so a significant TPR is
  compared separately, with the TPR that corresponds to the control's AUC for normal scores of equal
  variance, ``Phi(ppf(FPR) + sqrt(2) ppf(AUC))``: 0.231 at 10 % and 0.037 at 1 % for an AUC of 0.65,
  and the FPR itself for 0.5. One significant figure above the control suffices. The uncertainty
  of the control is accounted for by the condition that its interval contains 0.5.
  Where the scores of one side only spread further, an untrained model has an AUC of 0.5 and a TPR
  above its FPR. So a TPR counts only if no tested TPR of the control has an interval above its FPR,
  and if the interval of the difference of both TPRs, combined from theirs (MOVER), lies above 0.
- *A shift* in plain image properties does not block a verdict by itself, since with many records
  even a negligible shift is significant. The blind baseline measures how much it matters. If that
  could not be measured, the shift does block.
- *Correlated records* (slices of one volume that carry no subject) make every interval and test too
  narrow. Copies that are near-identical are counted as one unit; what else is alike blocks a
  verdict where the scores depend on it (:mod:`pixleak.evaluation.correlated`).
- *Members against members*: where scores follow the order of the records within a side, and
  membership does too, something has the same effect that pictures do not show: a batch, an
  annotator, a drift of the scanner (:mod:`pixleak.evaluation.placebo`).
- *A target that does not work* (asked in another way than it was trained, or not trained) reveals
  nothing to any attack. That is a failed measurement and not a negative result. A leak that such a
  target shows still counts, unless its answers do not depend on the image at all.
- *Near-duplicates* make non-members look like members. They can hide a leak but cannot fake one.
- *Members ranked lower* than non-members are not a sign of memorisation; they show that the two
  sets differ, which may hide a leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pixleak.core.holm import holm
from pixleak.evaluation.correlated import CORRELATED
from pixleak.evaluation.elsewhere import ELSEWHERE
from pixleak.evaluation.placebo import PLACEBO
from pixleak.evaluation.statistics.power import detectable_auc
from pixleak.evaluation.verdict import sentences
from pixleak.evaluation.verdict.beyond_controls import is_evidence, is_tested
from pixleak.results.attacks import AttackResult
from pixleak.results.base import TprAtFpr
from pixleak.results.controls import Control, DuplicateCheck, ShiftCheck
from pixleak.results.verdict import Verdict

MAX_DUPLICATES = 0.05
"""Share of non-members with a duplicate among the members up to which a negative result counts."""

REQUIRED_AUC = 0.7
"""An AUC that an audit must detect with probability 0.8 for its negative result to count.

It is also the AUC that the scores of at least one attack must be able to reach: scores that are
all equal, or almost all, rank nothing.
"""

UNTRAINED = "untrained-model"
"""Name of the control that each attack has of its own; it is judged together with the attack."""

BLIND = "blind-baseline"
"""Name of the control that measures how much a shift matters."""

WORKING = ("working-target", "repeatable-answers")
"""Names of the controls of the target without which a negative result does not count."""

DEPENDENT = "image-dependence"
"""Name of the control without which no result counts."""

RULE = (
    "If the target's answers do not depend on the image, the answer is 'cannot tell': there is "
    "nothing to measure.",
    "If a control of the whole audit distinguishes members from non-members without the model, the "
    "answer is 'cannot tell': the split is confounded.",
    "If image properties differ between members and non-members and the blind baseline has not "
    "measured how much that matters, the answer is 'cannot tell'.",
    "If records of a side are more like one another than like those of the other side, and their "
    "scores are alike too, the answer is 'cannot tell': they are not independent.",
    "If an attack tells members from members, or non-members from non-members, in the order of the "
    "records, and membership follows that order, the answer is 'cannot tell': the records are not "
    "independent.",
    "An attack is significant if its AUC is above 0.5, or its true positive rate at a false "
    "positive rate of 10 % or 1 % is above chance, by one-sided tests at a family-wise level of "
    "5 % over all attacks (Holm).",
    "A significant attack counts as evidence if the same attack on an untrained model does not "
    "distinguish members from non-members (its interval contains 0.5), and the attack exceeds that "
    "control: the interval of its AUC lies above the control's AUC, or that of a significant TPR "
    "lies above the TPR that corresponds to the control's AUC. A TPR must also exceed that of the "
    "control: none of its tested TPRs lies above its FPR, and the interval of the difference lies "
    "above 0. Without an untrained model, every significant attack counts as evidence.",
    "Where there are models that were trained on neither side, an attack counts as evidence only "
    "if it also exceeds them: the lower bound of its excess over the same signal of these models "
    "is above 0, or the interval of a significant TPR lies above that of these models.",
    "If an attack counts as evidence, the answer is 'leak'.",
    "If attacks are significant but none counts as evidence, the answer is 'cannot tell'.",
    "If the target does not do its job on its own training records better than a constant answer, "
    "or does not repeat its answers, the answer is 'cannot tell': such a target is never cleared.",
    "If an attack ranks members significantly lower than non-members, corrected for the number of "
    "attacks, the answer is 'cannot tell': the two sets differ.",
    "If a model that was trained on neither side ranks members lower than non-members, the answer "
    "is 'cannot tell': the members are harder, which hides a leak.",
    "If more than 5 % of the non-members have a duplicate among the members, the answer is "
    "'cannot tell': the duplicates would hide a leak.",
    "If so many scores of every attack are equal that none could have reached an AUC of 0.7, the "
    "answer is 'cannot tell': such scores rank nothing.",
    "If there are too few records to detect an AUC of 0.7 with probability 0.8, the answer is "
    "'cannot tell'.",
    "Otherwise the answer is 'none found', with the smallest AUC that would have been detected.",
)


@dataclass(frozen=True)
class _Tests:
    """Outcome of the corrected tests.

    Args:
        auc: for each attack, whether its AUC is above chance.
        rates: for each attack, the tested TPRs that are above chance, by ascending FPR.
        reversed: positions of the attacks that rank members lower.
        count: number of tests.
    """

    auc: tuple[bool, ...]
    rates: tuple[tuple[TprAtFpr, ...], ...]
    reversed: tuple[int, ...]
    count: int


def decide(
    attacks: Sequence[AttackResult],
    controls: Sequence[Control],
    *,
    duplicates: DuplicateCheck | None,
    shift: ShiftCheck | None,
    members: int,
    nonmembers: int,
    level: float = 0.05,
) -> Verdict:
    """Apply :data:`RULE`.

    Args:
        attacks: all attacks that were evaluated.
        controls: of the whole audit. One named ``untrained-model`` is only listed, since each
            attack has its own.
        duplicates: None if records could not be compared.
        shift: None if records could not be compared.
        members: number of independent units (subjects where there are subjects).
        nonmembers: number of independent units among the non-members.
        level: family-wise level of the tests over all attacks.
    """
    tests = _tests(attacks, level)
    strongest = sorted(range(len(attacks)), key=lambda i: -attacks[i].auc.value)
    significant = [attacks[i] for i in strongest if tests.auc[i] or tests.rates[i]]
    evidence = [
        attacks[i] for i in strongest if is_evidence(attacks[i], tests.auc[i], tests.rates[i])
    ]
    apart = (UNTRAINED, DEPENDENT, CORRELATED, PLACEBO, *WORKING)
    shared = [control for control in controls if control.name not in apart]
    blind = [c for c in controls if c.name == DEPENDENT and c.passed is False]
    alike = [c for c in controls if c.name in (CORRELATED, PLACEBO) and c.passed is False]
    idle = [c for c in controls if c.name in WORKING and c.passed is not True]
    failed = [control for control in shared if control.passed is False]
    harder = [c for c in shared if c.name == ELSEWHERE and c.auc is not None and c.auc.high < 0.5]
    checked = any(control.passed for control in shared if control.name == BLIND)
    smallest = detectable_auc(members, nonmembers, level=level / max(tests.count, 1))
    size = sentences.size(members, nonmembers, attacks)
    best = next(iter(evidence or significant or [attacks[i] for i in strongest]), None)
    shifted = shift is not None and not shift.passed
    ranking = [attack for attack in attacks if attainable(attack) >= REQUIRED_AUC]
    affected = 0.0
    if duplicates is not None:
        affected = duplicates.nonmembers_affected / max(duplicates.nonmembers, 1)

    if best is None:
        answer, sentence = "cannot-tell", sentences.NO_ATTACK
    elif blind:
        answer, sentence = "cannot-tell", sentences.not_working(blind[0])
    elif failed:
        answer, sentence = "cannot-tell", sentences.confounded(failed[0], best)
    elif shifted and not checked:
        answer, sentence = "cannot-tell", sentences.shifted(best)
    elif alike:
        answer, sentence = "cannot-tell", sentences.correlated(alike[0])
    elif evidence:
        answer, sentence = (
            "leak",
            sentences.leak(best, quoted_rate(best, attacks, level), checked=checked),
        )
    elif significant:
        answer, sentence = "cannot-tell", sentences.no_evidence(best)
    elif idle:
        answer, sentence = "cannot-tell", sentences.not_working(idle[0])
    elif tests.reversed:
        answer, sentence = "cannot-tell", sentences.reversed_ranking(attacks[tests.reversed[0]])
    elif harder:
        answer, sentence = "cannot-tell", sentences.harder_members(harder[0])
    elif affected > MAX_DUPLICATES:
        answer, sentence = "cannot-tell", sentences.duplicated(affected)
    elif not ranking:
        reached = max(attainable(attack) for attack in attacks)
        answer, sentence = "cannot-tell", sentences.all_tied(reached)
    elif smallest > REQUIRED_AUC:
        answer, sentence = "cannot-tell", sentences.too_few_records(size, smallest)
    else:
        answer, sentence = "none-found", sentences.none_found(best, len(ranking), size, smallest)
    return Verdict.model_validate(
        {
            "answer": answer,
            "sentence": sentence,
            "reasons": sentences.reasons(
                attacks=attacks,
                significant=significant,
                evidence=evidence,
                reversed_attacks=[attacks[i] for i in tests.reversed],
                tied=[attack for attack in attacks if attack not in ranking],
                controls=controls,
                checked=checked,
                duplicates=duplicates,
                shift=shift,
                tests=tests.count,
                level=level,
                size=size,
                smallest=smallest,
            ),
            "evidence": [attack.title for attack in evidence] if answer == "leak" else [],
            "detectable_auc": smallest,
            "level": level,
        }
    )


def quoted_rate(
    attack: AttackResult, attacks: Sequence[AttackResult], level: float
) -> TprAtFpr | None:
    """The TPR to quote for an attack: at the lowest FPR, of those resolvable and above chance.

    A TPR that is above chance but not resolvable is quoted only if nothing else is significant.

    Args:
        attack: one of ``attacks``.
        attacks: all that were tested together, so that the correction is that of the verdict.
        level: family-wise level.

    Returns:
        None if no tested rate is above chance.
    """
    position = [a is attack for a in attacks].index(True)
    tests = _tests(attacks, level)
    rates = tests.rates[position]
    fallback = None if tests.auc[position] else next(iter(rates), None)
    return next((rate for rate in rates if rate.resolvable), fallback)


def attainable(attack: AttackResult) -> float:
    """The highest AUC that its scores could have given; 1 where that was not recorded."""
    return 1.0 if attack.auc_attainable is None else attack.auc_attainable


def _tests(attacks: Sequence[AttackResult], level: float) -> _Tests:
    tested = [
        sorted(
            (rate for rate in attack.tpr_at_fpr if is_tested(rate.fpr)),
            key=lambda rate: rate.fpr,
        )
        for attack in attacks
    ]
    p_values: list[float] = []
    for attack, rates in zip(attacks, tested, strict=True):
        p_values += [attack.p_value, *(rate.p_value for rate in rates)]
    significant = iter([p <= level for p in holm(p_values)])
    auc, above = [], []
    for rates in tested:
        auc.append(next(significant))
        above.append(tuple([rate for rate in rates if next(significant)]))
    # The other tail of the rank test, with its level shared among the attacks. It is exact only
    # without ties, so the interval must agree.
    reverse = [
        i
        for i, attack in enumerate(attacks)
        if attack.auc.high < 0.5 and 1 - attack.p_value <= level / len(attacks)
    ]
    return _Tests(tuple(auc), tuple(above), tuple(reverse), len(p_values))
