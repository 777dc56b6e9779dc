"""What the verdict says, in words."""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.results.attacks import AttackResult
from pixleak.results.base import Interval, TprAtFpr
from pixleak.results.controls import Control, DuplicateCheck, ShiftCheck

NO_ATTACK = "It cannot be told whether the model leaks: no attack could be evaluated."


def auc(interval: Interval) -> str:
    """``AUC 0.93 [0.90, 0.96]``."""
    return f"AUC {interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def share(value: float) -> str:
    """A share in percent with one decimal, none where it is whole."""
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def size(members: int, nonmembers: int, attacks: Sequence[AttackResult]) -> str:
    """How many there are on each side; independent units and records where those differ.

    Args:
        members: independent units.
        nonmembers: the same of non-members.
        attacks: which count records.
    """
    records = tuple(
        max((getattr(attack, side) for attack in attacks), default=0)
        for side in ("members", "nonmembers")
    )
    if records[0] > members or records[1] > nonmembers:
        return (
            f"{members} + {nonmembers} independent subjects or blocks "
            f"({records[0]} + {records[1]} records)"
        )
    return f"{members} members and {nonmembers} non-members"


def leak(best: AttackResult, rate: TprAtFpr | None, *, checked: bool) -> str:
    """The sentence of a leak; a conditional one where no control was run.

    Args:
        best: the strongest evidence.
        rate: what to quote at a low FPR, if anything.
        checked: whether a control of the whole audit passed.
    """
    at = "" if rate is None else f", and finds {_members(rate)} at {_false_positives(rate)}"
    finding = f"'{best.title}' tells members from non-members with {auc(best.auc)}{at}."
    if checked:
        return f"The model leaks who was in its training set: {finding}"
    return (
        "The model leaks who was in its training set, provided that members and non-members were "
        f"drawn alike, which no control has checked: {finding}"
    )


def confounded(control: Control, best: AttackResult) -> str:
    """A control of the whole audit failed."""
    measured = "" if control.auc is None else f" with {auc(control.auc)}"
    return (
        "It cannot be told whether the model leaks: the control "
        f"'{control.title}' tells members from non-members{measured} without being able to use a "
        f"leak, so they differ in themselves, and '{best.title}' ({auc(best.auc)}) may be reading "
        "that difference."
    )


def shifted(best: AttackResult) -> str:
    """Shift, and no control to say how far it carries."""
    return (
        "It cannot be told whether the model leaks: members and non-members differ in plain image "
        "properties, and no control has measured how far that carries "
        f"('{best.title}' reached {auc(best.auc)})."
    )


def unsound(best: AttackResult) -> str:
    """Only attacks whose own control fires, or comes close, found something."""
    control = "" if best.control_auc is None else f", and {auc(best.control_auc)}"
    return (
        "It cannot be told whether the model leaks: every attack that finds something may be "
        f"reading a difference between members and non-members; '{best.title}' has "
        f"{auc(best.auc)}{control} on a model that was never trained."
    )


def backwards(attack: AttackResult) -> str:
    """Members look less like members than non-members do."""
    return (
        f"It cannot be told whether the model leaks: by '{attack.title}' members look less like "
        f"members than non-members do ({auc(attack.auc)}), so the two sides differ, and a leak may "
        "hide behind that."
    )


def duplicated(hidden: float) -> str:
    """Too many duplicates to call it clean."""
    return (
        f"It cannot be told whether the model leaks: {share(hidden)} of the non-members have a "
        "duplicate among the members and would hide a leak."
    )


def too_few(size: str, smallest: float) -> str:
    """Too few records to call it clean."""
    return (
        f"It cannot be told whether the model leaks: {size} would show only a leak with an AUC of "
        f"{smallest:.2f} or more, and none so large was found."
    )


def none_found(best: AttackResult, attacks: int, size: str, smallest: float) -> str:
    """No leak found, at this power."""
    tried = "the one attack" if attacks == 1 else f"any of {attacks} attacks"
    return (
        f"No leak was found by {tried}, which with {size} would have shown an AUC of "
        f"{smallest:.2f} or more with probability 0.8; the highest is '{best.title}' with "
        f"{auc(best.auc)}."
    )


def reasons(
    *,
    attacks: Sequence[AttackResult],
    found: Sequence[AttackResult],
    sound: Sequence[AttackResult],
    backwards: Sequence[AttackResult],
    controls: Sequence[Control],
    checked: bool,
    duplicates: DuplicateCheck | None,
    shift: ShiftCheck | None,
    tests: int,
    level: float,
    size: str,
    smallest: float,
) -> list[str]:
    """Everything that the answer rests on, most important first."""
    said = []
    if found:
        said.append(
            f"Attacks that found something at a family-wise level of {share(level)} "
            f"({len(found)} of {len(attacks)}, {tests} tests): {_titles(found)}."
        )
    elif attacks:
        none = "The attack found nothing" if len(attacks) == 1 else "No attack found anything"
        said.append(f"{none} at a family-wise level of {share(level)} ({tests} tests).")
    if dropped := [attack for attack in found if attack not in sound]:
        said.append(
            "Not counted, because what they found does not stand out from the same attack on a "
            f"model that was never trained: {_against_controls(dropped)}."
        )
    if alone := [attack for attack in sound if attack.control_auc is None]:
        said.append(f"No untrained model to compare with: {_titles(alone)}.")
    if backwards:
        said.append(
            f"Members are ranked lower than non-members by {_titles(backwards)}: no sign of "
            "memorisation, but of a difference between the two sides."
        )
    said += [_control(control) for control in controls]
    if not checked:
        said.append(
            "No control has shown that members and non-members cannot be told apart without the "
            "model. The figures speak of the model only as far as the two were drawn at random "
            "from the same records."
        )
    if duplicates is not None and not duplicates.nonmembers_affected and not duplicates.passed:
        said.append(f"The check for duplicates failed. {duplicates.explanation}")
    if duplicates is not None and duplicates.nonmembers_affected:
        said.append(
            f"{duplicates.nonmembers_affected} of {duplicates.nonmembers} non-members have a "
            "duplicate among the members. They look like members, which lowers every figure, most "
            "of all at low false positive rates, but cannot raise one."
        )
    if shift is not None and not shift.passed:
        said.append(
            f"{shift.explanation} The blind baseline says how far that carries."
            if checked
            else shift.explanation
        )
    said.append(
        f"With {size}, an AUC of {smallest:.2f} would have been found with probability 0.8, by "
        "these attacks; better ones may exist."
    )
    return said


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
        return f"no false positive among {rate.nonmembers} non-members"
    return f"{share(rate.fpr)} false positives"


def _titles(attacks: Sequence[AttackResult], shown: int = 5) -> str:
    named = ", ".join(f"'{attack.title}'" for attack in attacks[:shown])
    return named + (f" and {len(attacks) - shown} more" if len(attacks) > shown else "")


def _against_controls(attacks: Sequence[AttackResult], shown: int = 3) -> str:
    named = "; ".join(
        f"'{attack.title}' ({auc(attack.auc)}"
        + (f"; untrained {auc(attack.control_auc)})" if attack.control_auc else ")")
        for attack in attacks[:shown]
    )
    return named + (f"; and {len(attacks) - shown} more" if len(attacks) > shown else "")
