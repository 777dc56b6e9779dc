"""What the verdict says, in words."""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.results import (
    AttackResult,
    Control,
    DuplicateCheck,
    Interval,
    ShiftCheck,
    TprAtFpr,
)

NO_ATTACK = "It cannot be told whether the model leaks: no attack could be evaluated."


def auc(interval: Interval) -> str:
    """``AUC 0.93 [0.90, 0.96]``."""
    return f"AUC {interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def share(value: float) -> str:
    """A share in percent with one decimal, none where it is whole."""
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def low_fpr(attack: AttackResult) -> str:
    """How many members it finds at 1 % false positives, or at the next rate that was reported."""
    if not attack.tpr_at_fpr:
        return ""
    rate = min(attack.tpr_at_fpr, key=lambda r: abs(r.fpr - 0.01))
    return f", and finds {_members(rate)} at {_false_positives(rate)}"


def leak(best: AttackResult, *, checked: bool) -> str:
    """The sentence of a leak; a conditional one where no control was run."""
    finding = f"'{best.title}' tells members from non-members with {auc(best.auc)}{low_fpr(best)}."
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
    """Only attacks whose own control fires found something."""
    control = "" if best.control_auc is None else f" ({auc(best.control_auc)})"
    return (
        "It cannot be told whether the model leaks: every attack that tells members from "
        f"non-members, such as '{best.title}' with {auc(best.auc)}, finds a difference on a model "
        f"that was never trained, too{control}."
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


def too_few(members: int, nonmembers: int, smallest: float) -> str:
    """Too few records to call it clean."""
    return (
        f"It cannot be told whether the model leaks: {members} members and {nonmembers} "
        f"non-members would show only a leak with an AUC of {smallest:.2f} or more, and none so "
        "large was found."
    )


def none_found(best: AttackResult, attacks: int, smallest: float) -> str:
    """No leak found, at this power."""
    tried = "the one attack" if attacks == 1 else f"any of {attacks} attacks"
    return (
        f"No leak was found by {tried}, which would have shown an AUC of {smallest:.2f} or more "
        f"with probability 0.8; the highest is '{best.title}' with {auc(best.auc)}{low_fpr(best)}."
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
            f"Not counted, because the same attack also tells them apart on a model that was never "
            f"trained: {_titles(dropped)}."
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
        f"An AUC of {smallest:.2f} would have been found with probability 0.8, by these attacks; "
        "better ones may exist."
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
    if rate.resolvable:
        return f"{share(rate.fpr)} false positives"
    return f"no false positive among {rate.nonmembers} non-members"


def _titles(attacks: Sequence[AttackResult]) -> str:
    return ", ".join(f"'{attack.title}'" for attack in attacks)
