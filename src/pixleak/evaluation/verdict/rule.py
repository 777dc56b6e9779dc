"""The verdict, by a written rule.

:data:`RULE` is the rule in words, in the order in which it is applied; :func:`decide` is the same
in code.

Why the parts are what they are:

- *One family of tests.* Each attack is tested on its AUC and on its TPR at 10 % and at 1 % FPR (a
  leak of few records moves only the latter). Holm's correction over all of them keeps the chance
  of calling a leak where there is none at the level, however the attacks are correlated.
- *Controls of all attacks* (the blind baseline) are judged where they are measured
  (:mod:`pixleak.evaluation.controls`), which also shares the level among several of them. One that
  fails means that the split can be told apart without the model: then no attack's figure can be
  read as a leak, whatever its size.
- *Controls of one attack* (the same attack on an untrained model) are read two-sided: a model
  without training that ranks members lower, too, has found a difference between the records.
  They are not corrected for their number; an attack lost by chance costs little, since others
  remain.
- *A control that finds nothing may be too small to find anything*: with few records an untrained
  model reads an AUC of 0.65 and its interval still holds 0.5. So the attack is weighed against
  it as well: what is significant about the attack must lie above what the control reached. For
  the AUC that is the control's AUC. A leak of few records hardly moves the AUC and must not be
  lost by this, so a significant TPR is compared on its own, with the TPR that goes with the
  control's AUC if scores are normal and spread alike, ``Phi(ppf(FPR) + sqrt(2) ppf(AUC))``:
  0.231 at 10 % and 0.037 at 1 % for an AUC of 0.65, and the FPR itself for 0.5. One significant
  figure above the control is enough. The control's own uncertainty is left to the rule that its
  interval holds 0.5.
- *A shift* in plain image properties does not block a verdict by itself, since with many records
  it is found however small it is. The blind baseline measures how far it carries. Where that
  could not be measured, the shift does block.
- *Near-duplicates* make non-members look like members. They can hide a leak and cannot fake one.
- *Members ranked lower* than non-members is no form of memorisation; it shows that the two sides
  differ, and a leak may hide behind that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from pixleak.core.holm import holm
from pixleak.evaluation.statistics.power import detectable_auc
from pixleak.evaluation.verdict import sentences
from pixleak.results.attacks import AttackResult
from pixleak.results.base import TprAtFpr
from pixleak.results.controls import Control, DuplicateCheck, ShiftCheck
from pixleak.results.verdict import Verdict

TESTED_FPRS = (0.1, 0.01)
"""False positive rates at which the true positive rate is tested, besides the AUC."""

MANY_DUPLICATES = 0.05
"""Share of non-members with a duplicate among the members above which nothing found is no news."""

WANTED_AUC = 0.7
"""An audit that would miss a larger AUC than this with probability 0.2 is too small to clear."""

PER_ATTACK = "untrained-model"
"""Name of the control that belongs to each attack; listed for show, judged attack by attack."""

RULE = (
    "If a control of the whole audit can tell members from non-members without the model, the "
    "answer is 'cannot tell': the split is confounded.",
    "If image properties differ between members and non-members and no control has measured how "
    "far that carries, the answer is 'cannot tell'.",
    "An attack finds something if its AUC is above 0.5, or it finds more members at 10 % or 1 % "
    "false positives than chance would, by one-sided tests at a family-wise level of 5 % over all "
    "attacks (Holm).",
    "It counts as evidence if the same attack on an untrained model does not tell members from "
    "non-members (its interval holds 0.5), and what it found lies above that control: the interval "
    "of its AUC above the control's AUC, or that of its TPR above the TPR that goes with the "
    "control's AUC.",
    "If an attack counts as evidence, the answer is 'leak'.",
    "If attacks find something, but their controls do too or come close, the answer is 'cannot "
    "tell'.",
    "If members are ranked lower than non-members by an attack, significantly over all attacks, "
    "the answer is 'cannot tell': the two sides differ.",
    "If more than 5 % of the non-members have a duplicate among the members, the answer is "
    "'cannot tell': they would hide a leak.",
    "If the records are too few to show an AUC of 0.7 with probability 0.8, the answer is "
    "'cannot tell'.",
    "Otherwise the answer is 'none found', with the smallest AUC that would have been found.",
)


@dataclass(frozen=True)
class _Tests:
    """What the corrected tests say.

    Args:
        auc: for each attack whether its AUC is above chance.
        rates: for each attack the tested TPRs that are above chance, the strictest first.
        reversed: positions of attacks that rank members lower.
        count: how many tests there were.
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
        attacks: everything that was evaluated.
        controls: of the whole audit. One named ``untrained-model`` is not judged here, since
            each attack carries its own.
        duplicates: None where records could not be compared.
        shift: None where records could not be compared.
        members: independent units, subjects where there are subjects.
        nonmembers: the same of non-members.
        level: family-wise, of the tests over all attacks.
    """
    tests = _tests(attacks, level)
    strongest = sorted(range(len(attacks)), key=lambda i: -attacks[i].auc.value)
    found = [attacks[i] for i in strongest if tests.auc[i] or tests.rates[i]]
    sound = [
        attacks[i] for i in strongest if _is_evidence(attacks[i], tests.auc[i], tests.rates[i])
    ]
    shared = [control for control in controls if control.name != PER_ATTACK]
    failed = [control for control in shared if control.passed is False]
    checked = any(control.passed for control in shared)
    smallest = detectable_auc(members, nonmembers, level=level / max(tests.count, 1))
    size = sentences.size(members, nonmembers, attacks)
    best = next(iter(sound or found or [attacks[i] for i in strongest]), None)
    shifted = shift is not None and not shift.passed
    hidden = 0.0
    if duplicates is not None:
        hidden = duplicates.nonmembers_affected / max(duplicates.nonmembers, 1)

    if best is None:
        answer, sentence = "cannot-tell", sentences.NO_ATTACK
    elif failed:
        answer, sentence = "cannot-tell", sentences.confounded(failed[0], best)
    elif shifted and not checked:
        answer, sentence = "cannot-tell", sentences.shifted(best)
    elif sound:
        answer, sentence = (
            "leak",
            sentences.leak(best, quoted_rate(best, attacks, level), checked=checked),
        )
    elif found:
        answer, sentence = "cannot-tell", sentences.unsound(best)
    elif tests.reversed:
        answer, sentence = "cannot-tell", sentences.backwards(attacks[tests.reversed[0]])
    elif hidden > MANY_DUPLICATES:
        answer, sentence = "cannot-tell", sentences.duplicated(hidden)
    elif smallest > WANTED_AUC:
        answer, sentence = "cannot-tell", sentences.too_few(size, smallest)
    else:
        answer, sentence = "none-found", sentences.none_found(best, len(attacks), size, smallest)
    return Verdict.model_validate(
        {
            "answer": answer,
            "sentence": sentence,
            "reasons": sentences.reasons(
                attacks=attacks,
                found=found,
                sound=sound,
                backwards=[attacks[i] for i in tests.reversed],
                controls=controls,
                checked=checked,
                duplicates=duplicates,
                shift=shift,
                tests=tests.count,
                level=level,
                size=size,
                smallest=smallest,
            ),
            "evidence": [attack.title for attack in sound] if answer == "leak" else [],
            "detectable_auc": smallest,
            "level": level,
        }
    )


def quoted_rate(
    attack: AttackResult, attacks: Sequence[AttackResult], level: float
) -> TprAtFpr | None:
    """The TPR worth quoting of an attack: the strictest that is resolvable and above chance.

    One that is above chance but not resolvable is quoted only where it is all that was found.

    Args:
        attack: one of ``attacks``.
        attacks: all that were tested together, so that the correction is that of the verdict.
        level: family-wise.

    Returns:
        None where no tested rate is: what was found there may be noise.
    """
    position = [a is attack for a in attacks].index(True)
    tests = _tests(attacks, level)
    rates = tests.rates[position]
    fallback = None if tests.auc[position] else next(iter(rates), None)
    return next((rate for rate in rates if rate.resolvable), fallback)


def _tests(attacks: Sequence[AttackResult], level: float) -> _Tests:
    tested = [
        sorted(
            (
                rate
                for rate in attack.tpr_at_fpr
                if any(abs(rate.fpr - fpr) < 1e-9 for fpr in TESTED_FPRS)
            ),
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
    # The other tail of the rank test, shared among the attacks. It is exact only up to ties, so
    # the interval must agree.
    backwards = [
        i
        for i, attack in enumerate(attacks)
        if attack.auc.high < 0.5 and 1 - attack.p_value <= level / len(attacks)
    ]
    return _Tests(tuple(auc), tuple(above), tuple(backwards), len(p_values))


def _is_evidence(attack: AttackResult, auc: bool, rates: Sequence[TprAtFpr]) -> bool:
    """Whether something significant about an attack lies above a control that is silent."""
    control = attack.control_auc
    if control is None:
        return auc or bool(rates)
    if not control.low <= 0.5 <= control.high:
        return False
    return (auc and attack.auc.low > control.value) or any(
        rate.low > _tpr_of_auc(control.value, rate.fpr) for rate in rates
    )


def _tpr_of_auc(auc: float, fpr: float) -> float:
    """The TPR at an FPR of normal scores that spread alike, given their AUC."""
    return float(ndtr(ndtri(fpr) + np.sqrt(2) * ndtri(auc)))
