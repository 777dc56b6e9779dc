"""How the report writes numbers, and what it says about the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from pixleak.evaluation.verdict.rule import quoted_rate
from pixleak.results.attacks import AttackResult
from pixleak.results.audit import Result
from pixleak.results.base import Interval, Rate, TprAtFpr

#: A percent sign after a space that no line breaks at.
PERCENT = "\N{NO-BREAK SPACE}%"
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


def plain(number: float, digits: int = 3) -> str:
    """A number for a reader: 3 significant digits, a real minus sign, ∞ spelled as such."""
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    text = f"{number:.{digits}g}"
    if "e" in text and 1e-4 <= abs(number) < 1e6:
        text = f"{number:.0f}"
    return text.replace("-", "−")


def percent(share: float) -> str:
    """A share as a percentage: one decimal, none where it is a whole number."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    if text == "0" and share > 0:
        text = f"{100 * share:.1g}"
    return text + PERCENT


def rate(share: float) -> str:
    """A share as a percentage with always one decimal, for columns of them."""
    return f"{100 * share:.1f}{PERCENT}"


def rate_range(interval: Interval | Rate | TprAtFpr) -> str:
    """Both ends of the interval of a share."""
    return f"{100 * interval.low:.1f}–{rate(interval.high)}"


def unbroken(text: str) -> str:
    """A sentence whose percent signs stay with their numbers."""
    return text.replace(" %", PERCENT)


def area(value: float) -> str:
    """An AUC, a balanced accuracy, a Dice coefficient: three decimals."""
    return f"{value:.3f}".replace("-", "−")


def area_range(interval: Interval) -> str:
    """Both ends of an interval of an area."""
    return f"{area(interval.low)}–{area(interval.high)}"


def p_value(value: float) -> str:
    """``p = 0.012``, or that it is below what matters; never broken across lines."""
    text = "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def duration(seconds: float) -> str:
    """``2 min 41 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(created: str) -> str:
    """``22 November 2026, 10:33 UTC``, or the text itself where it is no time."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return created
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def count(number: int, singular: str) -> str:
    """``1 member``, ``2,000 members``."""
    return f"{number:,} {singular}{'' if number == 1 else 's'}"


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


def strongest(result: Result) -> AttackResult | None:
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
    best = strongest(result)
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
        if any(control.passed for control in result.controls)
        else " All this holds only if members and non-members were drawn alike, which no control "
        "could check here."
    )
    picked = (
        ""
        if len(result.attacks) == 1
        else f" On the other hand, the strongest of {len(result.attacks)} attacks was picked after "
        "the fact, which flatters its figures a little."
    )
    return Meaning(
        f"Somebody who {_needs(best, result)} can tell better than by guessing whether the model "
        "was trained on that image. Shown one member (a record the model was trained on) and one "
        f"non-member, the strongest attack, {best.title}, picks the right one in "
        f"{percent(best.auc.value)} of cases; guessing gives {percent(0.5)}.{how_many}{premise}",
        "Not that images can be read out of the model, and not that every record is equally "
        "exposed. Nor are the figures the most that is possible: an attacker with more shadow "
        f"models or more knowledge may do better.{picked}",
    )


def _none_found(result: Result) -> Meaning:
    power = area(result.verdict.detectable_auc)
    tried = len(result.attacks)
    which = "The attack did not tell" if tried == 1 else f"None of {tried} attacks told"
    return Meaning(
        f"{which} members (records the model was trained on) from non-members beyond chance. With "
        f"this many independent {units(result)}, an attack whose AUC is {power} or more would "
        f"have shown itself with a probability of {percent(0.8)}.",
        f"Not that the model is private. A leak weaker than an AUC of {power}, one that touches "
        "only a few unusual records, or one that takes a stronger attack than those below could "
        "still be there. Only a training method with a proven bound, such as differential "
        "privacy, rules leaks out.",
    )


def units(result: Result) -> str:
    """What was counted as independent: the units that the split kept together."""
    return "records or subjects" if result.split is None else f"{result.split.unit}s"


def _cannot_tell(result: Result) -> Meaning:
    failed = [control.title for control in result.controls if control.passed is False]
    if result.shift and not result.shift.passed:
        failed.append("Shift between the groups")
    repeated = ""
    if result.duplicates is not None and not result.duplicates.passed:
        affected, of = result.duplicates.nonmembers_affected, result.duplicates.nonmembers
        repeated = (
            f" The check for duplicates failed, too ({affected:,} of {count(of, 'non-member')}): "
            "they look like members and hide part of a leak."
        )
    if failed:
        return Meaning(
            "Members and non-members differ in ways that have nothing to do with the "
            f"model (failed: {', '.join(failed)}). Whatever the attacks find may come from that "
            f"difference, so it cannot be laid at the model’s door.{repeated}",
            "Neither that the model leaks nor that it does not. Draw both groups at random from "
            "the same source, keep each subject on one side, and run the audit again.",
        )
    return Meaning(
        "What was measured does not allow an answer, for the reasons above. Whatever the attacks "
        f"found cannot be laid at the model’s door.{repeated.replace(', too (', ' (')}",
        "Neither that the model leaks nor that it does not. A measurement that failed, or one on "
        "too few records, is no sign of safety.",
    )
