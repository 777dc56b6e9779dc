"""Run the studies of this folder, and keep what the documentation shows of them.

    python benchmarks/studies.py --root FOLDER_OF_KVASIR_SEG
    python benchmarks/studies.py --only defences outputs --runs runs/studies

Each file studies/kvasir_NAME.yaml is a study; it goes on where it was interrupted. Kept are
results/studies/NAME/: the tidy table, study.json, and every table as CSV and Markdown. Then
``studies_page.py`` writes the pages and figures of the documentation from these. Images are looked
for in ../shared/data/kvasir-seg beside the checkout unless --root says otherwise.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from support.machine import machine

HERE = Path(__file__).parent
KEPT = HERE / "results" / "studies"
NAMES = ("defences", "outputs", "encoders", "sizes", "poison", "truth_serum")


def run(name: str, root: Path, folder: Path) -> None:
    from pixleak.core.progress import shown
    from pixleak.studies.plan.study_config import read_study_config
    from pixleak.studies.run.run_study import run_study

    config = HERE / "studies" / f"kvasir_{name}.yaml"
    study = read_study_config(config, [f"base.records.root={root}"])
    with shown() as progress:
        run_study(study, folder, progress, where=config.name)


def keep(name: str, root: Path, folder: Path) -> None:
    """Tables and the study itself, without the paths of the machine that it ran on."""
    kept = KEPT / name
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for pattern in ("*.csv", "tables.md", "study.parquet"):
        for path in folder.glob(pattern):
            shutil.copy(path, kept / path.name)
    if taught := reserves(folder):
        (kept / "reserve.json").write_text(json.dumps(taught, indent=1) + "\n")
    study = json.loads((folder / "study.json").read_text())
    study["arguments"]["base"]["records"]["root"] = "data/kvasir-seg"
    if study["arguments"].get("published"):
        study["arguments"]["published"]["file"] = "published.csv"
    text = json.dumps(study, indent=1) + "\n"
    if str(root) in text or str(HERE) in text:
        raise SystemExit(f"{name}: a path of this machine is left in study.json")
    (kept / "study.json").write_text(text)
    # Whatever this process may use, its workers have one thread each.
    described = machine() | {"threads_a_process": "1"}
    (kept / "machine.json").write_text(json.dumps(described, indent=1) + "\n")


def reserves(folder: Path) -> dict[str, dict[str, float]]:
    """Cell -> signal -> AUC on the reserve, of models that were taught on it."""
    found = {}
    for path in sorted(folder.glob("cells/*/result.json")):
        if (level := json.loads(path.read_text())["reserve"]) is not None:
            label = (path.parent / "label.txt").read_text().strip()
            found[label] = {one["signal"]: one["auc"]["value"] for one in level["attacks"]}
    return dict(sorted(found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--root", type=Path, default=HERE.parents[1] / "shared/data/kvasir-seg")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--runs", type=Path, default=HERE.parent / "runs" / "studies")
    given = parser.parse_args()
    root = given.root.resolve()
    if not root.is_dir():
        print(f"there is no {root}: give the folder of Kvasir-SEG with --root")
        return
    for name in given.only:
        folder = given.runs / name
        run(name, root, folder)
        keep(name, root, folder)
        print(f"{name}: {folder / 'study.html'}")


if __name__ == "__main__":
    main()
