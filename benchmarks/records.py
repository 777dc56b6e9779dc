"""How long records take: generated, prepared on disk, read back, searched for duplicates.

    python benchmarks/records.py

Process CPU seconds, the median of five runs each; writes benchmarks/results/records.json.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from support.machine import machine

from pixleak.records.checks.duplicates import find_duplicates
from pixleak.records.checks.shift import check_shift
from pixleak.records.prepared.prepare import prepare
from pixleak.records.readers.phantom import phantom

COUNT = 1000
RUNS = 5


def median_seconds(work: Callable[[], object]) -> dict[str, float]:
    seconds = []
    for _ in range(RUNS):
        before = time.process_time()
        work()
        seconds.append(time.process_time() - before)
    return {"median": statistics.median(seconds), "low": min(seconds), "high": max(seconds)}


def main() -> None:
    records = phantom(COUNT, size=64, seed=0)
    with tempfile.TemporaryDirectory() as temporary:
        prepared = prepare(records, Path(temporary))
        members = prepared.select(prepared.ids[: COUNT // 2])
        nonmembers = prepared.select(prepared.ids[COUNT // 2 :])
        figures = {
            "generate 1000 of 64 x 64": median_seconds(lambda: list(records)),
            "read back in batches of 64": median_seconds(lambda: list(prepared.batches(64))),
            "duplicates, 500 against 500": median_seconds(
                lambda: find_duplicates(members, nonmembers)
            ),
            "shift, 500 against 500": median_seconds(lambda: check_shift(members, nonmembers)),
        }
    for name, row in figures.items():
        print(f"{name:32s} {row['median']:.2f} s [{row['low']:.2f}, {row['high']:.2f}]")
    content = {
        "command": "python benchmarks/records.py",
        "unit": "process CPU seconds, median and range of five runs",
        "machine": machine(),
        "figures": figures,
    }
    path = Path(__file__).parent / "results" / "records.json"
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
