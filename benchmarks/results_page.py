"""Write docs/results.md from benchmarks/results/*.json, so that no figure is typed by hand.

python benchmarks/results_page.py
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "results.md"

AUDITS = {
    "kvasir": (
        "Kvasir-SEG, 64 x 64",
        "A small U-Net trained on 200 colonoscopy frames with Dice loss for 50 epochs, and one shadow "
        "model trained alike on 200 others; 200 members against 200 non-members, drawn at random.",
    ),
    "camvid": (
        "CamVid, 64 x 96, 11 classes",
        "A small U-Net trained on driving video for 40 epochs. Blocks of neighbouring frames are dealt to "
        "the roles and frames at their borders dropped; unlabelled pixels count nowhere. Blocks, not "
        "frames, are what intervals and controls count as independent, hence their width.",
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
        "## What measuring costs",
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
        "## Whether intervals hold what they promise",
        "",
        f"95 % intervals of the AUC in {len(found)} worlds of known AUC, {content['repeats']} samples "
        f"each: the truth was inside in {min(found):.1%} to {max(found):.1%} of samples; the plain "
        f"percentile bootstrap went down to {min(plain):.1%}. With {sizes} records a side the blind "
        f"baseline failed {fails} of fair splits (2.5 % is meant); judged as if its scores were "
        f"independent, {alone}.",
        "",
        f"Command: `{content['command']}`, on {machine(content['machine'])}.",
        "",
    ]


def page() -> str:
    lines = [
        "# Results",
        "",
        "Figures measured with this version, each with the command that repeats it. They say what "
        "attacks find on small, over-fitted models; a model of yours needs an audit of its own.",
        "",
    ]
    for name, (title, words) in AUDITS.items():
        lines += audit_section(name, title, words)
    lines += signal_section() + coverage_section()
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(HERE.parent)}")
