"""Figures of other axes than the defence: victims and shadows, training sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.figure import Figure

from pixleak.analyses.drawing.svg import INK, style
from pixleak.results.numbers import area, plain
from pixleak.studies.output.drawing import SHAPES, Drawing, finish, label_ticks, shorten, slug
from pixleak.studies.summary.attack_columns import COLUMNS, AttackSummary, summarise_attacks
from pixleak.studies.summary.conditions import Condition, varied_levels
from pixleak.studies.summary.seed_estimates import Estimate
from pixleak.studies.summary.study_folder import Study


def _groups(
    study: Study, conditions: Sequence[Condition], *along: str
) -> Iterator[tuple[str, str, list[AttackSummary]]]:
    """Levels of the other axes, as they are and in brackets, and attacks; if these axes vary."""
    groups: dict[str, list[Condition]] = {}
    for condition in conditions if set(along) <= set(study.varied) else ():
        rest = varied_levels(study, condition, without=along)
        groups.setdefault(rest, []).append(condition)
    for rest, group in groups.items():
        yield rest, f" ({rest})" if rest else "", summarise_attacks(group)


def victim_shadow_figures(study: Study, conditions: Sequence[Condition]) -> list[Drawing]:
    """AUC by victim and shadow, one figure per attack, where both vary."""
    drawings = []
    for rest, suffix, summaries in _groups(study, conditions, "victim", "shadow"):
        for column in COLUMNS:
            own = [one for one in summaries if one.column == column]
            levels = [one.condition.levels for one in own]
            aucs = {
                (at["victim"], at["shadow"]): one.auc for at, one in zip(levels, own, strict=True)
            }
            if len(aucs) < 2:
                continue
            drawings.append(
                draw_grid(
                    aucs,
                    [one for one in study.axes["victim"] if any(v == one for v, _ in aucs)],
                    [one for one in study.axes["shadow"] if any(s == one for _, s in aucs)],
                    name=slug("grid", column, rest),
                    title=f"AUC, {own[0].name}{suffix}",
                )
            )
    return drawings


def training_size_figures(study: Study, conditions: Sequence[Condition]) -> list[Drawing]:
    """AUC by number of training records, where it varies."""
    drawings = []
    for rest, suffix, summaries in _groups(study, conditions, "training-size"):
        lines: dict[str, dict[float, Estimate]] = {}
        for one in summaries:
            if (size := one.condition.first.numbers.get("training_size")) is not None:
                lines.setdefault(one.name, {})[float(size)] = one.auc
        if lines := {name: line for name, line in lines.items() if len(line) > 1}:
            title = f"AUC by number of training records{suffix}"
            drawings.append(draw_sizes(lines, name=slug("sizes", rest), title=title))
    return drawings


def draw_grid(
    aucs: Mapping[tuple[str, str], Estimate],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    name: str,
    title: str,
) -> Drawing:
    """AUC by victim (rows) and shadow (columns): the darker, the stronger; with the number."""
    with style():
        height = 0.55 * len(rows) + 0.75
        figure = Figure(figsize=(4.4, height))
        axes = figure.add_axes((0.27, 0.42 / height, 0.71, 1 - 0.75 / height))
        axes.grid(visible=False)
        for (victim, shadow), auc in aucs.items():
            x, y = columns.index(shadow), rows.index(victim)
            share = min(max((auc.value - 0.5) / 0.5, 0.0), 1.0)
            axes.fill_between(
                [x - 0.48, x + 0.48],
                y - 0.46,
                y + 0.46,
                color=INK["series-1"],
                alpha=0.05 + 0.45 * share,
                linewidth=0,
            )
            axes.text(x, y - 0.1, area(auc.value), ha="center", va="center", fontsize=9.5)
            if auc.ends is not None:
                axes.text(x, y + 0.24, auc.range, ha="center", va="center", fontsize=6.8)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        axes.set_xticks(range(len(columns)), [shorten(one, 16) for one in columns])
        axes.set_yticks(range(len(rows)), [shorten(one, 16) for one in rows])
        axes.set(xlabel="Shadow", ylabel="Victim")
        axes.spines[:].set_visible(False)
    described = "; ".join(
        f"victim {victim}, shadow {shadow}: {area(auc.value)}"
        for (victim, shadow), auc in aucs.items()
    )
    return finish(figure, name=name, title=title, description=described)


def draw_sizes(lines: Mapping[str, Mapping[float, Estimate]], *, name: str, title: str) -> Drawing:
    """AUC (attack -> training records -> AUC), one line per attack, with intervals."""
    with style():
        figure = Figure(figsize=(4.7, 3.2))
        axes = figure.add_axes((0.11, 0.145, 0.6, 0.83))
        sizes = sorted({size for line in lines.values() for size in line})
        step = (sizes[-1] - sizes[0]) * 0.008
        inks = [INK[f"series-{k % 5}"] for k in range(len(lines))]
        for k, (line, ink) in enumerate(zip(lines.values(), inks, strict=True)):
            xs = [x + step * (k - (len(lines) - 1) / 2) for x in sorted(line)]
            aucs = [line[size] for size in sorted(line)]
            axes.plot(xs, [auc.value for auc in aucs], color=ink, linewidth=1.4)
            for x, auc in zip(xs, aucs, strict=True):
                if auc.ends is not None:
                    axes.plot([x, x], auc.ends, color=ink, linewidth=1.0, alpha=0.7)
                axes.plot([x], [auc.value], SHAPES[k % len(SHAPES)], color=ink, markersize=5)
        axes.axhline(0.5, color=INK["muted"], linewidth=0.8, dashes=(3, 3))
        axes.set(xlabel="Training records", ylabel="AUC")
        axes.set_xticks(sizes, [plain(size, 6) for size in sizes])
        label_ticks(axes.yaxis)
        low, high = axes.get_ylim()
        axes.set_ylim(low, high)
        last = [(line[max(line)].value, k) for k, line in enumerate(lines.values())]
        below = -1.0
        for y, k in sorted(last, key=lambda pair: pair[0]):
            # Labels do not overlap.
            below = max(y, below + 0.075 * (high - low))
            axes.annotate(
                shorten(list(lines)[k], 20),
                (1.03, (below - low) / (high - low)),
                xycoords="axes fraction",
                va="center",
                fontsize=8.2,
                color=inks[k],
                annotation_clip=False,
            )
    described = "; ".join(
        f"{label}: "
        + ", ".join(f"{area(line[size].value)} at {plain(size, 6)}" for size in sorted(line))
        for label, line in lines.items()
    )
    return finish(figure, name=name, title=title, description=described)
