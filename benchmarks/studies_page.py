"""Write the documentation's pages about studies from what ``studies.py`` kept.

    python benchmarks/studies_page.py

Fills the placeholders of the prose in studies/prose/ and writes it to docs/explanation/,
with its figures in docs/assets/studies/.
"""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pixleak.studies.output.attack_table import attack_table
from pixleak.studies.output.axis_figures import training_size_figures, victim_shadow_figures
from pixleak.studies.output.comparison import DefenceComparison, compare_defences
from pixleak.studies.output.drawing import Drawing, standalone
from pixleak.studies.output.page import acceptable_auc, published_file
from pixleak.studies.output.poisoning_table import poisoning_table
from pixleak.studies.output.published_table import published_table
from pixleak.studies.output.text_tables import Table, markdown
from pixleak.studies.summary.attack_columns import summarise_attacks
from pixleak.studies.summary.conditions import Condition, find_conditions
from pixleak.studies.summary.frontier import Candidate
from pixleak.studies.summary.poisoning_gain import poisoning_gains
from pixleak.studies.summary.published import compare_with_published
from pixleak.studies.summary.study_folder import Study, read_study_folder

HERE = Path(__file__).parent
KEPT = HERE / "results" / "studies"
DOCS = HERE.parent / "docs"
PROSE = HERE / "studies" / "prose"


@dataclass(frozen=True)
class Kept:
    """One study of the results, with all that a page may show of it."""

    name: str
    study: Study
    found: list[Condition]
    groups: list[DefenceComparison]

    @classmethod
    def read(cls, name: str) -> Kept:
        study = read_study_folder(KEPT / name)
        found = find_conditions(study)
        return cls(name, study, found, compare_defences(study, found, acceptable_auc(study)))

    def figures(self) -> dict[str, Drawing]:
        of_groups = [one for group in self.groups for one in (*group.figures, *group.more_figures)]
        others = [
            *victim_shadow_figures(self.study, self.found),
            *training_size_figures(self.study, self.found),
        ]
        return {one.name: one for one in (*of_groups, *others)}

    def tables(self) -> dict[str, str]:
        """What may be asked for -> Markdown."""
        shown = {"attacks": attack_table(self.study, self.found)}
        if self.groups and self.groups[0].costs is not None:
            # Other work ran beside the study: training times are measured alone, see `cost`.
            shown["price"] = without(self.groups[0].costs, "Training time")
        if gains := poisoning_gains(self.found):
            shown["poison"] = poisoning_table(gains, self.study.row_axes)
        if (published := published_file(self.study)) is not None:
            path = KEPT / self.name / "published.csv"
            compared = compare_with_published(summarise_attacks(self.found), published, path)
            shown["published"] = published_table(compared, published)
        return {name: markdown(table) for name, table in shown.items()}

    def candidate(self, label: str) -> Candidate:
        return next(one for one in self.groups[0].candidates if one.condition.defence == label)

    def mean_auc(self, defence: str, signal: str) -> float:
        """Of a threshold on one signal, over seeds."""
        rows = [
            row
            for condition in self.found
            for cells in condition.cells.values()
            for row in cells
            if (row.defence, row.signal, row.attack) == (defence, signal, "threshold")
        ]
        return statistics.mean(row.numbers["auc"] for row in rows)

    def ran_on(self) -> str:
        """What the figures were measured on, and the command that repeats them."""
        machine = json.loads((KEPT / self.name / "machine.json").read_text())
        result = self.study.result
        return (
            f"{len(result.cells)} cells, {len(result.models)} trainings. Command: "
            f"`python benchmarks/studies.py --only {self.name}`, on {machine['processor']}, "
            f"{machine['cores']} cores, torch {machine['versions']['torch']}."
        )


def without(table: Table, title: str) -> Table:
    """The table less one column."""
    at = table.head.index(title)

    def rest(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*row[:at], *row[at + 1 :])

    return replace(table, head=rest(table.head), rows=tuple(map(rest, table.rows)), notes=())


def cost() -> str:
    """Training times, as measured alone."""
    found = json.loads((HERE / "results" / "defence_cost.json").read_text())
    lines = ["| defence | training time, times the undefended one's |", "| --- | --- |"]
    lines += [
        f"| {label} | {r['median']:.2f} [{r['lowest']:.2f}, {r['highest']:.2f}] |"
        for label, r in found["ratio"].items()
        if label != "none"
    ]
    machine = found["machine"]
    return "\n".join(lines) + (
        f"\n\nMedian and range. Command: `{found['command']}`, on {machine['processor']}, "
        "one thread."
    )


def filled(text: str, kept: dict[str, Kept]) -> str:
    """Prose with its placeholders filled: ``{{study table price}}``, ``{{study figure frontier}}``,
    ``{{study sentence}}``, ``{{study ran}}``, ``{{study auc LABEL}}``, ``{{study utility LABEL}}``,
    ``{{study signal LABEL / SIGNAL}}``.
    """

    def one(match: re.Match[str]) -> str:
        if match.group(1) == "cost":
            return cost()
        name, what, *rest = match.group(1).split(maxsplit=2)
        known = kept[name]
        argument = rest[0] if rest else ""
        match what:
            case "sentence":
                return known.groups[0].decision.sentence
            case "reasons":
                return "\n".join(f"- {reason}" for reason in known.groups[0].decision.reasons)
            case "ran":
                return known.ran_on()
            case "table":
                return known.tables()[argument].rstrip()
            case "figure":
                drawn = known.figures()[argument]
                path = DOCS / "assets" / "studies" / f"{name}-{argument}.svg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(standalone(drawn.svg), encoding="utf-8")
                return f"![{drawn.caption}](../assets/studies/{path.name})"
            case "signal":
                return f"{known.mean_auc(*argument.split(' / ')):.2f}"
            case "auc":
                return f"{known.candidate(argument).attack.value:.2f}"
            case "utility":
                return f"{known.candidate(argument).utility.value:.2f}"
        raise SystemExit(f"{match.group(0)}: nothing is called {what}")

    return re.sub(r"\{\{(.+?)\}\}", one, text)


def main() -> None:
    kept = {path.name: Kept.read(path.name) for path in sorted(KEPT.iterdir()) if path.is_dir()}
    for prose in sorted(PROSE.glob("*.md")):
        text = filled(prose.read_text(encoding="utf-8"), kept)
        (DOCS / "explanation" / prose.name).write_text(text, encoding="utf-8")
        print(f"docs/explanation/{prose.name}")


if __name__ == "__main__":
    main()
