"""What every defence costs, and what it leaves of utility and of the attacks."""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.report.wording import plain
from pixleak.studies.conditions import Condition
from pixleak.studies.frontier import Candidate
from pixleak.studies.layout import EMPTY, Cell, Table, figure
from pixleak.studies.seeds import joined
from pixleak.studies.table import as_csv, columns_of


def price_table(found: Sequence[Candidate], name: str, caption: str) -> Table:
    """A row a defence.

    Args:
        found: the candidates of one setting, with their AUC as strength.
        name: of the table.
        caption: of the table.
    """
    base = _base(found)
    word = found[0].measure.word
    bounded = any(one.condition.number("epsilon") is not None for one in found)
    extra = any(one.condition.number("extra_records") for one in found)
    head = [
        "Defence",
        "Strongest attack, AUC",
        "Default attack, AUC",
        "TPR at 1\N{NO-BREAK SPACE}%",
    ]
    head += [f"{word}, held out", f"{word} lost", "Training time", "Inference time"]
    head += (["Extra records"] if extra else []) + (["ε"] if bounded else [])
    rows = []
    for one in found:
        condition = one.condition
        default, rate = condition.default(), condition.strongest("tpr1")
        hindsight = ("chosen in hindsight",) if one.strongest.hindsight else ()
        row = [
            Cell(one.label, fine=(_status(one),)),
            figure(one.attack, fine=hindsight),
            figure(None if default is None else default.estimate),
            figure(None if rate is None else rate.estimate, share=True),
            figure(one.utility),
            _lost(one, base),
            _ratio(condition, base, "training_seconds"),
            _ratio(condition, base, "inference_seconds"),
        ]
        if extra:
            row.append(_number(condition.number("extra_records")))
        if bounded:
            row.append(_bound(condition))
        rows.append(tuple(row))
    notes = [
        "Times are ratios to the undefended model, by seed, in the same study; they are measured "
        "beside other work and are rough."
    ]
    return Table(name, caption, tuple(head), tuple(rows), tuple(notes))


def price_csv(found: Sequence[Sequence[Candidate]]) -> str:
    """The same as numbers, all settings below one another."""
    lines: list[dict[str, object]] = []
    for group in found:
        base = _base(group)
        for one in group:
            condition = one.condition
            default, rate = condition.default(), condition.strongest("tpr1")
            loss = None if base is None or one is base else base.gains(one)
            line: dict[str, object] = dict(condition.setting)
            line |= {"defence": condition.defence, "utility": one.measure.word}
            line |= columns_of("strongest_auc", one.attack)
            line |= columns_of("default_auc", None if default is None else joined(default.found))
            line |= columns_of("strongest_tpr1", None if rate is None else joined(rate.found))
            line |= columns_of("heldout", one.utility) | columns_of("lost", loss)
            for name in ("training", "inference"):
                ratio = ratio_of(condition, base, f"{name}_seconds")
                line[f"{name}_ratio"] = "" if ratio is None else round(ratio, 4)
            for name in ("extra_records", "epsilon", "delta"):
                number = condition.number(name)
                line[name] = "" if number is None else number
            line |= {"status": one.status, "by": one.by}
            lines.append(line)
    return as_csv(lines)


def ratio_of(condition: Condition, base: Candidate | None, name: str) -> float | None:
    """The mean over shared seeds of a time over that of the undefended model."""
    if base is None:
        return None
    own, other = condition.of_model(name), base.condition.of_model(name)
    ratios = [own[s].value / other[s].value for s in own if s in other and other[s].value > 0]
    return sum(ratios) / len(ratios) if ratios else None


def _base(found: Sequence[Candidate]) -> Candidate | None:
    return next((one for one in found if one.undefended), None)


def _lost(one: Candidate, base: Candidate | None) -> Cell:
    if base is None:
        return EMPTY
    if one is base:
        return Cell("0", muted=True)
    # Of losses more is worse, so what is lost is how much more useful the undefended model is.
    return figure(base.gains(one))


def _ratio(condition: Condition, base: Candidate | None, name: str) -> Cell:
    ratio = ratio_of(condition, base, name)
    return EMPTY if ratio is None else Cell(f"× {ratio:.2f}")


def _number(number: float | None) -> Cell:
    return EMPTY if number is None else Cell(f"{number:,.0f}")


def _bound(condition: Condition) -> Cell:
    epsilon, delta = condition.number("epsilon"), condition.number("delta")
    if epsilon is None:
        return Cell("no bound", muted=True)
    return Cell(plain(epsilon), fine=() if delta is None else (f"δ = {plain(delta)}",))


def _status(one: Candidate) -> str:
    return "on the frontier" if one.status == "frontier" else f"{one.status} by {one.by}"
