"""How often does an audit cry leak where there is none, and what leak does it find?

    python benchmarks/null_audits.py [--audits 200] [--workers 2]

Null audits run through the same code as any audit (records, models, signals, attacks, controls,
verdict). In both kinds the target was trained on neither of the two sides:

alone    a U-Net trained on other generated images; each audit draws 60 + 60 fresh images at random
pool     the same with 8 reference models trained on halves of the audited images; each audit
         divides these at random into "members" and "non-members"

Counted are verdicts, and how often an attack's 95 % interval holds the true AUC of one half. The
power curve is in numbers only: normal scores of correlated attacks with a known AUC, through
evaluation and verdict. Writes benchmarks/results/null_audits.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri
from support.machine import machine

HERE = Path(__file__).parent
SIDE = 60
NETWORK = {"network": {"name": "unet"}, "loss": "dice+ce", "epochs": 8, "lr": 0.002}
ATTACKS = 6


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / "pixleak-null-audits"


def _target() -> Any:
    """A U-Net trained on images that no audit draws."""
    from pixleak import phantom
    from pixleak.training.checkpoint import load_network
    from pixleak.training.jobs import TrainingJob, train_all
    from pixleak.training.recipe import Recipe

    path = _folder() / "target.safetensors"
    job = TrainingJob("target", Recipe(**NETWORK), phantom(120, size=32, seed=999), 7, path)
    train_all([job], resume=True)
    return load_network(path)


def _plan(kind: str, number: int) -> Any:
    from pixleak import phantom
    from pixleak.core.access import Access
    from pixleak.core.roles import Role
    from pixleak.pipeline.plan.build import draw_pool
    from pixleak.pipeline.plan.plan import GivenTarget, Plan
    from pixleak.records.splitting.split import Split
    from pixleak.targets.target_for import target_for
    from pixleak.training.recipe import Recipe

    generator = np.random.default_rng([number, kind == "pool"])
    if kind == "alone":
        records = phantom(2 * SIDE + 60, size=32, seed=10_000 + number)
        audited = list(records.ids[: 2 * SIDE])
    else:  # one pool for all, so its images are fixed
        records = phantom(2 * SIDE + 60, size=32, seed=5)
        audited = list(records.ids[: 2 * SIDE])
    fixed = Split(
        "random", "record", 0, {Role.TARGET_MEMBERS: tuple(audited), Role.TARGET_NONMEMBERS: ()}
    )
    references = None
    if kind == "pool":
        recipe = Recipe(**NETWORK)
        references = draw_pool(recipe, records, fixed, models=8, leave_one_out=False, seed=0)
    generator.shuffle(audited)
    roles = {
        Role.TARGET_MEMBERS: tuple(audited[:SIDE]),
        Role.TARGET_NONMEMBERS: tuple(audited[SIDE:]),
        Role.POPULATION: records.ids[2 * SIDE :],
    }
    target = GivenTarget.of(target_for(_target(), records.truth, Access.LOGIT), seed=3)
    return Plan(
        title=f"null {kind} {number}",
        seed=0,
        records=records,
        split=replace(fixed, roles=roles),
        target=target,
        shadow=None,
        learned=(),
        references=references,
        exhibits=0,
    )


def null_audit(kind: str, number: int) -> dict[str, Any]:
    import torch

    from pixleak.auditing.run import run_plan

    torch.set_num_threads(1)
    plan = _plan(kind, number)
    # One store for all audits of a process: the pool is trained once and found again.
    folder = _folder() / f"{kind}-{number % 2 if kind == 'pool' else number}"
    result = run_plan(plan, folder)
    if kind == "alone":
        import shutil

        shutil.rmtree(folder)
    return {
        "answer": result.verdict.answer,
        "evidence": result.verdict.evidence,
        "held": {a.title: a.auc.low <= 0.5 <= a.auc.high for a in result.attacks},
        "auc": {a.title: a.auc.value for a in result.attacks},
    }


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    from pixleak.evaluation.statistics.rates import clopper_pearson

    answers = Counter(one["answer"] for one in found)
    leaks = clopper_pearson(answers["leak"], len(found))
    coverage = {}
    for title in found[0]["held"]:
        held = [one["held"][title] for one in found if title in one["held"]]
        bounds = clopper_pearson(sum(held), len(held))
        coverage[title] = [sum(held) / len(held), bounds.low, bounds.high]
    return {
        "audits": len(found),
        "answers": dict(answers),
        "leak": [answers["leak"] / len(found), leaks.low, leaks.high],
        "evidence": Counter(name for one in found for name in one["evidence"]),
        "coverage_of_auc_interval": coverage,
        "mean_auc": {
            title: float(np.mean([one["auc"][title] for one in found if title in one["auc"]]))
            for title in found[0]["auc"]
        },
    }


def power_point(side: int, auc: float, seed: int) -> bool:
    """Whether correlated attacks of that AUC, of which the best has it, lead to "leak"."""
    from pixleak.core.tables import Scores
    from pixleak.evaluation.evaluate import evaluate_scores
    from pixleak.evaluation.verdict.rule import decide

    generator = np.random.default_rng([side, round(1000 * auc), seed])
    member = np.arange(2 * side) < side
    shared = generator.normal(size=2 * side) + np.sqrt(2) * float(ndtri(auc)) * member
    ids = tuple(str(i) for i in range(2 * side))
    every = np.ones(2 * side, dtype=bool)
    results = []
    for k in range(ATTACKS):
        noisy = shared + 0.5 * k / ATTACKS * generator.normal(size=2 * side)
        scores = Scores(ids, noisy, every, f"attack-{k}", "score")
        results.append(evaluate_scores(scores, member, replicates=100, fprs=(0.1, 0.01)))
    verdict = decide(results, [], duplicates=None, shift=None, members=side, nonmembers=side)
    return verdict.answer == "leak"


def power(side: int, auc: float, repeats: int) -> list[float]:
    from pixleak.evaluation.statistics.rates import clopper_pearson

    found = sum(power_point(side, auc, seed) for seed in range(repeats))
    bounds = clopper_pearson(found, repeats)
    return [found / repeats, bounds.low, bounds.high]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audits", type=int, default=200, help="of each kind")
    parser.add_argument("--repeats", type=int, default=200, help="of each point of the power curve")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "null_audits.json")
    arguments = parser.parse_args()
    begun = time.monotonic()
    content: dict[str, Any] = {"machine": machine(), "side": SIDE}
    _folder().mkdir(exist_ok=True)
    _target()
    for number in (0, 1):  # both stores get their pool before the processes start
        null_audit("pool", number)
    with ProcessPoolExecutor(arguments.workers) as processes:
        for kind in ("alone", "pool"):
            numbers = list(range(arguments.audits))
            if kind == "pool":  # two processes, each with the store of its own parity
                halves = [numbers[parity::2] for parity in (0, 1)]
                parts = list(processes.map(_several, [kind, kind], halves))
                found = [one for part in parts for one in part]
            else:
                found = list(processes.map(null_audit, [kind] * len(numbers), numbers))
            content[kind] = summary(found)
            print(kind, json.dumps(content[kind], indent=1), flush=True)
        points = [(n, a) for n in (50, 100, 200, 500) for a in (0.5, 0.55, 0.6, 0.65, 0.7, 0.8)]
        sides, areas = zip(*points, strict=True)
        shares = list(processes.map(power, sides, areas, [arguments.repeats] * len(points)))
    content["power"] = {
        "attacks": ATTACKS,
        "repeats": arguments.repeats,
        "by_side_and_auc": {
            f"{n}/{a}": share for (n, a), share in zip(points, shares, strict=True)
        },
    }
    content["seconds"] = round(time.monotonic() - begun, 1)
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content["power"], indent=1))


def _several(kind: str, numbers: list[int]) -> list[dict[str, Any]]:
    return [null_audit(kind, number) for number in numbers]


if __name__ == "__main__":
    main()
