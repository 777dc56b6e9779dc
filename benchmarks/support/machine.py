"""What a figure was measured on: kind of processor and versions, no names of machines."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path


def machine() -> dict[str, object]:
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if names:
            processor = names[0].partition(":")[2].strip()
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "threads_a_process": os.environ.get("OMP_NUM_THREADS", "default"),
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in ("pixleak", "torch", "numpy", "monai")},
    }
