"""Which defence to ship, and what it costs: the rule, and the sentence that follows from it.

The rule, for defences that were compared in one setting, on the strongest attack tried against each
(:meth:`~pixleak.studies.summary.conditions.Condition.strongest`) and utility on held-out records:

1. Left out are cells whose audit could not tell, since a control failed or too little was measured
   (``Condition.inconclusive``), poisoned models, and attackers who do not know the defence: none of
   these shows how good a defence is.
2. A candidate **holds** if the whole interval of the strongest attack's AUC is at or below the
   acceptable AUC (0.6 unless the study says otherwise); it **may hold** if the interval contains
   it.
3. Some hold: of these, the one with the highest utility is named. Those whose utility is not
   distinguishable from its (the interval of the difference contains zero) are named beside it. If
   the undefended model is among them, it is named alone: it has no other costs. Those that may
   hold, with a higher mean utility, are mentioned below the answer.
4. None holds, some may: the study cannot tell which to ship; they are named.
5. None may hold: the answer says so and names the **best trade**. Of those whose attack is shown to
   be weaker than on the undefended model, it is the one with the largest
   ``(A0 - A) / (A0 - 0.5) - (U0 - U) / U0``: the share of the leak that it removes less the share
   of the utility that it costs (for losses ``(U - U0) / U0``). Those that are not distinguishable
   from it in both are named beside it. If none is shown to be weaker, no defence is named.
6. An answer that rests on fewer than three seeds is called provisional.

Intervals are not adjusted for the number of defences, and the highest of several utilities is
biased slightly upwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pixleak.results.numbers import PERCENT, area, percent
from pixleak.studies.summary.frontier import Candidate
from pixleak.studies.summary.seed_estimates import ENOUGH_SEEDS

ACCEPTABLE_AUC = 0.6
"""AUC that the strongest attack may reach, unless the study says otherwise."""

_CHANCE = 0.5

Branch = Literal["holds", "may", "trade", "nothing helps", "no comparison"]


@dataclass(frozen=True)
class Decision:
    """The answer of a study to somebody who has to choose a defence.

    Args:
        branch: the part of the rule that led to it.
        named: labels of the defences that it names, the best first.
        sentence: the answer.
        reasons: figures and reservations, one sentence each.
        provisional: whether it rests on too few seeds.
    """

    branch: Branch
    named: tuple[str, ...]
    sentence: str
    reasons: tuple[str, ...] = ()
    provisional: bool = False


def choose_defence(
    candidates: Sequence[Candidate],
    acceptable: float = ACCEPTABLE_AUC,
    left_out: Sequence[str] = (),
) -> Decision:
    """Apply the rule to the candidates of one setting.

    Args:
        candidates: with the AUC of their attacks, without inconclusive cells.
        acceptable: AUC that the strongest attack may reach.
        left_out: cells that were inconclusive, in words.
    """
    notes = []
    if left_out:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        notes.append(
            f"Left out: {'; '.join(left_out[:3])}{more}. What attacks found there may have "
            "nothing to do with the model, since a control failed or too little was measured."
        )
    base = next((one for one in candidates if one.undefended), None)
    if len(candidates) < 2:
        sentence = "No defences were compared."
        if candidates:
            under = "without one" if base else f"under {candidates[0].label}"
            reached = f"the strongest attack tried reaches AUC {candidates[0].attack}"
            sentence = f"No defences were compared; {under}, {reached}."
        return _decision("no comparison", [], candidates, sentence, notes)
    may = [one for one in candidates if one.attack.contains(acceptable)]
    hold = [one for one in candidates if one.attack.ends and one.attack.ends[1] <= acceptable]
    if hold:
        return _some_hold(hold, may, base, acceptable, notes)
    if may:
        named = _from_best(_most_useful(may), may)
        sentence = (
            "Cannot tell which to ship: no defence is shown to hold the strongest attack tried to "
            f"AUC {acceptable:g}, but {_listed(named, 'and')} may. More seeds or more records "
            "would tell."
        )
        notes += _figures_of(named, base)
        return _decision("may", named, _with(base, named), sentence, notes)
    return _best_trade(candidates, base, acceptable, notes)


def _some_hold(
    hold: Sequence[Candidate],
    may: Sequence[Candidate],
    base: Candidate | None,
    acceptable: float,
    notes: list[str],
) -> Decision:
    best = _most_useful(hold)
    word = best.measure.word
    if more := [one for one in may if one not in hold and one.utility_gain(best).value > 0]:
        told = _listed([f"{one.label} (AUC {one.attack})" for one in more], "and")
        notes.append(f"May hold {acceptable:g} as well, with more {word} on average: {told}.")
    named = _from_best(best, [one for one in hold if best.utility_gain(one).contains(0)])
    if base is not None and base in named:
        sentence = (
            f"Ship the model as it is: without any defence, the strongest attack tried reaches AUC "
            f"{base.attack}, within the acceptable {acceptable:g}"
        )
        if base is not best:
            sentence += f", and no defence is shown to raise its {word}"
        return _decision("holds", [base], hold, f"{sentence}.", notes)
    if len(named) == 1:
        sentence = (
            f"Ship {best.label}: it holds the strongest attack tried to AUC {best.attack}, within "
            f"the acceptable {acceptable:g}, and {_cost(best, base)}."
        )
    else:
        sentence = (
            f"Ship {_listed(named, 'or')}: each holds the strongest attack tried to AUC "
            f"{acceptable:g}, and their {word} values are not distinguishable. "
            f"{best.label} {_cost(best, base)}."
        )
        notes += _figures_of(named, base)
    return _decision("holds", named, _with(base, named), sentence, notes)


def _best_trade(
    candidates: Sequence[Candidate], base: Candidate | None, acceptable: float, notes: list[str]
) -> Decision:
    none = f"None holds the strongest attack tried to AUC {acceptable:g}"
    if base is None:
        best = min(candidates, key=lambda one: one.attack.value)
        sentence = (
            f"{none}; {best.label} leaves the lowest, {best.attack}. What it costs is unknown, "
            "since the undefended model is not part of the study."
        )
        return _decision("trade", [best], candidates, sentence, notes)
    weaker = [one for one in candidates if one is not base and one.attack_gain(base).below(0)]
    if not weaker:
        sentence = (
            "No defence here is worth shipping: none is shown to weaken the strongest attack "
            f"tried, which reaches AUC {base.attack} on the undefended model."
        )
        return _decision("nothing helps", [], candidates, sentence, notes)
    best = max(weaker, key=lambda one: (trade_value(one, base), one.label))
    gains = [(one, best.utility_gain(one), best.attack_gain(one)) for one in weaker]
    alike = [one for one, use, leak in gains if use.contains(0) and leak.contains(0)]
    named = _from_best(best, alike)
    told = f"lowers the attack from AUC {base.attack} to {best.attack}, and {_cost(best, base)}."
    sentence = f"{none}; the best trade is {best.label}: it {told}"
    if len(named) > 1:
        several = f"the best trades, which are not distinguishable, are {_listed(named, 'and')}"
        sentence = f"{none}; {several}. {best.label} {told}"
        notes += _figures_of(named, base)
    return _decision("trade", named, _with(base, named), sentence, notes)


def trade_value(one: Candidate, base: Candidate) -> float:
    """The share of the leak that a defence removes, less the share of the utility that it costs.

    With AUC 0.9 and Dice 0.8 undefended, 0.6 and 0.6 defended: 0.3 / 0.4 - 0.2 / 0.8 = 0.5.
    """
    leak = base.attack.value - _CHANCE
    removed = (base.attack.value - one.attack.value) / leak if leak > 0 else 0.0
    return removed + one.utility_gain(base).value / abs(base.utility.value or 1.0)


def _most_useful(candidates: Sequence[Candidate]) -> Candidate:
    sign = -1 if candidates[0].measure.loss else 1
    return max(candidates, key=lambda one: (sign * one.utility.value, -one.attack.value))


def _from_best(best: Candidate, others: Sequence[Candidate]) -> list[Candidate]:
    return [best, *(one for one in others if one is not best)]


def _with(base: Candidate | None, named: Sequence[Candidate]) -> list[Candidate]:
    return [*named] if base is None else [*named, base]


def _cost(one: Candidate, base: Candidate | None) -> str:
    """What a defence costs, as the end of a sentence."""
    if one.undefended:
        return "costs nothing"
    if base is None:
        return "has an unknown cost, since the undefended model is not part of the study"
    word = one.measure.word
    gain = one.utility_gain(base)
    raised = -gain if one.measure.loss else gain
    worse, better = ("adds", "takes") if one.measure.loss else ("costs", "gains")
    change = f"{area(base.utility.value)} without it, {area(one.utility.value)} with it"
    if gain.ends is None:
        text = f"{worse} {area(-gain.value)} {word} (no interval; {change})"
    elif gain.below(0):
        text = f"{worse} {area(-gain.value)} {word} ({(-gain).range}; {change})"
    elif gain.above(0):
        text = f"{better} {area(gain.value)} {word} ({gain.range}; {change})"
    else:
        text = (
            f"changes {word} by {area(raised.value)} ({raised.range}; {change}), which is not "
            "distinguishable from zero"
        )
    own, other = (each.condition.mean("training_seconds") for each in (one, base))
    if own is not None and other and own / other >= 1.5:
        text += f"; training takes {own / other:.1f} times as long"
    return text


def _figures_of(named: Sequence[Candidate], base: Candidate | None) -> list[str]:
    return [
        f"{one.label}: strongest attack tried {one.attack}, {one.measure.word} {one.utility}; it "
        f"{_cost(one, base)}."
        for one in named
    ]


def _decision(
    branch: Branch,
    named: Sequence[Candidate],
    used: Sequence[Candidate],
    sentence: str,
    notes: Sequence[str],
) -> Decision:
    """The answer with the reservations that apply."""
    reasons = [*notes, *(line for one in named for line in _reservations(one))]
    if any(one.strongest.same_figures for one in used):
        reasons.append(
            "With one seed the strongest attack is the largest of all that were run, which "
            "overstates it: its true strength may be lower."
        )
    seeds = fewest_seeds(used)
    if seeds < ENOUGH_SEEDS:
        told = f"{seeds} seed{'' if seeds == 1 else 's'}"
        sentence = f"Provisional, on {told}: {sentence[0].lower()}{sentence[1:]}"
        reasons.append(
            f"Another seed may change the answer; below {ENOUGH_SEEDS} seeds it is provisional."
        )
    labels = tuple(one.label for one in named)
    return Decision(branch, labels, sentence, tuple(reasons), seeds < ENOUGH_SEEDS)


def fewest_seeds(used: Sequence[Candidate]) -> int:
    """The fewest seeds that any figure of these candidates rests on."""
    seeds = [min(one.attack.seeds, one.utility.seeds) for one in used]
    return min(seeds, default=ENOUGH_SEEDS)


def _reservations(one: Candidate) -> list[str]:
    notes = []
    rate = one.condition.strongest("tpr1").estimate
    if rate is not None and rate.ends is not None and rate.above(0.01):
        notes.append(
            f"{one.label}: an attack still recognises {percent(rate.value)} of the members (at "
            f"least {percent(rate.ends[0])}) while accusing 1{PERCENT} of the non-members."
        )
    if (epsilon := one.condition.mean("epsilon")) is not None:
        delta = one.condition.mean("delta")
        bound = f"ε = {epsilon:g}" + ("" if delta is None else f", δ = {delta:g}")
        notes.append(f"{one.label}: proven bound {bound}, whatever the attack.")
    return notes


def _listed(named: Sequence[Candidate | str], word: str) -> str:
    names = [one if isinstance(one, str) else one.label for one in named]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
