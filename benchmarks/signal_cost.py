"""What measuring every fixed signal costs, in time over a bare forward pass and in memory.

    python benchmarks/signal_cost.py [--threads 1 2] [--repeats 25]

Time: a small U-Net on binary records of 96 x 96 in batches of 16. "bare" calls the network on
batches that are stacked already; "loaded" stacks them as it goes; "asked" goes through the target,
which also checks every answer; "measured" measures all fixed signals. The four take turns, and the
ratio is the median over turns of measured / bare within a turn. Beside it, the plain Python twin
that the tests compare with, on one small record.

Memory: peak resident size of a process of its own that measures 500 records, and 4,000.

Writes benchmarks/results/signal_cost.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from support.machine import machine

from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.signals import signals_on
from pixleak.signals.measure import measure
from pixleak.targets.module import ModuleTarget

HERE = Path(__file__).parent
SIZE, BATCH, RECORDS = 96, 16, 160
FEW, MANY = 500, 4000
TRUTH = LabelTruth(2)

ONE_QUERY = [s for s in (kind() for kind in signals_on(TRUTH).values()) if s.info.queries == 1]
"""Signals of the one query that all share."""


def make(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One record, drawn anew at each asking, so that none stays in memory."""
    generator = torch.Generator().manual_seed(index)
    truth = torch.zeros(SIZE, SIZE, dtype=torch.int64)
    top, left = (int(torch.randint(0, SIZE // 2, (1,), generator=generator)) for _ in "yx")
    truth[top : top + SIZE // 3, left : left + SIZE // 3] = 1
    return torch.rand(1, SIZE, SIZE, generator=generator), truth


def records_of(count: int, *, held: bool) -> Records:
    items = [make(i) for i in range(count)] if held else None
    load = make if items is None else items.__getitem__
    return Records([RecordKey(f"r{i}") for i in range(count)], load, TRUTH, "generated")


def network() -> torch.nn.Module:
    from monai.networks.nets.unet import UNet

    torch.manual_seed(0)
    return UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=2,
        channels=(16, 32, 64, 128),
        strides=(2, 2, 2),
    ).eval()


def time_cost(repeats: int) -> dict[str, object]:
    net, records, signals = (
        network(),
        records_of(RECORDS, held=True),
        ONE_QUERY,
    )
    target = ModuleTarget(net, TRUTH, Access.LOGIT)
    stacked = [batch.images for batch in records.batches(BATCH)]

    def bare() -> None:
        with torch.inference_mode():
            for images in stacked:
                net(images)

    def loaded() -> None:
        with torch.inference_mode():
            for batch in records.batches(BATCH):
                net(batch.images)

    def asked() -> None:
        for batch in records.batches(BATCH):
            target.predict(batch.images, batch.ids)

    def measured() -> None:
        measure(target, records, signals, batch_size=BATCH)

    works = (bare, loaded, asked, measured)
    wall: dict[str, list[float]] = {work.__name__: [] for work in works}
    cpu: dict[str, list[float]] = {work.__name__: [] for work in works}
    for turn in range(repeats + 2):
        for work in works if turn % 2 else works[::-1]:
            before = time.perf_counter(), time.process_time()
            work()
            if turn >= 2:  # the first two turns warm up
                wall[work.__name__].append(time.perf_counter() - before[0])
                cpu[work.__name__].append(time.process_time() - before[1])
    batches = len(stacked)
    return {
        "records": RECORDS,
        "columns": sum(len(signal.infos(TRUTH)) for signal in signals),
        "ratio": {clock: ratios(times) for clock, times in (("wall", wall), ("cpu", cpu))},
        "ms_a_batch_of_16": {
            clock: {name: 1e3 * statistics.median(t) / batches for name, t in times.items()}
            for clock, times in (("wall", wall), ("cpu", cpu))
        },
    }


def ratios(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Measured over each of the others: median and quartiles over turns."""
    found = {}
    for name in ("bare", "loaded"):
        each = [m / other for m, other in zip(times["measured"], times[name], strict=True)]
        low, median, high = statistics.quantiles(each, n=4)
        found[f"measured / {name}"] = {"median": median, "lower": low, "upper": high}
    return found


def twin_cost() -> dict[str, float]:
    """Milliseconds a record of 24 x 24, vectorised and pixel by pixel."""
    sys.path.insert(0, str(HERE.parent))
    from tests.unit.signals.slow_twin import slow_signals

    from pixleak.signals.pixels.labels import Pixels
    from pixleak.testing.worlds.label_maps import overfitted_world

    world = overfitted_world(TRUTH, records=16)
    batch = next(world.records.batches(16))
    prediction = world.target().predict(batch.images)
    before = time.perf_counter()
    pixels = Pixels(prediction, batch.truths, TRUTH)
    for signal in ONE_QUERY:
        signal.measure(pixels)
    fast = (time.perf_counter() - before) / 16
    before = time.perf_counter()
    slow_signals(prediction.access, prediction.values[0].numpy(), batch.truths[0].numpy(), TRUTH)
    return {"vectorised": 1e3 * fast, "pixel by pixel": 1e3 * (time.perf_counter() - before)}


def peak_of(count: int) -> float:
    """MiB at the peak of a process that measures so many records."""
    command = [sys.executable, __file__, "--measure-once", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def measure_once(count: int) -> None:
    target = ModuleTarget(network(), TRUTH, Access.LOGIT)
    measure(
        target,
        records_of(count, held=False),
        ONE_QUERY,
        batch_size=BATCH,
    )
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of torch")
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--measure-once", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure_once is not None:
        measure_once(arguments.measure_once)
        return
    cost = {}
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        cost[f"{threads} threads"] = time_cost(arguments.repeats)
    few, many = peak_of(FEW), peak_of(MANY)
    content = {
        "command": f"python benchmarks/signal_cost.py --threads "
        f"{' '.join(map(str, arguments.threads))} --repeats {arguments.repeats}",
        "machine": machine(),
        "time": cost,
        "twin_ms_a_record_of_24x24": twin_cost(),
        "peak_mib": {str(FEW): few, str(MANY): many, "ratio": many / few},
    }
    print(json.dumps(content, indent=1))
    path = HERE / "results" / "signal_cost.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
