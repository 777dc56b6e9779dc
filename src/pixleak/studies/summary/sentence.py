"""Which defence to ship, and what is lost by it: the rule, and the sentence that it leads to.

The rule, for defences that were compared in one setting, on the strongest attack tried against each
(:meth:`~pixleak.studies.summary.conditions.Condition.strongest`) and utility on held-out records:

1. Left out are cells whose audit could not tell, since a control failed or too little was measured
   (``Condition.doubtful``). So are poisoned models, and attackers
   who do not know of the defence: neither says what a defence is worth.
2. A candidate **holds** if the whole interval of the strongest attack's AUC is at or below the
   level asked for (0.6 unless the study says otherwise); it **may hold** if the interval reaches
   both sides of it.
3. Some hold: among these, the one of the highest utility. Those whose utility cannot be told from
   its (the interval of the difference holds zero) are named beside it, but where the undefended
   model is among them, it is named alone: it costs nothing else. Those that may hold, and are of
   more utility on average, are mentioned below the answer.
4. None holds, some may: which to ship cannot be told; they are named.
5. None may hold: that is said, and the **best trade** named. Of those whose attack is shown to be
   weaker than on the undefended model, it is the one with the largest
   ``(A0 - A) / (A0 - 0.5) - (U0 - U) / U0``: the share of the leak that is gone less the share of
   the utility that is gone (for losses ``(U - U0) / U0``). Those that cannot be told from it in
   both are named beside it. If none is shown to be weaker, no defence is named.
6. What rests on fewer than three seeds is called provisional.

Intervals are compared as they are, without allowing for how many defences there are; the highest of
several utilities is a little flattered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pixleak.results.numbers import PERCENT, area, percent
from pixleak.studies.output.layout import ends, shown
from pixleak.studies.summary.frontier import Candidate
from pixleak.studies.summary.seeds import ENOUGH, Estimate

LEVEL = 0.6
"""AUC that the strongest attack may reach, where the study does not say."""

_CHANCE = 0.5

Branch = Literal["holds", "may", "trade", "nothing helps", "no comparison"]


@dataclass(frozen=True)
class Decision:
    """What the study says to somebody who must choose.

    Args:
        branch: the part of the rule that led to it.
        named: labels of the defences that it names, the first first.
        sentence: the answer.
        reasons: figures and reservations, a sentence each.
        provisional: whether seeds are too few.
    """

    branch: Branch
    named: tuple[str, ...]
    sentence: str
    reasons: tuple[str, ...]
    provisional: bool


def decide(
    judged: Sequence[Candidate], level: float = LEVEL, left_out: Sequence[str] = ()
) -> Decision:
    """Apply the rule to the candidates of one setting.

    Args:
        judged: with their AUC as strength, and without doubtful cells.
        level: AUC that the strongest attack may reach.
        left_out: cells that were doubtful, in words.
    """
    notes = []
    if left_out:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        notes.append(
            f"Left out: {'; '.join(left_out[:3])}{more}. What attacks found there may have "
            "nothing to do with the model, since a control failed or too little was measured."
        )
    if len(judged) < 2:
        what = "No defences were compared"
        if judged:
            under = "without one" if judged[0].undefended else f"under {judged[0].label}"
            what += f"; {under}, the strongest attack tried reaches AUC {shown(judged[0].attack)}"
        return _decision("no comparison", [], judged, f"{what}.", notes)
    base = next((one for one in judged if one.undefended), None)
    may = [one for one in judged if one.attack.holds(level)]
    holding = [one for one in judged if one.attack.high is not None and one.attack.high <= level]
    if holding:
        return _held(holding, base, level, notes + _more_useful(may, holding, level))
    if may:
        return _may(may, base, level, notes)
    return _trade(judged, base, level, notes)


def _held(
    holding: Sequence[Candidate], base: Candidate | None, level: float, notes: list[str]
) -> Decision:
    best = _most_useful(holding)
    alike = [one for one in holding if one is best or best.gains(one).holds(0)]
    free = next((one for one in alike if one.undefended), None)
    if free is not None:
        sentence = (
            f"Ship the model as it is: the strongest attack tried reaches AUC {shown(free.attack)} "
            f"without any defence, within the {level:g} asked for"
        )
        if free is not best:
            sentence += f", and no defence is shown to raise its {free.measure.word}"
        return _decision("holds", [free], holding, f"{sentence}.", notes)
    named = _first(best, alike)
    if len(named) == 1:
        sentence = (
            f"Ship {best.label}: it holds the strongest attack tried to AUC {shown(best.attack)}, "
            f"within the {level:g} asked for, and {_lost(best, base)}."
        )
        return _decision("holds", named, _with(named, base), sentence, notes)
    sentence = (
        f"Ship {_listed(labels(named), 'or')}: each holds the strongest attack tried within AUC "
        f"{level:g}, and their {best.measure.word} cannot be told apart. "
        f"{best.label} {_lost(best, base)}."
    )
    return _decision("holds", named, _with(named, base), sentence, notes + _each(named, base))


def _more_useful(may: Sequence[Candidate], holding: Sequence[Candidate], level: float) -> list[str]:
    """What may hold as well, and would be worth more."""
    best = _most_useful(holding)
    more = [one for one in may if one not in holding and one.gains(best).value > 0]
    if not more:
        return []
    told = _listed([f"{one.label} (AUC {shown(one.attack)})" for one in more], "and")
    return [f"May hold {level:g} as well, with more {best.measure.word} on average: {told}."]


def _may(
    may: Sequence[Candidate], base: Candidate | None, level: float, notes: list[str]
) -> Decision:
    named = _first(_most_useful(may), may)
    sentence = (
        f"Cannot tell which to ship: none is shown to hold the strongest attack tried to AUC "
        f"{level:g}, and {_listed(labels(named), 'and')} may. More seeds or more records would "
        "tell."
    )
    return _decision("may", named, _with(named, base), sentence, notes + _each(named, base))


def _trade(
    judged: Sequence[Candidate], base: Candidate | None, level: float, notes: list[str]
) -> Decision:
    none = f"None holds the strongest attack tried to AUC {level:g}"
    if base is None:
        best = min(judged, key=lambda one: one.attack.value)
        sentence = (
            f"{none}; the lowest, {shown(best.attack)}, is left by {best.label}. What it costs "
            "cannot be said, since the undefended model is not part of the study."
        )
        return _decision("trade", [best], judged, sentence, notes)
    weaker = [one for one in judged if one is not base and one.exposes(base).below(0)]
    if not weaker:
        sentence = (
            "No defence here is worth shipping: none is shown to weaken the strongest attack "
            f"tried, which reaches AUC {shown(base.attack)} on the undefended model."
        )
        return _decision("nothing helps", [], judged, sentence, notes)
    best = max(weaker, key=lambda one: (worth(one, base), one.label))
    alike = [
        one
        for one in weaker
        if one is best or (best.gains(one).holds(0) and best.exposes(one).holds(0))
    ]
    named = _first(best, alike)
    told = f"it lowers the attack from AUC {shown(base.attack)} to {shown(best.attack)}"
    if len(named) == 1:
        sentence = f"{none}; the best trade is {best.label}: {told}, and {_lost(best, base)}."
        return _decision("trade", named, [*named, base], sentence, notes)
    sentence = (
        f"{none}; the best trades, which cannot be told apart, are "
        f"{_listed(labels(named), 'and')}. {best.label} {told.removeprefix('it ')}, and "
        f"{_lost(best, base)}."
    )
    return _decision("trade", named, [*named, base], sentence, notes + _each(named, base))


def worth(one: Candidate, base: Candidate) -> float:
    """The share of the leak that is gone, less the share of the utility that is gone.

    With AUC 0.9 and Dice 0.8 undefended, 0.6 and 0.6 defended: 0.3 / 0.4 - 0.2 / 0.8 = 0.5.
    """
    leak = base.attack.value - _CHANCE
    gone = (base.attack.value - one.attack.value) / leak if leak > 0 else 0.0
    return gone + one.gains(base).value / abs(base.utility.value or 1.0)


def labels(found: Iterable[Candidate]) -> list[str]:
    """What they are called."""
    return [one.label for one in found]


def _most_useful(found: Sequence[Candidate]) -> Candidate:
    sign = -1 if found[0].measure.loss else 1
    return max(found, key=lambda one: (sign * one.utility.value, -one.attack.value))


def _first(best: Candidate, others: Sequence[Candidate]) -> list[Candidate]:
    return [best, *(one for one in others if one is not best)]


def _with(named: Sequence[Candidate], base: Candidate | None) -> list[Candidate]:
    return [*named] if base is None else [*named, base]


def _lost(one: Candidate, base: Candidate | None) -> str:
    """What it costs, as the end of a sentence."""
    word = one.measure.word
    if one.undefended:
        return "costs nothing"
    if base is None:
        return "has a cost that cannot be told, since the undefended model is not part of the study"
    gain = one.gains(base)
    there = f"{area(base.utility.value)} without it, {area(one.utility.value)} with it"
    loss = Estimate(
        -gain.value,
        None if gain.high is None else -gain.high,
        None if gain.low is None else -gain.low,
        gain.seeds,
    )
    if one.measure.loss:
        change = ("adds", "takes")
    else:
        change = ("costs", "gains")
    if gain.low is None or gain.high is None:
        text = f"{change[0]} {area(loss.value)} {word} (no interval; {there})"
    elif loss.above(0):
        text = f"{change[0]} {area(loss.value)} {word} ({ends(loss)}; {there})"
    elif loss.below(0):
        text = f"{change[1]} {area(gain.value)} {word} ({ends(gain)}; {there})"
    else:
        raised = loss if one.measure.loss else gain
        text = (
            f"changes {word} by {area(raised.value)} ({ends(raised)}; {there}), which cannot be "
            "told from nothing"
        )
    return text + _longer(one, base)


def _longer(one: Candidate, base: Candidate) -> str:
    """How much longer its training took, where that is worth a word."""
    times = [c.condition.number("training_seconds") for c in (one, base)]
    if times[0] is None or not times[1] or times[0] / times[1] < 1.5:
        return ""
    return f"; training takes {times[0] / times[1]:.1f} times as long"


def _each(named: Sequence[Candidate], base: Candidate | None) -> list[str]:
    return [
        f"{one.label}: strongest attack tried {shown(one.attack)}, {one.measure.word} "
        f"{shown(one.utility)}; it {_lost(one, base)}."
        for one in named
    ]


def _decision(
    branch: Branch,
    named: Sequence[Candidate],
    used: Sequence[Candidate],
    sentence: str,
    notes: Sequence[str],
) -> Decision:
    """Add what must be said beside every answer."""
    reasons = [*notes, *_reservations(named)]
    if any(one.strongest.hindsight for one in used):
        reasons.append(
            "With one seed the strongest attack is the largest of all that were run, which "
            "flatters it: its true strength may be lower."
        )
    seeds = min((min(one.attack.seeds, one.utility.seeds) for one in used), default=ENOUGH)
    provisional = seeds < ENOUGH
    if provisional:
        told = f"{seeds} seed{'' if seeds == 1 else 's'}"
        sentence = f"Provisional, on {told}: {sentence[0].lower()}{sentence[1:]}"
        reasons.append(
            f"A run with another seed may say something else; {ENOUGH} seeds are the least for "
            "more than a provisional answer."
        )
    return Decision(branch, tuple(labels(named)), sentence, tuple(reasons), provisional)


def _reservations(named: Sequence[Candidate]) -> list[str]:
    notes = []
    for one in named:
        rate = one.condition.strongest("tpr1")
        if rate is not None and rate.estimate.above(0.01):
            found = rate.estimate
            notes.append(
                f"{one.label}: an attack still recognises {percent(found.value)} of the members "
                f"({percent(found.low or 0)} at least) while accusing 1{PERCENT} of the "
                "non-members."
            )
        if (epsilon := one.condition.number("epsilon")) is not None:
            delta = one.condition.number("delta")
            bound = f"ε = {epsilon:g}" + ("" if delta is None else f", δ = {delta:g}")
            notes.append(f"{one.label}: proven bound {bound}, whatever the attack.")
    return notes


def _listed(names: Sequence[str], word: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
