"""What the report says about the answer."""

from __future__ import annotations

from dataclasses import dataclass

from pixleak.evaluation.correlated import CORRELATED
from pixleak.evaluation.placebo import PLACEBO
from pixleak.evaluation.verdict.rule import (
    BLIND,
    DEPENDENT,
    REQUIRED_AUC,
    WORKING,
    attainable,
    quoted_rate,
)
from pixleak.results.attacks import AttackResult
from pixleak.results.audit import Result
from pixleak.results.numbers import area, count, percent

#: Signals whose classifier is trained on a shadow model; their names start with these.
_LEARNED = ("type-i-", "type-ii-", "loss-map-")
_ACCESS = {
    "label": "may query the model for its label maps",
    "probability": "may query the model for its probabilities",
    "logit": "may query the model for its logits",
    "image": "may query the generator for its outputs",
    "discriminator": "may query the generator and the discriminator it was trained against",
    "unknown": "has what the given scores were computed from",
}
ANSWERS = {
    "leak": "Leak found",
    "none-found": "No leak found",
    "cannot-tell": "Cannot tell",
}


def found_leak(attack: AttackResult, result: Result) -> bool:
    """Whether the verdict counts this attack as evidence."""
    return attack.title in result.verdict.evidence


@dataclass(frozen=True)
class Meaning:
    """What an answer means and what it does not mean: one short paragraph each."""

    is_: str
    is_not: str


def meaning(result: Result) -> Meaning:
    """The two paragraphs under the verdict."""
    return {"leak": _leak, "none-found": _none_found, "cannot-tell": _cannot_tell}[
        result.verdict.answer
    ](result)


def strongest_attack(result: Result) -> AttackResult | None:
    """The attack that the verdict speaks of: the strongest evidence, or the strongest of all."""
    evidence = [attack for attack in result.attacks if found_leak(attack, result)]
    return max(evidence or result.attacks, key=lambda attack: attack.auc.value, default=None)


def is_learned(attack: AttackResult, result: Result) -> bool:
    """Whether the attacker had to train the signal itself, on a model of their own.

    The configuration as it ran lists what was learned. A result without one, such as that of
    signals measured elsewhere, is told by the names that learned signals have.
    """
    entries = result.arguments.get("learned")
    names = {
        entry.get("name") if isinstance(entry, dict) else entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, str | dict)
    }
    return attack.signal in names or attack.signal.startswith(_LEARNED)


def _needs(attack: AttackResult, result: Result) -> str:
    """What somebody needs for an attack: ``holds an image, ...``."""
    if attack.access in ("image", "discriminator"):
        held = "an input and its true output" if attack.needs_truth else "an input"
    else:
        held = "an image and its true mask" if attack.needs_truth else "an image"
    needs = [f"holds {held}"]
    asks = _ACCESS.get(attack.access, "may query the model")
    often = f", {attack.queries} times an image" if attack.queries > 1 else ""
    needs.append(f"{asks}{often}")
    if is_learned(attack, result):
        needs.append("has trained a model of their own on data of their own")
    return ", ".join(needs[:-1]) + " and " + needs[-1]


def _leak(result: Result) -> Meaning:
    best = strongest_attack(result)
    assert best is not None, "a leak without an attack"
    strict = quoted_rate(best, result.attacks, result.verdict.level)
    how_many = (
        f" While wrongly accusing at most {percent(strict.fpr)} of the non-members, it recognises "
        f"{percent(strict.value)} of the members."
        if strict is not None and strict.resolvable
        else ""
    )
    premise = (
        ""
        if any(control.passed for control in result.controls if control.name == BLIND)
        else " This holds only if members and non-members were drawn in the same way, which no "
        "control could check here."
    )
    picked = (
        ""
        if len(result.attacks) == 1
        else f" The strongest of {len(result.attacks)} attacks was chosen after the fact, which "
        "makes its figures slightly optimistic."
    )
    return Meaning(
        f"Somebody who {_needs(best, result)} can tell better than by guessing whether the model "
        "was trained on that image. Shown one member (a record the model was trained on) and one "
        f"non-member, the strongest attack, {best.title}, picks the right one in "
        f"{percent(best.auc.value)} of cases; guessing gives {percent(0.5)}.{how_many}{premise}",
        "It does not mean that images can be extracted from the model, or that every record is "
        "equally exposed. The figures are not an upper bound: an attacker with more shadow models "
        f"or more knowledge may do better.{picked}",
    )


