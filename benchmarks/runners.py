"""How much of the throughput of local processes does Ray keep, and do processes beat threads?

    python benchmarks/runners.py

Trains a pool of eight small U-Nets on generated images: with two local one-thread processes and
with two Ray workers, in turn, three times; Ray's start is timed by itself. Then with one process
of two threads, a model after another. Writes benchmarks/results/runners.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.machine import machine

from pixleak import phantom
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.runners import runner_for
from pixleak.runners.ray import _paths
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.training.recipe import Recipe

MODELS, IMAGES, EPOCHS, REPEATS = 8, 120, 12, 3
RECIPE = Recipe(network="unet", loss="dice", epochs=EPOCHS)  # type: ignore[arg-type]

TWO_THREADS = """
import sys, time, torch
from pathlib import Path
from pixleak.records.prepared.prepare import open_prepared
from pixleak.training.loop.fit import fit
from pixleak.training.recipe import Recipe
torch.set_num_threads(2)
records = open_prepared(Path(sys.argv[1]))
recipe = Recipe(network="unet", loss="dice", epochs=int(sys.argv[2]))
begun = time.perf_counter()
for seed in range(int(sys.argv[3])):
    fit(recipe, records, seed=seed)
print(time.perf_counter() - begun)
"""


def jobs(records: PreparedRecords, folder: Path) -> list[TrainingJob]:
    return [
        TrainingJob(f"m{i}", RECIPE, records, i, folder / f"m{i}.safetensors")
        for i in range(MODELS)
    ]


def timed(records: PreparedRecords, folder: Path, runner: str) -> float:
    begun = time.perf_counter()
    train_all(jobs(records, folder), runner=runner_for(runner, 2))
    return time.perf_counter() - begun


def main() -> None:
    import ray

    local, on_ray = [], []
    with tempfile.TemporaryDirectory() as scratch:
        records = prepare(phantom(IMAGES, size=64, seed=0), Path(scratch) / "records")
        begun = time.perf_counter()
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        ray.init(address="local", num_cpus=2, runtime_env=_paths(), **quiet)
        start = time.perf_counter() - begun
        timed(records, Path(scratch) / "warm", "ray")  # workers import their packages once
        for repeat in range(REPEATS):
            local.append(timed(records, Path(scratch) / f"local-{repeat}", "local"))
            on_ray.append(timed(records, Path(scratch) / f"ray-{repeat}", "ray"))
        ray.shutdown()
        said = subprocess.run(
            [sys.executable, "-c", TWO_THREADS, records.folder, str(EPOCHS), str(MODELS)],
            env={**os.environ, "OMP_NUM_THREADS": "2"},
            capture_output=True,
            text=True,
            check=True,
        )
    ratios = sorted(here / there for here, there in zip(local, on_ray, strict=True))
    content = {
        "machine": machine(),
        "models": MODELS,
        "images": IMAGES,
        "epochs": EPOCHS,
        "local_seconds": local,
        "ray_seconds": on_ray,
        "ray_start_seconds": start,
        "throughput_of_ray_over_local": ratios,
        "one_process_two_threads_seconds": float(said.stdout),
    }
    path = Path(__file__).parent / "results" / "runners.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
