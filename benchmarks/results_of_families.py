"""Part of the results page: families of null worlds, power by subject, the strongest attack."""

from __future__ import annotations

import json
from typing import Any

from results_format import HERE, machine

NULLS = {
    "equal": "20 subjects of 3 records a side",
    "lognormal": "30 subjects a side of lognormal sizes (median 2.7)",
    "third": "20 subjects of 3 records a side; one member subject holds a third of its side",
    "half": "the same; it holds half of its side",
    "larger_members": "20 member subjects of 6 records, 20 others of 2",
    "larger_nonmembers": "20 member subjects of 2 records, 20 others of 6",
    "tied": "60 records a side, scores of four values",
    "scale_by_record": "60 records a side, each with a spread of its own",
    "scale_by_subject": "30 subjects a side; larger ones spread further",
    "wider_members": "60 records a side; members spread twice as far, on an untrained model too",
    "20 against 20 images": "Kvasir-SEG, 20 + 20 frames, whole audits",
    "20 against 20 images by hard labels": "the same, answers are hard labels",
}
COPIES = {
    ("copies", 0.0): "20 scenes a side, three near-copies each, no subjects",
    ("slices", 0.0): "20 volumes a side, three slices each, no subjects",
    ("batches", 0.0): "60 records a side, five in a row of one batch, no subjects",
}
SEEN_BY = {"batches": "[Members against members](controls.md#members-against-members)"}
AREA_ALONE = "leak by the control's AUC alone"
PARTS = {
    AREA_ALONE: "nothing: only its AUC is compared",
    "leak without its TPR against its FPR": "the difference to that of the target",
    "leak without the difference of TPRs": "its FPR, by its interval",
    "leak by the exact test of its TPR": "both, but its FPR by the exact test at 5 %",
    "leak": "both: the verdict",
}
LEAST = 0.93


def share(found: list[float], worlds: int) -> str:
    count, low, high = found
    return f"{100 * count / worlds:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def families_section() -> list[str]:
    content = json.loads((HERE / "results" / "null_families.json").read_text(encoding="utf-8"))
    rows = list(content["rows"].values())
    copies = json.loads((HERE / "results" / "null_units.json").read_text(encoding="utf-8"))["rows"]
    worlds = min(row["worlds"] for row in rows)
    return [
        "## Families of null worlds",
        "",
        f"Verdicts where nothing leaks, at least {worlds} worlds per row, with exact 95 % intervals. Worlds of scores are "
        "judged by evaluation and verdict with three correlated attacks and 999 permutations of subjects; subject and record share the variance equally. Audits of real images run as `pixleak.audit`: "
        "two random sets of frames that the target never saw, for four small networks, two of them after one epoch and two after twenty. Sides of so few units are never cleared: "
        "*cannot tell* for too few units is the right answer there.",
        "",
        "| family | *leak* (at most 5 % is meant) | *none found* | *cannot tell*, and why |",
        "| --- | --- | --- | --- |",
        *[_null(row) for row in rows if row["group"] == "nulls"],
        *[
            f"| {COPIES[row['records'], row['shift']]} | {share(row['leak'], row['worlds'])} | {row['none-found'][0]} | {row['cannot-tell'][0]}: "
            f"see {SEEN_BY.get(row['records'], '[Correlated records](controls.md#correlated-records)')} |"
            for row in copies
            if (row["records"], row["shift"]) in COPIES and row["counted"] == "units"
        ],
        "",
        *_spread(rows),
        *_power(rows),
        *_headline(rows),
        f"Command: `python benchmarks/null_families.py`, on {machine(content['machine'])}.",
        "",
    ]


def _null(row: dict[str, Any]) -> str:
    why = ", ".join(f"{name} {count}" for name, count in row["cannot tell because"].items())
    answers = row["answers"]
    return (
        f"| {NULLS[row['name']]} | {share(row['leak'], row['worlds'])} | {answers.get('none-found', 0)} | "
        f"{answers.get('cannot-tell', 0)}{': ' * bool(why)}{why} |"
    )