def _none_found(result: Result) -> Meaning:
    power = area(result.verdict.detectable_auc)
    tried = sum(attainable(attack) >= REQUIRED_AUC for attack in result.attacks)
    which = "The attack did not tell" if tried == 1 else f"None of {tried} attacks told"
    return Meaning(
        f"{which} members (records the model was trained on) from non-members beyond chance. With "
        f"this many independent {units(result)}, an attack whose AUC is {power} or more would "
        f"have been detected with a probability of {percent(0.8)}.",
        "It does not mean that the model is private. A leak weaker than an AUC of "
        f"{power}, one that touches only a few unusual records, or one that takes a stronger "
        "attack than those below could still be there. Only a training method with a proven "
        "bound, such as differential privacy, rules leaks out.",
    )


def units(result: Result) -> str:
    """What was counted as independent: the units that the split kept together."""
    if result.split is None:
        return "records or subjects"
    copies = result.near_copies
    if copies is not None and copies.units and copies.records:
        return "subjects, records or clusters of near-identical records"
    return f"{result.split.unit}s"


def _cannot_tell(result: Result) -> Meaning:
    failed = [control for control in result.controls if control.passed is False]
    of_target = [control for control in failed if control.name in (DEPENDENT, *WORKING)]
    dependent = [control for control in failed if control.name in (CORRELATED, PLACEBO)]
    of_sides = [
        control.title for control in failed if control not in of_target and control not in dependent
    ]
    if result.shift and not result.shift.passed:
        of_sides.append("Shift between the groups")
    repeated = ""
    if result.duplicates is not None and not result.duplicates.passed:
        affected, of = result.duplicates.nonmembers_affected, result.duplicates.nonmembers
        also = ", too" if failed or of_sides else ""
        repeated = (
            f" The check for duplicates failed{also} ({affected:,} of {count(of, 'non-member')}): "
            "they look like members and hide part of a leak."
        )
    if of_target:
        also = f" Other checks failed, too: {', '.join(of_sides)}." if of_sides else ""
        return Meaning(
            "The model did not answer as a trained model should (failed: "
            f"{', '.join(control.title for control in of_target)}). An attack on such answers "
            "measures how the model was asked, and not what it remembers. "
            f"{of_target[0].explanation}{also}{repeated}",
            "It means neither that the model leaks nor that it does not. "
            "Ask the model as it was trained "
            "(the same scaling of the images, the same access, evaluation mode), and run the "
            "audit again.",
        )
    if of_sides:
        return Meaning(
            "Members and non-members differ in ways that have nothing to do with the "
            f"model (failed: {', '.join(of_sides)}). Whatever the attacks find may come from that "
            f"difference and not from the model.{repeated}",
            "It means neither that the model leaks nor that it does not. "
            "Draw both groups at random from "
            "the same source, keep each subject on one side, and run the audit again.",
        )
    if dependent:
        return Meaning(
            "The records of one side are not independent of one another, and all tests take them "
            f"for independent. {dependent[0].explanation}{repeated}",
            "Neither that the model leaks nor that it does not. Give the subject or group of each "
            "record, and run the audit again.",
        )
    return Meaning(
        "What was measured does not allow an answer, for the reasons above. It cannot be said "
        f"whether what the attacks found comes from the model.{repeated}",
        "It means neither that the model leaks nor that it does not. "
        "A measurement that failed, or one on "
        "too few records, is no sign of safety.",
    )
