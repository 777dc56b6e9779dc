"""The parts of the results page about generators."""

from __future__ import annotations

import json
import statistics
from typing import Any

from results_format import HERE, machine

VICTIMS = {"unet-l1": "U-Net, L1", "pix2pix": "pix2pix"}
MAIN = (150, 20)
ROWS = {
    "error alone, L1": "Error alone, L1",
    "error alone, L2": "Error alone, L2",
    "error alone, 1 - SSIM": "Error alone, 1 - SSIM",
    "coarse-error": "Error of colour and shade alone",
    "likeness": "Correlation of output and truth",
    "alpha = 1, difficulty-features": "Plain membership error (alpha = 1), deep features",
    "alpha = 1, deep features, faithful": "The same, faithful to the paper's code",
    "standardised difference, difficulty-features": "The same, both standardised",
    "fitted, difficulty-features": "Fitted, deep features",
    "fitted, difficulty-total-variation": "Fitted, total variation",
    "fitted, difficulty-neighbours": "Fitted, prediction from neighbours",
    "fitted, difficulty-compression": "Fitted, compressed size",
    "fitted, all difficulties": "Fitted, all four",
    "fitted, all difficulties (coarse error)": "Fitted of colour and shade, all four",
}
ALONE = {
    "difficulty-features alone": "deep features",
    "difficulty-total-variation alone": "total variation",
    "difficulty-neighbours alone": "neighbours",
    "difficulty-compression alone": "compressed size",
}
EFFECTS = {
    "error alone, L1": "error alone",
    "alpha = 1, difficulty-features": "plain, alpha = 1",
    "fitted, difficulty-features": "fitted, deep features",
    "fitted, all difficulties": "fitted, all four",
    "fitted, all difficulties (coarse error)": "fitted of colour and shade",
}
# Question -> (what is attacked, value -> (training frames, epochs, row)).
ABLATIONS: dict[str, tuple[str, dict[str, tuple[int, int, str]]]] = {
    "training frames": (
        "fitted, deep features",
        {str(n): (n, MAIN[1], "fitted, difficulty-features") for n in (50, 100, 150)},
    ),
    "epochs": (
        "fitted, deep features",
        {str(n): (MAIN[0], n, "fitted, difficulty-features") for n in (10, 20, 40, 80)},
    ),
    "feature layers": (
        "fitted; stages 1 (fine) to 4 (coarse)",
        {
            **{str(k): (*MAIN, f"fitted, deep features, stage {k}") for k in (1, 2, 3, 4)},
            "all": (*MAIN, "fitted, difficulty-features"),
        },
    ),
    "share of fitted pixels": (
        "fitted; the paper's least squares",
        {
            "30 %": (*MAIN, "fitted, faithful, 30% fitted"),
            "50 %": (*MAIN, "fitted, faithful, 50% fitted"),
            "70 %": (*MAIN, "fitted, deep features, faithful"),
            "90 %": (*MAIN, "fitted, faithful, 90% fitted"),
        },
    ),
    "alpha": (
        "plain difference, deep features",
        {
            "0": (*MAIN, "error alone, L1"),
            "0.5": (*MAIN, "alpha = 0.5, difficulty-features"),
            "1": (*MAIN, "alpha = 1, difficulty-features"),
            "2": (*MAIN, "alpha = 2, difficulty-features"),
        },
    ),
    "error norm": (
        "fitted, deep features",
        {
            "L1": (*MAIN, "fitted without logarithm, difficulty-features"),
            "log L1": (*MAIN, "fitted, difficulty-features"),
            "log L2": (*MAIN, "fitted (L2), difficulty-features"),
            "1 - SSIM": (*MAIN, "fitted (1 - SSIM), difficulty-features"),
        },
    ),
}


def cells_of(runs: list[dict[str, Any]], victim: str, members: int, epochs: int) -> list[Any]:
    wanted = (victim, members, epochs)
    return [r for r in runs if (r["victim"], r["members"], r["epochs"]) == wanted]


def _over(runs: list[dict[str, Any]], row: str, what: str = "auc") -> str:
    values = [run["attacks"][row][what][0] for run in runs]
    return f"{statistics.fmean(values):.3f} [{min(values):.3f}, {max(values):.3f}]"


def _mean(runs: list[dict[str, Any]], row: str) -> str:
    return f"{statistics.fmean(run['attacks'][row]['auc'][0] for run in runs):.3f}"


