"""Write the results page of the documentation from benchmarks/results/*.json.

python benchmarks/results_page.py
"""

from __future__ import annotations

import json
import statistics
from typing import Any

from results_figures import draw_ablations, draw_generators
from results_format import HERE, machine, spread
from results_of_families import families_section
from results_of_generators import difficulty_section, generators_section
from results_of_pools import pools_section
from results_of_the_storm import storm_section

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
        "the roles and frames at their borders dropped; unlabelled pixels are ignored. Intervals and controls "
        "treat blocks, not frames, as independent, hence their width.",
    ),
}


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
    lines += pools_section() + generators_section() + null_section()
    lines += families_section() + speed_section()
    lines += difficulty_section() + signal_section() + coverage_section() + storm_section()
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    draw_generators()
    draw_ablations()
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(HERE.parent)}")
