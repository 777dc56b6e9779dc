"""The part of the results page about pools of reference models."""

from __future__ import annotations

import json
import statistics

from results_format import HERE, machine

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
    for title in dict.fromkeys(title for run in runs for title in run["by_references"]):
        cells = []
        for count in counts:
            parts = []
            for level in levels[:2]:
                found = [run["by_references"].get(title, {}).get(count) for run in at[level]]
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