def _spread(rows: list[dict[str, Any]]) -> list[str]:
    by_name = {row["name"]: row for row in rows}
    if "few_members" not in by_name or AREA_ALONE not in by_name["wider_members"]:
        return []
    lines = [
        "Where members spread further, the split is not random: the sides differ, in spread alone, and so they do on an untrained model. "
        "So a TPR counts only where that model's TPRs do not lie above their FPRs, and where the interval of the difference lies above 0. "
        "What each part prevents there, and what it costs where 9 of 60 members stand out by 3.5 standard deviations and nothing else does:",
        "",
        "| what the TPR of the untrained model is compared in | *leak*, wrong: members spread twice as far | *leak*, right: 9 of 60 stand out |",
        "| --- | --- | --- |",
    ]
    for key, words in PARTS.items():
        found = [by_name[kind] for kind in ("wider_members", "few_members")]
        if all(key in row for row in found):
            cells = " | ".join(share(row[key], row["worlds"]) for row in found)
            lines.append(f"| {words} | {cells} |")
    return [
        *lines,
        "",
        "Both parts cost the same leaks for the most part. A TPR lies above its FPR by chance more often than the level of its interval says, since the interval takes "
        "the threshold, one of 60 scores, for known. The exact test does not, and finds a few more of these leaks, but lets wrong ones through in more than 5 %; so the interval is kept.",
        "",
    ]


def _power(rows: list[dict[str, Any]]) -> list[str]:
    found = [row for row in rows if row["group"] == "power"]
    if not any("subjects" in row for row in found):
        return []
    lines = [
        "How often a planted AUC of the strongest of three attacks ends in *leak*, and how often it would on the same worlds with another test of "
        "the AUC in place of the verdict's: that of a whole set (Welch on the mean ranks of subjects), and the sum of ranks, the earlier test by subject.",
        "",
        "| subjects | AUC | verdict | with the test of a set | with the sum of ranks |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in (row for row in found if "subjects" in row):
        cells = [
            share(row[name], row["worlds"])
            for name in ("leak", "leak by the set test", "leak by the sum of ranks")
        ]
        lines.append(f"| {NULLS[row['subjects']]} | {row['auc']} | " + " | ".join(cells) + " |")
    single = "; ".join(
        f"{row['records']} a side at {row['auc']}: {share(row['leak'], row['worlds'])}"
        for row in found
        if "records" in row
    )
    return [
        *lines,
        "",
        f"Records without subjects, six attacks as in the table above: {single}.",
        "",
    ]


def _headline(rows: list[dict[str, Any]]) -> list[str]:
    path = HERE / "results" / "unequal_subjects.json"
    single = json.loads(path.read_text(encoding="utf-8"))["strongest_of_several"]
    lines = [
        "The AUC that a verdict quotes is that of the strongest attack, with an interval that holds for all attacks together. How often it holds "
        f"the true AUC, 0.6 for every attack (at least {LEAST} is meant), and how often the attack's own interval does:",
        "",
        "| records | attacks | correlation of scores | simultaneous interval | own interval |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in single:
        cells = [
            f"{row[name]['successes'] / row[name]['trials']:.3f} [{row[name]['low']:.3f}, {row[name]['high']:.3f}]"
            for name in ("simultaneous_interval", "own_interval")
        ]
        lines.append(
            f"| 60 a side | {row['attacks']} | {row['correlation']} | " + " | ".join(cells) + " |"
        )
    for row in (row for row in rows if row["group"] == "headline"):
        cells = [
            f"{row[name][0] / row['worlds']:.3f} [{row[name][1]:.3f}, {row[name][2]:.3f}]"
            for name in ("simultaneous", "own")
        ]
        lines.append(
            f"| {NULLS[row['subjects']]} | {row['attacks']} | 0.6 | " + " | ".join(cells) + " |"
        )
    return [*lines, "", "For independent records: `python benchmarks/unequal_subjects.py`.", ""]
