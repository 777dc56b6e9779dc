"""The parts of a study's page: settings that were compared, and figures of the other axes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pixleak.results import numbers
from pixleak.studies.output.figures import frontier_figure
from pixleak.studies.output.heatmaps import grid_figure, size_figure
from pixleak.studies.output.layout import Table, shown
from pixleak.studies.output.price import price_table
from pixleak.studies.output.table import COLUMNS, DEFAULT, STRONGEST, entries, entry_of, row_axes
from pixleak.studies.summary.conditions import Condition, settings
from pixleak.studies.summary.frontier import Candidate, candidates, utilities
from pixleak.studies.summary.rows import NONE, Study
from pixleak.studies.summary.seeds import ENOUGH, Estimate
from pixleak.studies.summary.sentence import Decision, decide

TONES = {
    "holds": ("none-found", "A choice"),
    "may": ("cannot-tell", "Cannot tell"),
    "trade": ("cannot-tell", "A trade"),
    "nothing helps": ("leak", "Nothing helps"),
    "no comparison": ("cannot-tell", "Nothing to choose"),
}
"""How the branches of the rule look: a tone of the report's, and a word."""


@dataclass(frozen=True)
class Drawn:
    """A figure of the page, also saved as a file.

    Args:
        name: of the file, without its ending.
        svg: to put into the page.
        caption: under it.
    """

    name: str
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Compared:
    """Defences that were compared in one setting.

    Args:
        label: of the setting, where there is more than one.
        found: the candidates, by AUC and the first utility.
        decision: which to ship.
        figures: the frontier by the first utility.
        more: the frontier by others.
        price: the table of costs; None without a second defence.
    """

    label: str
    found: Sequence[Candidate]
    decision: Decision
    figures: Sequence[Drawn]
    more: Sequence[Drawn]
    price: Table | None

    @property
    def tone(self) -> str:
        """The class of its verdict."""
        return TONES[self.decision.branch][0]

    @property
    def word(self) -> str:
        """What the branch is called."""
        return TONES[self.decision.branch][1]


def compared_in(study: Study, found: Sequence[Condition], level: float) -> list[Compared]:
    """Every setting in which defences were compared; one that says so where there is none."""
    honest = [
        group
        for group in settings(found)
        # What a defence is worth is said neither by an attacker who does not know of it, nor by
        # a model that was poisoned.
        if group[0].first.attacker != "naive" and group[0].first.poison == NONE
    ]
    made = [_comparison(study, group, level, several=len(honest) > 1) for group in honest]
    # Settings of one model say nothing about defences: they are in the tables.
    several = [one for one in made if one.decision.branch != "no comparison"]
    return several or (made if len(made) < 2 else [_uncompared(made)])


def _uncompared(made: Sequence[Compared]) -> Compared:
    """In place of many settings in which there is nothing to compare."""
    models = [one for group in made for one in group.found]
    sentence = "No defences were compared."
    if models:
        low, high = (pick(models, key=lambda one: one.attack.value) for pick in (min, max))
        sentence = (
            f"No defences were compared; over {len(models)} conditions the strongest attack tried "
            f"reaches from AUC {shown(low.attack)} to {shown(high.attack)}."
        )
    seeds = min((min(one.attack.seeds, one.utility.seeds) for one in models), default=ENOUGH)
    decision = Decision("no comparison", (), sentence, (), provisional=seeds < ENOUGH)
    return Compared("", (), decision, (), (), None)


