"""What every defence costs, and what it leaves of utility and of the attacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pixleak.results.numbers import plain
from pixleak.studies.output.layout import EMPTY, Cell, Table, figure
from pixleak.studies.output.table import as_csv, columns_of
from pixleak.studies.summary.conditions import Condition, Strength
from pixleak.studies.summary.frontier import Candidate
from pixleak.studies.summary.seeds import joined

_RATE = "TPR at 1\N{NO-BREAK SPACE}%"


def price_table(found: Sequence[Candidate], name: str, caption: str) -> Table:
    """A row a defence.

    Args:
        found: the candidates of one setting, with their AUC as strength.
        name: of the table.
        caption: of the table.
    """
    base, word = _base(found), found[0].measure.word
    columns: list[tuple[str, Callable[[Candidate], Cell]]] = [
        ("Defence", lambda one: Cell(one.label, fine=(_status(one),))),
        ("Strongest attack, AUC", _attack),
        ("Default attack, AUC", lambda one: _figure(one.condition.default())),
        (_RATE, lambda one: _figure(one.condition.strongest("tpr1"), share=True)),
        (f"{word}, held out", lambda one: figure(one.utility)),
        (f"{word} lost", lambda one: _lost(one, base)),
        ("Training time", lambda one: _ratio(one.condition, base, "training_seconds")),
        ("Inference time", lambda one: _ratio(one.condition, base, "inference_seconds")),
        ("Extra records", lambda one: _number(one.condition.number("extra_records"))),
        ("ε", lambda one: _bound(one.condition)),
    ]
    empty = {
        _RATE: all(one.condition.strongest("tpr1") is None for one in found),
        "Extra records": not any(one.condition.number("extra_records") for one in found),
        "ε": all(one.condition.number("epsilon") is None for one in found),
    }
    columns = [column for column in columns if not empty.get(column[0])]
    notes = [
        "Times are ratios to the undefended model, by seed, in the same study; they are measured "
        "beside other work and are rough."
    ]
    if empty[_RATE]:
        notes.append(f"{_RATE} FPR is left out: there are too few non-members to resolve it.")
    head = tuple(title for title, _ in columns)
    rows = tuple(tuple(cell(one) for _, cell in columns) for one in found)
    return Table(name, caption, head, rows, tuple(notes))


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


def _attack(one: Candidate) -> Cell:
    return figure(one.attack, fine=("chosen in hindsight",) if one.strongest.hindsight else ())


def _figure(found: Strength | None, *, share: bool = False) -> Cell:
    return figure(None if found is None else found.estimate, share=share)


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
