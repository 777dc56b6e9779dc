"""Write the results page of the documentation from benchmarks/results/*.json.

python benchmarks/results_page.py
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "explanation" / "results.md"

AUDITS = {
    "kvasir": (
        "Kvasir-SEG, 64 x 64",
        "A small U-Net trained on 200 colonoscopy frames with Dice loss for 50 epochs, and one shadow "
        "model trained alike on 200 others; 200 members against 200 non-members, drawn at random.",
    ),
    "camvid": (
        "CamVid, 64 x 96, 11 classes",
        "A small U-Net trained on driving video for 40 epochs. Blocks of neighbouring frames are assigned to "
        "the roles and frames at their borders dropped; unlabelled pixels count nowhere. Intervals and controls "
        "treat blocks, not frames, as independent, hence their width.",
    ),
}


def spread(row: dict[str, float]) -> str:
    return f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def audit_section(name: str, title: str, words: str) -> list[str]:
    path = HERE / "results" / f"{name}.json"
    if not path.is_file():
        return []
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    runs = content["runs"]
    lines = [f"## {title}", "", words, ""]
    lines += [
        f"Mean [lowest, highest] over {len(runs)} seeds, each with its own split, models and attacks. "
        f"Every run's own intervals are in `benchmarks/results/{name}.json`. Accuracy is balanced, at a threshold chosen on the shadow model alone.",
        "",
        "| signal | AUC | TPR at 1 % FPR | accuracy at the shadow's threshold | AUC on an untrained model |",
        "| --- | --- | --- | --- | --- |",
    ]
    table = content["over_seeds"]
    attacks = [signal for signal in table if signal != "blind-baseline"]
    for signal in sorted(attacks, key=lambda s: -table[s]["auc"]["mean"]):
        row = table[signal]
        tpr = spread(row["tpr_at_1_percent_fpr"]) if "tpr_at_1_percent_fpr" in row else "-"
        untrained = spread(row["untrained_auc"]) if "untrained_auc" in row else "-"
        carried = [run["attacks"][signal]["balanced_accuracy"]["shadow"] for run in runs]
        accuracy = {"mean": statistics.fmean(carried), "low": min(carried), "high": max(carried)}
        lines.append(
            f"| `{signal}` | {spread(row['auc'])} | {tpr} | {spread(accuracy)} | {untrained} |"
        )
    lines.append(f"| blind baseline | {spread(table['blind-baseline']['auc'])} | - | - | - |")
    dice = [run["models"]["target"] for run in runs]
    inside = ", ".join(f"{d['members_dice']:.2f}" for d in dice)
    outside = ", ".join(f"{d['nonmembers_dice']:.2f}" for d in dice)
    verdicts = ", ".join(run["verdict"] for run in runs)
    lines += [
        "",
        f"Verdicts: {verdicts}. Mean Dice of the target on its training records {inside}, on held-out "
        f"records {outside}.",
        "",
        f"Command: `{content['command']}`, on {machine(content['machine'])}.",
        "",
    ]
    return lines


def machine(found: dict[str, Any]) -> str:
    return f"{found['processor']}, {found['cores']} cores, torch {found['versions']['torch']}"


def signal_section() -> list[str]:
    path = HERE / "results" / "signal_cost.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for threads, found in content["time"].items():
        ratio = found["ratio"]["wall"]["measured / bare"]
        rows.append(
            f"{ratio['median']:.2f} times [{ratio['lower']:.2f}, {ratio['upper']:.2f}] with {threads.replace('1 threads', '1 thread')}"
        )
    columns = next(iter(content["time"].values()))["columns"]
    peak = content["peak_mib"]
    return [
        "## Cost of measuring signals",
        "",
        f"All {columns} columns of the fixed signals, against a bare forward pass of a small U-Net at "
        f"96 x 96 in the same run: {', '.join(rows)} (median and quartiles of interleaved repeats). "
        f"Peak memory with 4,000 records is {peak['ratio']:.2f} times that with 500.",
        "",
        f"Command: `{content['command']}`, on {machine(content['machine'])}.",
        "",
    ]


def coverage_section() -> list[str]:
    path = HERE / "results" / "auc_coverage.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    found = [row["coverage"] for row in content["auc"]]
    plain = [row["coverage_percentile"] for row in content["auc"]]
    blind = content["blind_baseline_on_fair_splits"]
    fails = " and ".join(f"{100 * row['fails_by_permutation']:.1f} %" for row in blind)
    alone = " and ".join(f"{100 * row['fails_as_if_independent']:.1f} %" for row in blind)
    sizes = " and ".join(str(row["records_a_side"]) for row in blind)
    return [
        "## Coverage of intervals",
        "",
        f"95 % intervals of the AUC in {len(found)} simulated settings of known AUC, {content['repeats']} samples "
        f"each: they held the true value in {min(found):.1%} to {max(found):.1%} of samples; the plain "
        f"percentile bootstrap went down to {min(plain):.1%}. With {sizes} records per side the blind "
        f"baseline failed {fails} of fair splits (nominal: 2.5 %); judged as if its scores were "
        f"independent, {alone}.",
        "",
        f"Command: `{content['command']}`, on {machine(content['machine'])}.",
        "",
    ]


SHOWN = (
    "Learned on calibrated residuals",
    "LiRA online over Type-II (logistic)",
    "Difficulty calibration over Type-II (logistic)",
    "LiRA online over log global loss",
    "LiRA offline over log global loss",
    "Stratified LiRA",
    "Difficulty calibration over log global loss",
    "RMIA over global loss (cross-entropy)",
    "Quantile regression",
    "Type-II (logistic)",
    "Type-II (network)",
    "Type-I (logistic)",
    "Global loss (cross-entropy)",
)


def pools_section() -> list[str]:
    content = json.loads((HERE / "results" / "pools.json").read_text(encoding="utf-8"))
    runs = content["runs"]
    levels = sorted({run["epochs"] for run in runs})
    at = {level: [run for run in runs if run["epochs"] == level] for level in levels}
    lines = [
        "## Reference models",
        "",
        "Kvasir-SEG at 64 x 64, small U-Nets, Dice loss, 200 training images. In each pool 16 models are "
        "trained on halves of the same 400 images; each is the victim of the 14 others (its complement "
        "left out); the learned signals are learned on one shadow model, trained on 200 other images. Each cell: "
        "mean AUC / mean TPR at 1 % FPR over all victims of "
        + ", ".join(
            f"{len(at[level])} pool{'s' * (len(at[level]) > 1)} at {level} epochs"
            for level in levels
        )
        + ", each pool drawn with another seed; in brackets the interval of the first pool's TPR, over models and records.",
        "",
        "| attack | " + " | ".join(f"{level} epochs" for level in levels) + " |",
        "| --- |" + " --- |" * len(levels),
    ]
    for title in SHOWN:
        cells = []
        for level in levels:
            found = [run["leave_one_out"][title] for run in at[level]]
            auc = statistics.fmean(f["auc"][0] for f in found)
            tpr = statistics.fmean(f["tpr_at_1_percent_fpr"][0] for f in found)
            low, high = found[0]["tpr_at_1_percent_fpr"][1:]
            cells.append(f"{auc:.3f} / {tpr:.3f} [{low:.2f}, {high:.2f}]")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    best, others = (
        SHOWN[0],
        {"the global loss": SHOWN[-1], "the one-shadow Type-II": "Type-II (logistic)"},
    )
    lines.append("")
    for level in levels:
        words = []
        for name, title in others.items():
            ratios = [
                run["leave_one_out"][best]["tpr_at_1_percent_fpr"][0]
                / run["leave_one_out"][title]["tpr_at_1_percent_fpr"][0]
                for run in at[level]
            ]
            words.append(f"{min(ratios):.1f} to {max(ratios):.1f} times that of {name}")
        leads = [
            run["leave_one_out"][title]["lead_auc"][1] for run in at[level] for title in SHOWN[1:]
        ]
        held = at[level]
        heldout = statistics.fmean(
            run["held_out_records"]["tpr_at_1_percent_fpr"]["mean"] for run in held
        )
        heldout_auc = statistics.fmean(run["held_out_records"]["auc"]["mean"] for run in held)
        lines.append(
            f"- At {level} epochs the default's TPR at 1 % FPR is {' and '.join(words)}"
            + (", which is close to the maximum" if level == levels[-1] else "")
            + f". Scored only on records that its classifier never saw: {heldout_auc:.3f} / {heldout:.3f}. "
            f"The lower ends of the intervals of its paired lead in AUC over the other attacks are {min(leads):.3f} or more."
        )
    lines += [
        "",
        "Which attack with how many reference models (mean AUC / TPR at 1 % FPR over victims, pools at "
        f"{levels[0]} and {levels[1]} epochs; of two references, one lacks each record):",
        "",
    ]
    counts = ("0", "2", "4", "8", "14")
    lines += [
        "| attack | " + " | ".join(f"{n} references" for n in counts) + " |",
        "| --- |" + " --- |" * len(counts),
    ]
    for title in runs[0]["by_references"]:
        cells = []
        for count in counts:
            parts = []
            for level in levels[:2]:
                found = [run["by_references"][title].get(count) for run in at[level]]
                if all(found):
                    auc = statistics.fmean(f["auc"]["mean"] for f in found)
                    tpr = statistics.fmean(f["tpr_at_1_percent_fpr"]["mean"] for f in found)
                    parts.append(f"{auc:.3f} / {tpr:.3f}")
            cells.append("; ".join(parts) or "-")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"Command: `python benchmarks/pools.py`, on {machine(content['machine'])}.",
        "",
    ]
    return lines


def null_section() -> list[str]:
    content = json.loads((HERE / "results" / "null_audits.json").read_text(encoding="utf-8"))
    lines = ["## False alarms and power", ""]
    for kind, words in (
        ("alone", "a U-Net trained on other images"),
        ("pool", "the same with a pool of 8 reference models, sides divided at random"),
    ):
        found = content[kind]
        share, low, high = found["leak"]
        held = [c[0] for c in found["coverage_of_auc_interval"].values()]
        lines.append(
            f"- {found['audits']} null audits, {content['side']} records per side, {words}: verdict *leak* in "
            f"{100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}] (nominal: at most 5 %); the 95 % intervals of the "
            f"AUCs of {len(held)} attacks held one half in {100 * min(held):.1f} to {100 * max(held):.1f} % of audits."
        )
    points = content["power"]["by_side_and_auc"]
    sides = sorted({int(key.split("/")[0]) for key in points})
    areas = sorted({key.split("/")[1] for key in points}, key=float)
    lines += [
        "",
        f"Share of *leak* verdicts by the true AUC of the best of {content['power']['attacks']} correlated "
        f"attacks ({content['power']['repeats']} audits of simulated scores per cell):",
        "",
        "| records per side | " + " | ".join(f"AUC {area}" for area in areas) + " |",
        "| --- |" + " --- |" * len(areas),
    ]
    for side in sides:
        cells = [f"{100 * points[f'{side}/{area}'][0]:.0f} %" for area in areas]
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"Command: `python benchmarks/null_audits.py`, on {machine(content['machine'])}.",
        "",
    ]
    return lines


def speed_section() -> list[str]:
    content = json.loads((HERE / "results" / "speed.json").read_text(encoding="utf-8"))
    runners = json.loads((HERE / "results" / "runners.json").read_text(encoding="utf-8"))
    scoring, evaluating = content["scoring"], content["evaluating"]
    middle = [statistics.median(part["seconds"]) for part in (scoring, evaluating)]
    ratios = runners["throughput_of_ray_over_local"]
    threads = runners["one_process_two_threads_seconds"]
    return [
        "## Speed",
        "",
        f"- The default attack on {scoring['records']:,} records with {scoring['models']} models and "
        f"{scoring['signals']} signals, including the classifier: {middle[0]:.1f} s (slowest of "
        f"{len(scoring['seconds'])}: {max(scoring['seconds']):.1f} s). Plain loops over the residuals alone would "
        f"take {scoring['naive_seconds_scaled_up'] / 60:.0f} minutes.",
        f"- ROC, all rates and {evaluating['replicates']:,} bootstrap replicates of {evaluating['records']:,} scores: "
        f"{middle[1]:.1f} s and at most {evaluating['peak_gb']:.2f} GB; with sorting in every replicate "
        f"{evaluating['naive_seconds_scaled_up']:.0f} s.",
        f"- Training {runners['models']} models: two Ray workers reach {min(ratios):.2f} to {max(ratios):.2f} times the "
        f"throughput of two local processes in the same run, after {runners['ray_start_seconds']:.0f} s to start (its "
        "workers had already imported their packages; local ones start afresh each time). "
        f"Two local processes took {statistics.median(runners['local_seconds']):.1f} s, one process of two threads "
        f"{threads:.1f} s without its start.",
        "",
        f"Commands: `python benchmarks/speed.py`, `python benchmarks/runners.py`, on {machine(content['machine'])}.",
        "",
    ]


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


def _cells(runs: list[dict[str, Any]], victim: str, members: int, epochs: int) -> list[Any]:
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
    at = {victim: _cells(runs, victim, *MAIN) for victim in VICTIMS}
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
        "non-members), so read its columns as descriptions.",
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
            found = _cells(runs, victim, members, epochs)
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
            found = [_cells(runs, victim, members, epochs) for victim in VICTIMS]
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
            cells = [_cells(runs, victim, n, epochs) for n, epochs, _ in values.values()]
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


def page() -> str:
    lines = [
        "# Results",
        "",
        "Figures measured with this version, each with the command that repeats it. They say what "
        "attacks find on small, over-fitted models; a model of yours needs its own audit.",
        "",
        "Type-I and Type-II are the two learned attacks of [Chobola et al.](../reference/references.md), on the "
        "predicted map alone and on the predicted map with the truth; they are not kinds of statistical error.",
        "",
    ]
    for name, (title, words) in AUDITS.items():
        lines += audit_section(name, title, words)
    lines += pools_section() + generators_section() + null_section() + speed_section()
    lines += difficulty_section() + signal_section() + coverage_section()
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    draw_generators()
    draw_ablations()
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(HERE.parent)}")