def generators_section() -> list[str]:
    path = HERE / "results" / "generators.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    runs = content["runs"]
    seeds = sorted({run["seed"] for run in runs})
    at = {victim: cells_of(runs, victim, *MAIN) for victim in VICTIMS}
    widths = [
        run["attacks"][row]["auc"][2] - run["attacks"][row]["auc"][1]
        for victim in VICTIMS
        for run in at[victim]
        for row in ROWS
    ]
    lines = [
        "## Generators",
        "",
        f"CamVid, label map to photo at 64 x 64: {MAIN[0]} training frames, {MAIN[1]} epochs, {MAIN[0]} members against "
        f"{MAIN[0]} non-members in alternating blocks of ten frames; 200 other frames fit the regressions. "
        f"Mean [lowest, highest] over {len(seeds)} seeds, each with its own split and models. The independent units are "
        "blocks, about 15 per side. Every run's own 95 % intervals, by block, are in "
        f"`benchmarks/results/generators.json`. Those of the AUC are {min(widths):.2f} to {max(widths):.2f} wide (median "
        f"{statistics.median(widths):.2f}), and the TPR at 1 % FPR is almost unconstrained (one unusual block is 7 % of the "
        "non-members), so read its columns as descriptions. The faithful rows were measured with an earlier form, up to 12 % "
        "from the published code's difficulties; today's is within 3 %.",
        "",
        "| attack | "
        + " | ".join(f"{name}: AUC | TPR at 1 % FPR" for name in VICTIMS.values())
        + " | untrained, AUC |",
        "| --- |" + " --- |" * (2 * len(VICTIMS) + 1),
    ]
    for row, title in ROWS.items():
        cells = [c for v in VICTIMS for c in (_over(at[v], row), _over(at[v], row, "tpr"))]
        blank = [
            run["attacks"][row]["untrained_auc"][0]
            for victim in VICTIMS
            for run in at[victim]
            if run["attacks"][row]["untrained_auc"]
        ]
        shown = (
            f"{statistics.fmean(blank):.2f} [{min(blank):.2f}, {max(blank):.2f}]" if blank else "-"
        )
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {shown} |")
    alone = ", ".join(f"{title} {_over(at['unet-l1'], row)}" for row, title in ALONE.items())
    own = [run["attacks"][row]["auc"] for run in at["unet-l1"] for row in ALONE]
    within = sum(low <= 0.5 <= high for _, low, high in own)
    lines += [
        "",
        f"Difficulty alone, which must not tell members from non-members: {alone}; {within} of {len(own)} of their "
        "own 95 % intervals hold one half.",
        "",
        *_generator_words(runs),
        "",
        "### Training-set size and epochs",
        "",
        "Mean AUC over seeds, beside the error of the generator on members and on non-members.",
        "",
        "| victim | frames | epochs | L1 error, members / others | "
        + " | ".join(EFFECTS.values())
        + " |",
        "| --- |" + " --- |" * (3 + len(EFFECTS)),
    ]
    for victim, name in VICTIMS.items():
        settings = sorted({(r["members"], r["epochs"]) for r in runs if r["victim"] == victim})
        for members, epochs in settings:
            found = cells_of(runs, victim, members, epochs)
            inside, outside = (
                statistics.fmean(run[key] for run in found)
                for key in ("l1_members", "l1_nonmembers")
            )
            cells = [_mean(found, row) for row in EFFECTS]
            lines.append(
                f"| {name} | {members} | {epochs} | {inside:.3f} / {outside:.3f} | "
                + " | ".join(cells)
                + " |"
            )
    lines += [
        "",
        "![AUC by epochs and by training frames](../assets/generators.svg)",
        "",
        *_ablation_table(runs),
    ]
    lines += [
        "",
        f"Command: `{content['command']}`, on {machine(content['machine'])}.",
        "",
    ]
    return lines + _generator_pool()


def _ablation_table(runs: list[dict[str, Any]]) -> list[str]:
    lines = [
        "### The paper's ablations",
        "",
        f"AUC, mean [lowest, highest] over seeds; {MAIN[0]} frames and {MAIN[1]} epochs unless these are "
        "varied. The AUC differs more between seeds than between any of these choices, except the number of epochs.",
        "",
        "| question | attack | value | " + " | ".join(VICTIMS.values()) + " |",
        "| --- | --- | --- |" + " --- |" * len(VICTIMS),
    ]
    for question, (attack, values) in ABLATIONS.items():
        for value, (members, epochs, row) in values.items():
            found = [cells_of(runs, victim, members, epochs) for victim in VICTIMS]
            cells = [_over(cell, row) if cell else "-" for cell in found]
            lines.append(f"| {question} | {attack} | {value} | " + " | ".join(cells) + " |")
    return [*lines, "", "![AUC by each of the six choices](../assets/generators_ablations.svg)"]