def _comparison(
    study: Study, group: Sequence[Condition], level: float, *, several: bool
) -> Compared:
    label = _told(study, group[0], without=("defence", "poison")) if several else ""
    left_out = [f"{one.defence}, seed {seed}" for one in group for seed in one.doubtful]
    group = [judged for one in group if (judged := one.judged()) is not None]
    measures = utilities(group)
    if not measures:
        what = "No utility was measured, so that what a defence costs cannot be said."
        if not group:
            what = "No audit could tell whether what its attacks found lies in the model."
        nothing = Decision("no comparison", (), what, (), provisional=False)
        return Compared(label, (), nothing, (), (), None)
    first = candidates(group, measures[0])
    figures: list[Drawn] = []
    more: list[Drawn] = []
    for number, measure in enumerate(measures):
        for strength in ("auc", "tpr1"):
            one = candidates(group, measure, strength)
            if len(one) < 2:
                continue
            parts = ["frontier", "" if number == 0 else measure.word.split()[0]]
            parts += ["tpr" if strength == "tpr1" else "", label]
            name = _slug("-".join(part for part in parts if part))
            attack = "AUC" if strength == "auc" else f"TPR at 1{numbers.PERCENT} FPR"
            title = f"{attack} of the strongest attack against {measure.word}"
            svg = frontier_figure(one, strength=strength, name=name, title=title, level=level)
            (figures if number == 0 else more).append(Drawn(name, svg, title))
    price = None
    if len(first) > 1:
        price = price_table(
            first,
            _slug(f"price-{label}"),
            f"What each defence costs and leaves{': ' + label if label else ''}",
        )
    return Compared(label, first, decide(first, level, left_out), figures, more, price)


def grids_of(study: Study, found: Sequence[Condition]) -> list[Drawn]:
    """AUC by victim and shadow, an attack a figure, where both vary."""
    if not {"victim", "shadow"} <= set(study.varied):
        return []
    drawn = []
    for rest, group in _grouped(study, found, ("victim", "shadow")).items():
        for column in (*COLUMNS, DEFAULT, STRONGEST):
            figures: dict[tuple[str, str], Estimate] = {}
            for condition in group:
                entry = entry_of(condition, column)
                if entry is not None and entry.auc is not None:
                    place = (condition.levels["victim"], condition.levels["shadow"])
                    figures[place] = entry.auc
            if len(figures) < 2:
                continue
            rows = [one for one in study.axes["victim"] if any(v == one for v, _ in figures)]
            columns = [one for one in study.axes["shadow"] if any(s == one for _, s in figures)]
            name = _slug(f"grid-{column}-{rest}")
            title = _titled(f"AUC, {_attack(column)}", rest)
            svg = grid_figure(figures, rows, columns, name=name, title=title)
            drawn.append(Drawn(name, svg, title))
    return drawn


def sizes_of(study: Study, found: Sequence[Condition]) -> list[Drawn]:
    """AUC by number of training records, where it varies."""
    if "training-size" not in study.varied:
        return []
    drawn = []
    for rest, group in _grouped(study, found, ("training-size",)).items():
        lines: dict[str, dict[float, Estimate]] = {}
        for condition in group:
            size = condition.first.training_size
            for entry in entries([condition]):
                if size is not None and entry.auc is not None:
                    lines.setdefault(_attack(entry.column), {})[float(size)] = entry.auc
        lines = {label: line for label, line in lines.items() if len(line) > 1}
        if lines:
            name = _slug(f"sizes-{rest}")
            title = _titled("AUC by number of training records", rest)
            drawn.append(Drawn(name, size_figure(lines, name=name, title=title), title))
    return drawn


def _grouped(
    study: Study, found: Sequence[Condition], along: Sequence[str]
) -> dict[str, list[Condition]]:
    """Conditions that differ in some axes only, by what the others say."""
    groups: dict[str, list[Condition]] = {}
    for condition in found:
        groups.setdefault(_told(study, condition, along), []).append(condition)
    return groups


def _told(study: Study, condition: Condition, without: Sequence[str]) -> str:
    """The levels of all axes that vary, but some, in words."""
    axes = [axis for axis in row_axes(study) if axis in study.varied and axis not in without]
    told = []
    for axis in axes:
        level = condition.levels.get(axis, "")
        bare = level == NONE or level.replace(".", "").isdigit()
        told.append(f"{axis.replace('-', ' ')} {level}" if bare else level)
    return ", ".join(told)


def _attack(column: str) -> str:
    return f"{column} attack" if column in (DEFAULT, STRONGEST) else column


def _titled(title: str, rest: str) -> str:
    return f"{title} ({rest})" if rest else title


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
