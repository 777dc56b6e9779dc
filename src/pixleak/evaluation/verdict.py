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

from pixleak.evaluation import sentences
from pixleak.evaluation.power import detectable_auc
from pixleak.holm import holm
from pixleak.results import (
    AttackResult,
    Control,
    DuplicateCheck,
    ShiftCheck,
    Verdict,
)

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
    "non-members (its interval holds 0.5).",
    "If an attack counts as evidence, the answer is 'leak'.",
    "If attacks find something, but their controls do too, the answer is 'cannot tell'.",
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
    """What the corrected tests say: positions of attacks, and how many tests there were."""

    found: tuple[int, ...]
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
    found = [attacks[i] for i in tests.found]
    sound = [attack for attack in found if not _control_fires(attack)]
    shared = [control for control in controls if control.name != PER_ATTACK]
    failed = [control for control in shared if control.passed is False]
    checked = any(control.passed for control in shared)
    smallest = detectable_auc(members, nonmembers, level=level / max(tests.count, 1))
    best = max(sound or found or attacks, key=lambda a: a.auc.value, default=None)
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
        answer, sentence = "leak", sentences.leak(best, checked=checked)
    elif found:
        answer, sentence = "cannot-tell", sentences.unsound(best)
    elif tests.reversed:
        answer, sentence = "cannot-tell", sentences.backwards(attacks[tests.reversed[0]])
    elif hidden > MANY_DUPLICATES:
        answer, sentence = "cannot-tell", sentences.duplicated(hidden)
    elif smallest > WANTED_AUC:
        answer, sentence = "cannot-tell", sentences.too_few(members, nonmembers, smallest)
    else:
        answer, sentence = "none-found", sentences.none_found(best, len(attacks), smallest)
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
                smallest=smallest,
            ),
            "evidence": [attack.title for attack in sound] if answer == "leak" else [],
            "detectable_auc": smallest,
            "level": level,
        }
    )


def _tests(attacks: Sequence[AttackResult], level: float) -> _Tests:
    p_values: list[float] = []
    owner: list[int] = []
    for i, attack in enumerate(attacks):
        mine = [attack.p_value]
        mine += [
            rate.p_value
            for rate in attack.tpr_at_fpr
            if any(abs(rate.fpr - fpr) < 1e-9 for fpr in TESTED_FPRS)
        ]
        p_values += mine
        owner += [i] * len(mine)
    adjusted = holm(p_values)
    found = {i for i, p in zip(owner, adjusted, strict=True) if p <= level}
    # The other tail of the rank test, shared among the attacks. It is exact only up to ties, so
    # the interval must agree.
    backwards = {
        i
        for i, attack in enumerate(attacks)
        if attack.auc.high < 0.5 and 1 - attack.p_value <= level / len(attacks)
    }
    return _Tests(tuple(sorted(found)), tuple(sorted(backwards)), len(p_values))


def _control_fires(attack: AttackResult) -> bool:
    control = attack.control_auc
    return control is not None and not control.low <= 0.5 <= control.high
