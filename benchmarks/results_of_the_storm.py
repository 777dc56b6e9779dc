"""The section of the results page about runs that are killed, damaged or out of space."""

from __future__ import annotations

import json

from results_format import HERE, machine

TITLES = {
    "pool": "audit with a pool",
    "study": "study with distillation",
    "query": "query",
    "set-test": "set test",
    "report": "report",
}


def storm_section() -> list[str]:
    path = HERE / "results" / "kill_storm.json"
    if not path.is_file():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    lines = [
        "## Killed, damaged, out of space",
        "",
        "Each command was killed (`KILL`) before and after every rename of a file that is kept, and ended at random "
        "moments by `KILL`, `TERM`, `HUP` and `INT`; kept files were truncated, changed by one bit or exchanged for "
        "another between two runs; the disk became full, or a file too large, at random moments. Then the command was "
        "given again until it ended, and everything that it left was compared with what an undisturbed run left, place "
        "by place, but for times.",
        "",
        "| command | killed at a rename | ended at a random moment | damaged files | full disks | results compared |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, counts in content["works"].items():
        damaged = sum(count for what, count in counts.items() if what.startswith("kept file"))
        cells = [counts.get("killed at a rename", 0), counts.get("ended at a random moment", 0)]
        cells += [damaged, counts.get("out of space", 0), counts["compared"]]
        lines.append(f"| {TITLES[name]} | {' | '.join(map(str, cells))} |")
    wrong = len(content["failures"])
    told = "none" if wrong == 0 else str(wrong)
    every = content["all"]
    signals = ", ".join(
        f"{every[f'ended by {name}']} by `{name}`"
        for name in ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")
        if f"ended by {name}" in every
    )
    return [
        *lines,
        "",
        f"Runs ended, in all: {signals}. Another result, a traceback, a missing message, a copy of an image or an "
        f"unfinished file that remained, or a damaged file without its line: {told}.",
        "",
        f"Command: `python benchmarks/kill_storm.py`, on {machine(content['machine'])}.",
        "",
    ]
