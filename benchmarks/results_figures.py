"""The figures of the results page."""

from __future__ import annotations

import json
import statistics

from results_format import HERE
from results_of_generators import ABLATIONS, EFFECTS, MAIN, VICTIMS, cells_of


def draw_generators() -> None:
    """AUC by epochs, and by training frames, one panel per victim and question."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "pixleak"
    runs = json.loads((HERE / "results" / "generators.json").read_text(encoding="utf-8"))["runs"]
    colours = ("#1b5fad", "#8d6708", "#0f7f5f", "#b5481f", "#8d2f8f")
    marks = ("o", "s", "^", "D", "v")
    figure, axes = plt.subplots(2, 2, figsize=(8.4, 6.0), sharey=True)
    for column, (victim, name) in enumerate(VICTIMS.items()):
        for row, (fixed, moved, label) in enumerate(
            (("members", "epochs", "epochs"), ("epochs", "members", "training frames"))
        ):
            panel = axes[row][column]
            kept = [
                run
                for run in runs
                if run["victim"] == victim and run[fixed] == MAIN[0 if fixed == "members" else 1]
            ]
            at = sorted({run[moved] for run in kept})
            for (attack, title), colour, mark in zip(EFFECTS.items(), colours, marks, strict=True):
                values = [
                    [r["attacks"][attack]["auc"][0] for r in kept if r[moved] == x] for x in at
                ]
                mean = [statistics.fmean(v) for v in values]
                panel.plot(at, mean, color=colour, marker=mark, ms=4.5, lw=1.4, label=title)
                panel.vlines(
                    at, [min(v) for v in values], [max(v) for v in values], color=colour, alpha=0.35
                )
            panel.axhline(0.5, color="#777", lw=0.8, ls=":")
            panel.set(title=f"{name}, by {label}", xlabel=label, xticks=at)
            if column == 0:
                panel.set_ylabel("AUC, mean and range over seeds")
    axes[0][0].legend(fontsize=7.5, frameon=False)
    figure.tight_layout()
    figure.savefig(HERE.parent / "docs" / "assets" / "generators.svg", metadata={"Date": None})


def draw_ablations() -> None:
    """AUC by each choice of the paper's ablations, one panel per question."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "pixleak"
    runs = json.loads((HERE / "results" / "generators.json").read_text(encoding="utf-8"))["runs"]
    figure, axes = plt.subplots(2, 3, figsize=(8.4, 5.2), sharey=True)
    for panel, (question, (attack, values)) in zip(axes.flat, ABLATIONS.items(), strict=True):
        for (victim, name), colour, mark, aside in zip(
            VICTIMS.items(), ("#1b5fad", "#b5481f"), ("o", "s"), (-0.06, 0.06), strict=True
        ):
            cells = [cells_of(runs, victim, n, epochs) for n, epochs, _ in values.values()]
            rows = [row for _, _, row in values.values()]
            at = [i for i, cell in enumerate(cells) if cell]
            aucs = [[run["attacks"][rows[i]]["auc"][0] for run in cells[i]] for i in at]
            where = [i + aside for i in at]
            panel.plot(
                where,
                [statistics.fmean(v) for v in aucs],
                color=colour,
                marker=mark,
                ms=4.5,
                lw=1.4,
                label=name,
            )
            panel.vlines(
                where, [min(v) for v in aucs], [max(v) for v in aucs], color=colour, alpha=0.45
            )
        panel.axhline(0.5, color="#777", lw=0.8, ls=":")
        panel.set_xticks(range(len(values)), list(values))
        panel.set_title(question, fontsize=10)
        panel.set_xlabel(attack, fontsize=8)
    for row in axes:
        row[0].set_ylabel("AUC, mean and range")
    axes[0][0].legend(fontsize=8, frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(
        HERE.parent / "docs" / "assets" / "generators_ablations.svg", metadata={"Date": None}
    )
    plt.close(figure)
