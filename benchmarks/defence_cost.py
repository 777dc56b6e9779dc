"""What each defence costs in training time, against the same training without it.

    python benchmarks/defence_cost.py --repeats 5

Whole trainings with few epochs on generated images, one thread, the undefended one and the defended
ones in turn within every repeat, so that the ratios hold when the machine's speed drifts. Writes
benchmarks/results/defence_cost.json. Run it with nothing beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from support.machine import machine

from pixleak import phantom
from pixleak.defences import DEFENCES
from pixleak.records.base import Records
from pixleak.records.prepared.prepare import prepare
from pixleak.training.defence import Defence, modified_recipe
from pixleak.training.loop.fit import fit
from pixleak.training.recipe import Recipe

HERE = Path(__file__).parent
EPOCHS = 4
DEFENDED: dict[str, tuple[str, dict[str, Any]]] = {
    "crop 32": ("crop-training", {"size": 32}),
    "cut-mix": ("cut-mix", {}),
    "mix-up": ("mix-up", {}),
    "min-max": ("min-max", {}),
    "DP-SGD": ("dp-sgd", {}),
    "distillation": ("distillation", {}),
    "RelaxLoss": ("relax-loss", {}),
    "early-stopping": ("early-stopping", {}),
    "weight decay": ("weight-decay", {"decay": 0.1, "adamw": True}),
    "ema": ("ema", {}),
}


def seconds(records: Records, reserve: Records, defences: tuple[Defence, ...]) -> float:
    recipe = modified_recipe(Recipe(network="unet", loss="dice", epochs=EPOCHS), defences)
    begun = time.perf_counter()
    fit(recipe, records, seed=0, defences=defences, reserve=reserve)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    kinds: dict[str, tuple[Defence, ...]] = {"none": ()}
    kinds |= {label: (DEFENCES[name](**options),) for label, (name, options) in DEFENDED.items()}
    taken: dict[str, list[float]] = {label: [] for label in kinds}
    with tempfile.TemporaryDirectory() as folder:
        made = prepare(phantom(300, size=64, channels=3, seed=0), Path(folder) / "records")
        records, reserve = made.select(made.ids[:200]), made.select(made.ids[200:])
        for defences in kinds.values():
            seconds(records, reserve, defences)  # imports, caches
        for _ in range(given.repeats):
            for label, defences in kinds.items():
                taken[label].append(seconds(records, reserve, defences))
    ratios = {
        label: [a / b for a, b in zip(times, taken["none"], strict=True)]
        for label, times in taken.items()
    }
    result = {
        "command": f"python benchmarks/defence_cost.py --repeats {given.repeats}",
        "machine": machine(),
        "records": 200,
        "reserve": 100,
        "epochs": EPOCHS,
        "seconds": {label: statistics.median(times) for label, times in taken.items()},
        "ratio": {
            label: {"median": statistics.median(r), "lowest": min(r), "highest": max(r)}
            for label, r in ratios.items()
        },
    }
    (HERE / "results" / "defence_cost.json").write_text(json.dumps(result, indent=1) + "\n")
    for label, r in ratios.items():
        print(f"{label:16s} x {statistics.median(r):.2f} [{min(r):.2f}, {max(r):.2f}]")


if __name__ == "__main__":
    main()
