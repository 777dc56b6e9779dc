"""Every attack on every model of a pool, at several levels of over-fitting.

    python benchmarks/pools.py --root FOLDER_OF_KVASIR_SEG --epochs 12 20
    python benchmarks/pools.py --root FOLDER_OF_KVASIR_SEG --epochs 30 --seeds 0

Runs examples/kvasir_pool.yaml with several numbers of epochs and seeds: 16 models trained on
halves of 400 records, each the victim of 14 others (its complement left out). Then, from
the signals that each run saved, the attacks again with fewer references, and the default attack on
records that its classifier never saw. Writes benchmarks/results/pools.json after every pool; a pool
that the file has with all attacks is not run again. An idle machine of two cores takes about two
minutes for 12 epochs, two and a half for 20, and four and a half for 30.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from support.machine import machine

from pixleak.analyses.references import ReferencesInfo
from pixleak.attacks import ATTACKS, Attack, Population
from pixleak.auditing.api import run_into
from pixleak.core.errors import UnmetNeedError
from pixleak.core.progress import shown
from pixleak.core.tables import ReferenceTable, SignalInfo, SignalTable
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.pipeline.measuring.stored_tables import read_table
from pixleak.request.audit import AuditRequest
from pixleak.request.file import read_request
from pixleak.results.sections import LeaveOneOut

HERE = Path(__file__).parent
CONFIG = HERE.parent / "examples" / "kvasir_pool.yaml"
LADDER: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "Global loss": ("threshold", ("cross-entropy",), {}),
    "Type-II, one shadow": ("threshold", ("type-ii-logistic",), {}),
    "Quantile regression": ("quantile-regression", ("log-cross-entropy", "mask-share"), {}),
    "Difficulty calibration": ("difficulty-calibration", ("log-cross-entropy",), {}),
    "RMIA": ("rmia", ("cross-entropy",), {}),
    "LiRA offline, own variance": ("lira-offline", ("log-cross-entropy",), {"variance": "own"}),
    "LiRA offline, pooled": ("lira-offline", ("log-cross-entropy",), {"variance": "pooled"}),
    "LiRA offline, shrunk": ("lira-offline", ("log-cross-entropy",), {}),
    "LiRA online, own variance": ("lira-online", ("log-cross-entropy",), {"variance": "own"}),
    "LiRA online, pooled": ("lira-online", ("log-cross-entropy",), {"variance": "pooled"}),
    "LiRA online, shrunk": ("lira-online", ("log-cross-entropy",), {}),
    "Student-t LiRA": ("student-lira", ("log-cross-entropy",), {}),
    "Multi-signal LiRA": (
        "multi-signal-lira",
        ("log-cross-entropy", "margin", "entropy"),
        {},
    ),
    "Calibrated Type-II": ("difficulty-calibration", ("type-ii-logistic",), {}),
    "LiRA online over Type-II": ("lira-online", ("type-ii-logistic",), {}),
    "Stratified LiRA": ("stratified-lira", ("margin-class",), {}),
    "Learned on residuals": ("learned-residuals", ("all",), {}),
}
COUNTS = (1, 2, 4, 8, 14)


def pool_of(folder: Path) -> ReferenceTable:
    """The signals of the pool, from what the run saved."""
    table = pq.read_table(folder / "references.parquet")
    infos = {
        info.name: info
        for place in (folder / "artefacts" / "signals").glob("[!.]*")
        for info in read_table(place).infos
    }
    names = [name for name in table.column_names if name not in ("model", "id", "member")]
    models = tuple(dict.fromkeys(table["model"].to_pylist()))
    ids = tuple(dict.fromkeys(table["id"].to_pylist()))
    at = {(m, k): (i, j) for i, m in enumerate(models) for j, k in enumerate(ids)}
    shape = (len(models), len(ids))
    rows = np.array(
        [at[key] for key in zip(table["model"].to_pylist(), table["id"].to_pylist(), strict=True)]
    )
    values, member = np.full((*shape, len(names)), np.nan), np.zeros(shape, dtype=bool)
    for s, name in enumerate(names):
        column = table[name].to_numpy(zero_copy_only=False)
        values[rows[:, 0], rows[:, 1], s] = column.astype(np.float64)
    member[rows[:, 0], rows[:, 1]] = table["member"].to_numpy(zero_copy_only=False)
    measured = ~np.isnan(values)
    kinds = tuple(infos[name] for name in names)
    return ReferenceTable(ids, models, np.nan_to_num(values), kinds, measured, member)


def part(table: ReferenceTable, models: list[int], rows: np.ndarray) -> ReferenceTable:
    return ReferenceTable(
        tuple(table.ids[j] for j in rows),
        tuple(table.models[i] for i in models),
        table.values[np.ix_(models, rows)],
        table.infos,
        table.measured[np.ix_(models, rows)],
        table.member[np.ix_(models, rows)],
    )


def one_of(table: ReferenceTable, model: int, rows: np.ndarray) -> SignalTable:
    whole = SignalTable(table.ids, table.values[model], table.infos, table.measured[model])
    return whole.select(ids=[table.ids[j] for j in rows])


def columns(infos: tuple[SignalInfo, ...], wanted: tuple[str, ...]) -> list[str]:
    if wanted == ("all",):
        return [i.name for i in infos if i.queries_model and not i.learned]
    known = [i.name for i in infos]
    families = [
        [w] if w in known else [name for name in known if name.startswith(w + "-")] for w in wanted
    ]
    return [name for family in families for name in family][
        : None if wanted == ("margin-class",) else len(wanted)
    ]


def attacked(
    table: ReferenceTable,
    attack: Attack,
    names: list[str],
    references: int,
    halves: int | None = None,
) -> list[list[float]] | None:
    """AUC, TPR at 10 % and at 1 % FPR of each victim; None where references are too few."""
    held = np.flatnonzero(table.member.any(axis=0))
    outer = np.flatnonzero(~table.member.any(axis=0))
    found = []
    for victim in range(len(table.models)):
        pairs = [p for p in range(len(table.models) // 2) if p != victim // 2]
        others = [m for p in pairs for m in (2 * p, 2 * p + 1)][:references]
        scores, member = [], []
        folds = [(held, outer)]
        if halves is not None:
            order = np.random.default_rng(halves + victim).permutation(held)
            first, second = order[: len(order) // 2], order[len(order) // 2 :]
            folds = [(first, second), (second, first)]
        for asked, beside in folds:
            try:
                answer = attack.score(
                    one_of(table, victim, asked).select(signals=names),
                    part(table, others, asked),
                    Population(
                        one_of(table, victim, beside).select(signals=names),
                        part(table, others, beside),
                    ),
                )
            except UnmetNeedError:
                return None
            kept = answer.measured
            scores.append(answer.values[kept])
            member.append(table.member[victim, asked][kept])
        roc = roc_of(np.concatenate(scores), np.concatenate(member))
        rates = [roc.at_fpr(fpr).true_positives / roc.members for fpr in (0.1, 0.01)]
        found.append([roc.auc, *rates])
    return found


def summary(found: list[list[float]]) -> dict[str, Any]:
    rows = np.array(found)
    return {
        name: {"mean": float(rows[:, i].mean()), "sd_over_victims": float(rows[:, i].std(ddof=1))}
        for i, name in enumerate(("auc", "tpr_at_10_percent_fpr", "tpr_at_1_percent_fpr"))
    }


def one_pool(root: Path, epochs: int, seed: int, out: Path) -> dict[str, Any]:
    settings = [f"records.root={root}", f"target.recipe.epochs={epochs}", f"seed={seed}"]
    begun = time.monotonic()
    with shown() as progress:
        result = run_into(read_request(CONFIG, AuditRequest, settings), out, progress)
    spread, references = result.section(LeaveOneOut), result.section(ReferencesInfo)
    assert spread is not None
    assert references is not None
    table = pool_of(out)
    ladder: dict[str, Any] = {}
    for title, (name, wanted, options) in LADDER.items():
        counts = COUNTS if ATTACKS[name].min_references else (0,)
        for count in counts:
            chosen = columns(table.infos, wanted)
            answer = attacked(table, ATTACKS[name](**options), chosen, count)
            if answer is not None:
                ladder.setdefault(title, {})[str(count)] = summary(answer)
    held_out = attacked(
        table,
        ATTACKS["learned-residuals"](held_out=True),
        columns(table.infos, ("all",)),
        14,
        halves=seed,
    )
    assert held_out is not None
    return {
        "epochs": epochs,
        "seed": seed,
        "seconds": round(time.monotonic() - begun, 1),
        "verdict": result.verdict.answer,
        "fidelity": references.fidelity.passed if references.fidelity else None,
        "target": {
            a.title: [a.auc.value, a.tpr_at_fpr[1].value, a.control_auc and a.control_auc.value]
            for a in result.attacks
        },
        "leave_one_out": {
            a.title: {
                "auc": [a.auc.value, a.auc.low, a.auc.high],
                "tpr_at_1_percent_fpr": [
                    a.tpr_at_fpr[1].mean.value,
                    a.tpr_at_fpr[1].mean.low,
                    a.tpr_at_fpr[1].mean.high,
                ],
                "lead_auc": a.lead and [a.lead.value, a.lead.low, a.lead.high],
                "lead_tpr": a.tpr_at_fpr[1].lead
                and [getattr(a.tpr_at_fpr[1].lead, k) for k in ("value", "low", "high")],
            }
            for a in spread.attacks
        },
        "by_references": ladder,
        "held_out_records": summary(held_out),
        "models": {m.name: [m.members_dice, m.nonmembers_dice] for m in result.models},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=HERE.parent.parent / "shared/data/kvasir-seg")
    parser.add_argument("--epochs", type=int, nargs="+", default=[12, 20, 30])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=HERE / "results" / "pools.json")
    arguments = parser.parse_args()
    runs = json.loads(arguments.out.read_text())["runs"] if arguments.out.is_file() else []
    at = {(run["epochs"], run["seed"]): run for run in runs}
    for seed in arguments.seeds:
        for epochs in arguments.epochs:
            if (epochs, seed) in at and set(LADDER) <= set(at[epochs, seed]["by_references"]):
                continue
            with tempfile.TemporaryDirectory() as folder:
                at[epochs, seed] = one_pool(arguments.root, epochs, seed, Path(folder))
            content = {"machine": machine(), "config": CONFIG.name, "runs": list(at.values())}
            arguments.out.write_text(json.dumps(content, indent=1) + "\n")
            print(epochs, seed, json.dumps(at[epochs, seed]["leave_one_out"], indent=1))


if __name__ == "__main__":
    main()
