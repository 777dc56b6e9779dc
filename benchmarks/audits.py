"""Run a configuration with several seeds and tabulate what the audits found.

    python benchmarks/audits.py                       # every example whose images are there
    python benchmarks/audits.py examples/kvasir.yaml --root FOLDER_OF_IMAGES --seeds 0 1 2

Images are looked for in ../shared/data/NAME beside the checkout unless --root says otherwise.
Writes benchmarks/results/NAME.json: every figure of every seed, mean and range over seeds,
and what it ran on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from support.machine import machine

HERE = Path(__file__).parent
EXAMPLES = {"kvasir": "kvasir-seg", "camvid": "camvid"}


def one_seed(config: Path, settings: list[str], seed: int, out: Path) -> dict[str, Any]:
    from pixleak.auditing.api import run_into
    from pixleak.core.progress import shown
    from pixleak.request.audit import AuditRequest
    from pixleak.request.file import read_request

    with shown() as progress:
        result = run_into(
            read_request(config, AuditRequest, [*settings, f"seed={seed}"]), out, progress
        )
    print(result)
    return {
        "seed": seed,
        "verdict": result.verdict.answer,
        "seconds": result.seconds,
        "split": result.split.counts if result.split else None,
        "attacks": {
            attack.signal: {
                "auc": [attack.auc.value, attack.auc.low, attack.auc.high],
                "untrained_auc": attack.control_auc and attack.control_auc.value,
                "tpr": {
                    str(rate.fpr): [rate.value, rate.low, rate.high, rate.successes, rate.trials]
                    for rate in attack.tpr_at_fpr
                    if rate.resolvable
                },
                "balanced_accuracy": {
                    point.name: point.balanced_accuracy.value for point in attack.operating_points
                },
            }
            for attack in result.attacks
        },
        "controls": {
            c.name: c.auc and [c.auc.value, c.auc.low, c.auc.high] for c in result.controls
        },
        "duplicates": result.duplicates.nonmembers_affected if result.duplicates else None,
        "shift_passed": result.shift.passed if result.shift else None,
        "models": {
            m.name: {
                "members_dice": m.members_dice,
                "nonmembers_dice": m.nonmembers_dice,
                "seconds": m.seconds,
            }
            for m in result.models
        },
    }


def over_seeds(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean, lowest and highest of each attack's AUC and TPR at 1 % FPR."""
    table = {}
    for signal in runs[0]["attacks"]:
        found = [run["attacks"][signal] for run in runs]
        series = {"auc": [f["auc"][0] for f in found]}
        if all("0.01" in f["tpr"] for f in found):
            series["tpr_at_1_percent_fpr"] = [f["tpr"]["0.01"][0] for f in found]
        if all(f["untrained_auc"] is not None for f in found):
            series["untrained_auc"] = [f["untrained_auc"] for f in found]
        table[signal] = {
            name: {"mean": statistics.fmean(v), "low": min(v), "high": max(v)}
            for name, v in series.items()
        }
    blind = [run["controls"]["blind-baseline"][0] for run in runs]
    table["blind-baseline"] = {
        "auc": {"mean": statistics.fmean(blind), "low": min(blind), "high": max(blind)}
    }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, nargs="?")
    parser.add_argument("--root", type=Path, help="where the images lie")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--name", help="of the result file; the configuration's by default")
    parser.add_argument("--out", type=Path, help="keep the run folders here")
    given = parser.parse_args()
    if given.config is not None:
        run(given, given.config, given.root)
        return
    for example, data in EXAMPLES.items():
        root = HERE.parents[1] / "shared" / "data" / data
        if not root.is_dir():
            print(f"{example}: skipped, there are no images in ../shared/data/{data}")
            continue
        run(given, HERE.parent / "examples" / f"{example}.yaml", root)


def run(given: argparse.Namespace, config: Path, root: Path | None) -> None:
    settings = list(given.settings)
    if root is not None:
        settings.append(f"records.root={root}")
    with tempfile.TemporaryDirectory() as temporary:
        base = given.out or Path(temporary)
        runs = [
            one_seed(config, settings, seed, base / config.stem / f"seed-{seed}")
            for seed in given.seeds
        ]
    name = given.name or config.stem
    content = {
        "command": f"python benchmarks/audits.py examples/{config.name} --seeds "
        + " ".join(map(str, given.seeds))
        + "".join(f" --set {s}" for s in given.settings),
        "machine": machine(),
        "over_seeds": over_seeds(runs),
        "runs": runs,
    }
    path = HERE / "results" / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    for signal, row in content["over_seeds"].items():
        line = ", ".join(
            f"{k} {v['mean']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" for k, v in row.items()
        )
        print(f"{signal:32s} {line}")
    print(f"wrote {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
