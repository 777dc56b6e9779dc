"""The sentences of the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.results.attacks import AttackResult
from pixleak.results.base import Interval, TprAtFpr
from pixleak.results.controls import Control, DuplicateCheck, ShiftCheck

LEAK = "The model reveals which records it was trained on"
UNDETERMINED = "It cannot be determined whether the model leaks"
NO_ATTACK = f"{UNDETERMINED}: no attack could be evaluated."


def auc(interval: Interval) -> str:
    """``AUC 0.93 [0.90, 0.96]``."""
    return f"AUC {interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def headline(attack: AttackResult) -> str:
    """The AUC of an attack that was chosen by its figure, with the interval that allows for that.

    ``AUC 0.93 [0.88, 0.97], an interval that holds for all 12 attacks together``
    """
    if attack.auc_simultaneous is None:
        return auc(attack.auc)
    return auc(attack.auc_simultaneous)


def share(value: float) -> str:
    """A share in percent, with one decimal unless it is zero."""
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def size(members: int, nonmembers: int, attacks: Sequence[AttackResult]) -> str:
    """The number of independent units on each side, and of records where it differs.

    Args:
        members: number of independent units.
        nonmembers: number of independent units.
        attacks: which count records.
    """
    records = tuple(
        max((getattr(attack, side) for attack in attacks), default=0)
        for side in ("members", "nonmembers")
    )
    if records[0] > members or records[1] > nonmembers:
        return (
            f"{members} + {nonmembers} independent subjects, blocks or clusters "
            f"({records[0]} + {records[1]} records)"
        )
    return f"{members} members and {nonmembers} non-members"


def leak(best: AttackResult, rate: TprAtFpr | None, *, checked: bool) -> str:
    """A leak was found; a conditional statement if no control was run.

    Args:
        best: the strongest evidence.
        rate: true positive rate to quote, if any.
        checked: whether a control of the whole audit passed.
    """
    at = "" if rate is None else f" and identifies {_members(rate)} {_false_positives(rate)}"
    finding = f"'{best.title}' distinguishes members from non-members with {headline(best)}{at}."
    if checked:
        return f"{LEAK}: {finding}"
    return (
        f"{LEAK}, provided that members and non-members come from the same population, which no "
        f"control has checked: {finding}"
    )


def confounded(control: Control, best: AttackResult) -> str:
    """A control of the whole audit failed."""
    measured = "" if control.auc is None else f" with {auc(control.auc)}"
    return (
        f"{UNDETERMINED}: the control '{control.title}' distinguishes members from non-members"
        f"{measured} although it cannot use a leak. The two sets themselves differ, and "
        f"'{best.title}' ({auc(best.auc)}) may measure that difference."
    )


def shifted(best: AttackResult) -> str:
    """The sets are shifted, and no control measured how much that matters."""
    return (
        f"{UNDETERMINED}: members and non-members differ in plain image properties, and no control "
        f"has measured how much that contributes to the attacks ('{best.title}' reached "
        f"{auc(best.auc)})."
    )


def correlated(control: Control) -> str:
    """Records of a side are not independent, so intervals and tests are too narrow."""
    return f"{UNDETERMINED}: the records of a side are not independent. {control.explanation}"


def no_evidence(best: AttackResult) -> str:
    """Attacks are significant, but none stands out from its own control."""
    beside = []
    if best.control_auc is not None:
        beside.append(f"{auc(best.control_auc)} on an untrained model")
    if best.elsewhere_auc is not None:
        beside.append(f"{auc(best.elsewhere_auc)} on models trained on neither side")
    return (
        f"{UNDETERMINED}: every significant attack may measure a difference between members and "
        f"non-members that has nothing to do with training. '{best.title}' has "
        f"{' and '.join([auc(best.auc), *beside])}."
    )


def not_working(control: Control) -> str:
    """The target does not do its job, so that finding nothing means nothing."""
    return f"{UNDETERMINED}. {control.explanation}"


def reversed_ranking(attack: AttackResult) -> str:
    """An attack ranks members significantly lower than non-members."""
    return (
        f"{UNDETERMINED}: '{attack.title}' ranks members lower than non-members "
        f"({auc(attack.auc)}), so the two sets differ, and this difference may hide a leak. Where "
        "scores of your own were given, check their sign: higher must mean member, so a loss is "
        "given with a minus."
    )


def harder_members(control: Control) -> str:
    """A model that saw neither side ranks members lower."""
    measured = "" if control.auc is None else f" with {auc(control.auc)}"
    return (
        f"{UNDETERMINED}: the control '{control.title}' ranks members lower than non-members"
        f"{measured} although it saw neither, so the members are harder for any model, and this "
        "may hide a leak. Draw both sets at random from the same source, annotated in the same way."
    )


def duplicated(affected: float) -> str:
    """Too many duplicates for a negative result."""
    return (
        f"{UNDETERMINED}: {share(affected)} of the non-members have a duplicate among the members, "
        "which would hide a leak."
    )


def all_tied(reachable: float) -> str:
    """The scores of no attack rank the records."""
    if reachable <= 0.5:
        return (
            f"{UNDETERMINED}: every record has the same score, so the scores rank nothing. Check "
            "what they were computed from."
        )
    return (
        f"{UNDETERMINED}: so many scores are equal that no attack could have reached an AUC above "
        f"{reachable:.2f}, however much the model leaks."
    )


def too_few_records(size: str, smallest: float) -> str:
    """Too few records for a negative result."""
    return (
        f"{UNDETERMINED}: with {size}, only an AUC of {smallest:.2f} or more can be detected "
        "reliably, and none was found. A negative result is inconclusive."
    )


def none_found(best: AttackResult, attacks: int, size: str, smallest: float) -> str:
    """No leak found, at this power."""
    tried = "the one attack" if attacks == 1 else f"any of {attacks} attacks"
    return (
        f"No leak was found by {tried}. With {size}, an AUC of {smallest:.2f} or more would have "
        f"been detected with probability 0.8; the highest is '{best.title}' with {headline(best)}."
    )


def reasons(
    *,
    attacks: Sequence[AttackResult],
    significant: Sequence[AttackResult],
    evidence: Sequence[AttackResult],
    reversed_attacks: Sequence[AttackResult],
    tied: Sequence[AttackResult],
    controls: Sequence[Control],
    checked: bool,
    duplicates: DuplicateCheck | None,
    shift: ShiftCheck | None,
    tests: int,
    level: float,
    size: str,
    smallest: float,
) -> list[str]:
    """Everything that the answer is based on, most important first."""
    found = []
    if significant:
        found.append(
            f"Significant attacks at a family-wise level of {share(level)} "
            f"({len(significant)} of {len(attacks)}, {tests} tests): {_titles(significant)}."
        )
    elif attacks:
        none = "The attack is not" if len(attacks) == 1 else "No attack is"
        found.append(
            f"{none} significant at a family-wise level of {share(level)} ({tests} tests)."
        )
    if dropped := [attack for attack in significant if attack not in evidence]:
        found.append(
            "Not counted as evidence, because the result does not exceed that of the same attack "
            "on a model that was not trained, or not on these records: "
            f"{_against_controls(dropped)}."
        )
    if uncontrolled := [attack for attack in evidence if attack.control_auc is None]:
        found.append(f"Not compared with an untrained model: {_titles(uncontrolled)}.")
    if reversed_attacks:
        found.append(
            f"Members are ranked lower than non-members by {_titles(reversed_attacks)}. This is "
            "not a sign of memorisation, but of a difference between the two sets."
        )
    if tied:
        found.append(
            f"Gave almost every record the same score, and so could not have shown a leak: "
            f"{_titles(tied)}."
        )
    found += [_control(control) for control in controls]
    if not checked:
        found.append(
            "No control has shown that members and non-members are indistinguishable without the "
            "model. The figures describe the model only if both sets were drawn at random from the "
            "same records."
        )
    if duplicates is not None and not duplicates.nonmembers_affected and not duplicates.passed:
        found.append(f"The check for duplicates failed. {duplicates.explanation}")
    if duplicates is not None and duplicates.nonmembers_affected:
        found.append(
            f"{duplicates.nonmembers_affected} of {duplicates.nonmembers} non-members have a "
            "duplicate among the members. They look like members, which lowers every figure, "
            "especially at low false positive rates, but cannot raise one."
        )
    if shift is not None and not shift.passed:
        found.append(
            f"{shift.explanation} The blind baseline measures how much that matters."
            if checked
            else shift.explanation
        )
    found.append(
        f"With {size}, these attacks would have detected an AUC of {smallest:.2f} with probability "
        "0.8. Stronger attacks may exist."
    )
    return found


def _control(control: Control) -> str:
    if control.passed is None:
        return f"Control '{control.title}' could not be run. {control.explanation}"
    word = "passed" if control.passed else "failed"
    measured = "" if control.auc is None else f" ({auc(control.auc)})"
    return f"Control '{control.title}' {word}{measured}."


def _members(rate: TprAtFpr) -> str:
    return (
        f"{rate.successes} of {rate.trials} members ({share(rate.value)} "
        f"[{share(rate.low)}, {share(rate.high)}])"
    )


def _false_positives(rate: TprAtFpr) -> str:
    if not rate.resolvable:
        return f"with no false positive among {rate.nonmembers} non-members"
    return f"at a false positive rate of {share(rate.fpr)}"


def _titles(attacks: Sequence[AttackResult], shown: int = 5) -> str:
    named = ", ".join(f"'{attack.title}'" for attack in attacks[:shown])
    return named + (f" and {len(attacks) - shown} more" if len(attacks) > shown else "")


def _against_controls(attacks: Sequence[AttackResult], shown: int = 3) -> str:
    named = "; ".join(
        f"'{attack.title}' ({auc(attack.auc)}"
        + (f"; untrained {auc(attack.control_auc)}" if attack.control_auc else "")
        + (f"; elsewhere {auc(attack.elsewhere_auc)})" if attack.elsewhere_auc else ")")
        for attack in attacks[:shown]
    )
    return named + (f"; and {len(attacks) - shown} more" if len(attacks) > shown else "")