def _generator_words(runs: list[dict[str, Any]]) -> list[str]:
    """Where a difficulty helps: counted over all settings and seeds, not chosen."""
    told = []
    for row, title in (
        ("alpha = 1, difficulty-features", "the plain membership error, alpha = 1"),
        ("standardised difference, difficulty-features", "the standardised difference"),
        ("fitted, difficulty-features", "fitted on deep features"),
        ("fitted, difficulty-total-variation", "fitted on total variation"),
        ("fitted, all difficulties", "fitted on all four"),
    ):
        gains = [
            run["attacks"][row]["auc"][0] - run["attacks"]["error alone, L1"]["auc"][0]
            for run in runs
        ]
        mild = [
            gain
            for gain, run in zip(gains, runs, strict=True)
            if run["attacks"]["error alone, L1"]["auc"][0] < 0.9
        ]
        strong = [
            gain
            for gain, run in zip(gains, runs, strict=True)
            if run["attacks"]["error alone, L1"]["auc"][0] >= 0.9
        ]
        told.append(
            f"- {title[0].upper()}{title[1:]}: better than the error alone in {sum(g > 0 for g in gains)} of "
            f"{len(gains)} trainings; mean change in AUC {statistics.fmean(mild):+.3f} where the error alone "
            f"is below .9 ({len(mild)} trainings), {statistics.fmean(strong):+.3f} where it is above ({len(strong)})."
        )
    return [
        "Does difficulty help? Over all trainings, sizes and epochs of the tables on this page:",
        "",
        *told,
    ]


def _generator_pool() -> list[str]:
    path = HERE / "results" / "generators_pool.json"
    if not path.is_file():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    runs = content["runs"]
    titles = runs[0]["attacks"]
    ranked = sorted(
        titles, key=lambda k: -statistics.fmean(run["attacks"][k]["auc"][0] for run in runs)
    )
    lines = [
        "### With reference models",
        "",
        f"The plain U-Net at {MAIN[1]} epochs: pools of 16 models on halves of the same {2 * MAIN[0]} frames (by blocks), each "
        f"the victim of the 14 others. Mean over victims, mean [lowest, highest] over {len(runs)} pools.",
        "",
        "| attack | AUC | TPR at 1 % FPR |",
        "| --- | --- | --- |",
    ]
    for key in ranked[:16]:
        found = [run["attacks"][key] for run in runs]
        auc = [f["auc"][0] for f in found]
        tpr = [f["tpr"].get("0.01", [float("nan")])[0] for f in found]
        rate = f"{statistics.fmean(tpr):.3f} [{min(tpr):.3f}, {max(tpr):.3f}]"
        lines.append(
            f"| {found[0]['title']} | {statistics.fmean(auc):.3f} [{min(auc):.3f}, {max(auc):.3f}] | "
            f"{'-' if any(t != t for t in tpr) else rate} |"
        )
    lines += [
        "",
        f"Command: `{content['command']}`, on {machine(content['machine'])}.",
        "",
    ]
    return lines


def difficulty_section() -> list[str]:
    content = json.loads((HERE / "results" / "difficulty.json").read_text(encoding="utf-8"))
    lines = [
        "## Difficulty",
        "",
        "Least squares on 70 % of 56 x 56 positions in float64: scikit-learn on the full columns against the "
        "exact shortcut, same split, cut-off and threads, in one run; median [lowest, highest] of the repeats.",
        "",
        "| features | columns | scikit-learn | pixleak | ratio | relative difference, at most | sound form, 5 folds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in content["found"].items():
        ratio = row["ratio"]
        lines.append(
            f"| {name} | {row['columns']['median']:.0f} -> {row['reduced']['median']:.0f} | "
            f"{row['sklearn']['median']:.3f} s | {row['ours']['median']:.3f} s | "
            f"{ratio['median']:.1f} [{ratio['min']:.1f}, {ratio['max']:.1f}] | "
            f"{row['difference']['max']:.0e} | {row['ridge_5_folds']['median']:.3f} s |"
        )
    lines += [
        "",
        f"Records are worked on one at a time; the reduced columns and the factorisation of one take at most "
        f"{content['memory_bound_mib']:.0f} MiB on Wide-ResNet-50-2 shapes.",
        "",
        f"Command: `{content['command']}`, on {machine(content['machine'])}.",
        "",
    ]
    return lines
