"""The table of what every defence costs, and what it leaves of utility and of the attacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pixleak.results.numbers import PERCENT, plain
from pixleak.studies.output.text_tables import (
    Table,
    TableCell,
    build_table,
    csv_columns,
    estimate_cell,
    number_cell,
)
from pixleak.studies.summary.conditions import Condition
from pixleak.studies.summary.frontier import Candidate

_RATE = f"TPR at 1{PERCENT}"
_EXTRA = "Extra records"
_BOUND = "ε"


def cost_table(candidates: Sequence[Candidate], name: str, caption: str) -> Table:
    """One row per defence of a setting; the candidates come with the AUC of their attacks."""
    base = next((one for one in candidates if one.undefended), None)
    word = candidates[0].measure.word

    def title(one: Candidate) -> TableCell:
        status = "on the frontier"
        if one.status != "frontier":
            status = f"{one.status} by {one.dominated_by}"
        numbers = {**dict(one.condition.without("defence")), "defence": one.condition.defence}
        numbers |= {"utility": one.measure.word, "status": one.status, "by": one.dominated_by}
        return TableCell(one.label, fine=(status,), numbers=numbers)

    def strongest(one: Candidate) -> TableCell:
        fine = ("chosen on the same figures",) if one.strongest.same_figures else ()
        return estimate_cell(one.attack, "strongest_auc", fine=fine)

    def lost(one: Candidate) -> TableCell:
        if one is base:
            return TableCell("0", muted=True, numbers=csv_columns("lost", None))
        return estimate_cell(None if base is None else base.utility_gain(one), "lost")

    def time(phase: str) -> Callable[[Candidate], TableCell]:
        return lambda one: number_cell(
            _time_ratio(one.condition, base, f"{phase}_seconds"), f"{phase}_ratio", "× {:.2f}", 4
        )

    def bound(one: Candidate) -> TableCell:
        epsilon, delta = one.condition.mean("epsilon"), one.condition.mean("delta")
        text = "no bound" if epsilon is None else plain(epsilon)
        fine = () if epsilon is None or delta is None else (f"δ = {plain(delta)}",)
        numbers = {"epsilon": epsilon, "delta": delta}
        return TableCell(text, fine=fine, muted=epsilon is None, numbers=numbers)

    columns: dict[str, Callable[[Candidate], TableCell]] = {
        "Defence": title,
        "Strongest attack, AUC": strongest,
        "Default attack, AUC": lambda one: estimate_cell(
            one.condition.default().estimate, "default_auc"
        ),
        _RATE: lambda one: estimate_cell(
            one.condition.strongest("tpr1").estimate, "strongest_tpr1", share=True
        ),
        f"{word}, held out": lambda one: estimate_cell(one.utility, "heldout"),
        f"{word} lost": lost,
        "Training time": time("training"),
        "Inference time": time("inference"),
        _EXTRA: lambda one: number_cell(
            one.condition.mean("extra_records"), "extra_records", "{:,.0f}"
        ),
        _BOUND: bound,
    }
    notes = [
        "Times are ratios to the undefended model at the same seed of the same study; they are "
        "rough, since other work ran at the same time."
    ]
    hidden = []
    if not any(one.condition.strongest("tpr1").per_seed for one in candidates):
        hidden.append(_RATE)
        notes.append(f"{_RATE} FPR is left out: there are too few non-members to resolve it.")
    if not any(one.condition.mean("extra_records") for one in candidates):
        hidden.append(_EXTRA)
    if all(one.condition.mean("epsilon") is None for one in candidates):
        hidden.append(_BOUND)
    return build_table(name, caption, columns, candidates, notes, hidden=hidden)


def _time_ratio(condition: Condition, base: Candidate | None, name: str) -> float | None:
    """The mean over shared seeds of a time divided by that of the undefended model."""
    if base is None:
        return None
    own, other = condition.of_model(name), base.condition.of_model(name)
    ratios = [own[s].value / other[s].value for s in own if s in other and other[s].value > 0]
    return sum(ratios) / len(ratios) if ratios else None
