"""Do a dozen audits still give the figures that they gave before a change?

    python benchmarks/same_figures.py record FOLDER     # run them, keep what they say in FOLDER
    python benchmarks/same_figures.py compare OLD NEW   # every score, interval and verdict

Names of audits after the folders limit it to these: ``record FOLDER pool trigger``. Both sides run
the command line on generated records, so that the two sides may be different versions of
the package. Scores are compared to the last bit, sentences not at all: those may be reworded.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml
from PIL import Image

SMALL = {"network": "tiny", "epochs": 12, "lr": 0.01}
PHANTOM = {"reader": "phantom", "count": 160, "size": 32, "label_noise": 0.5, "seed": 3}
QUICK = {"replicates": 200}
PIX2PIX = {
    "network": {"name": "pix2pix", "options": {"width": 8, "depth": 4}},
    "adversary": {"name": "pix2pix", "width": 4, "layers": 2},
    "epochs": 8,
    "lr": 0.003,
}
PHOTOS = {"reader": "phantom", "count": 100, "size": 32, "seed": 5, "direction": "labels-to-photo"}
PLAIN = ["difficulty-total-variation", "difficulty-compression"]
NETWORK = {"name": "type-ii-network", "options": {"width": 4, "epochs": 2}}

AUDITS: dict[str, dict[str, Any]] = {
    "segmentation": {
        "records": PHANTOM,
        "target": {"recipe": SMALL},
        "attacker": {"learned": ["type-i-logistic", "type-ii-logistic", NETWORK]},
    },
    "classes": {
        "records": PHANTOM | {"classes": 4, "shift": 0.3},
        "target": {"recipe": SMALL | {"loss": "ce"}, "access": "probability"},
        "attacker": {"learned": ["type-i-logistic"]},
    },
    "pool": {
        "records": PHANTOM | {"slices_per_subject": 2},
        "split": {"target_members": 50, "population": 20},
        "target": {"recipe": SMALL},
        "attacker": {"shadow": None},
        "references": {"models": 6},
    },
    "outsider": {
        "records": PHANTOM,
        "target": {"recipe": SMALL},
        "attacker": {"learned": ["type-ii-logistic"]},
        "references": {"models": 4, "records": "own"},
    },
    "labels": {
        "records": PHANTOM,
        "target": {"recipe": SMALL, "access": "label"},
        "attacker": {"learned": ["type-ii-logistic"]},
        "references": {"models": 4},
    },
    "generator": {
        "records": PHOTOS,
        "target": {"recipe": PIX2PIX},
        "attacker": {"shadow": None, "difficulties": PLAIN},
    },
    "generator-pool": {
        "records": PHOTOS,
        "split": {"target_members": 40},
        "target": {"recipe": PIX2PIX | {"adversary": None}},
        "attacker": {"shadow": None, "difficulties": PLAIN},
        "references": {"models": 4},
    },
    "defences": {
        "records": PHANTOM,
        "split": {"target_members": 30, "reserve": 20},
        "target": {
            "recipe": SMALL,
            "defences": ["cut-mix", "distillation", {"name": "rounding", "options": {}}],
        },
        "attacker": {"learned": ["type-ii-logistic"]},
        "references": {"models": 4},
    },
    "dp": {
        "records": PHANTOM | {"count": 100, "slices_per_subject": 2},
        "target": {"recipe": SMALL | {"epochs": 4}, "defences": ["dp-sgd", "noise"]},
        "attacker": {"kind": "naive", "learned": ["type-i-logistic"]},
    },
    "trigger": {
        "records": PHANTOM,
        "target": {"recipe": SMALL},
        "attacker": {"learned": ["type-i-logistic"]},
        "poison": {"name": "square", "options": {"share": 0.2}},
    },
    "truth-serum": {
        "records": PHANTOM,
        "split": {"target_members": 50},
        "target": {"recipe": SMALL},
        "attacker": {"shadow": None},
        "references": {"models": 4},
        "poison": {"name": "truth-serum", "options": {"targets": 50}},
    },
    "canaries": {
        "records": PHANTOM,
        "split": {"target_members": 40},
        "target": {"recipe": SMALL},
        "attacker": {"shadow": None},
        "canaries": {"count": 40, "kind": "relabelled"},
        "references": {"models": 4},
    },
}
STUDY = {
    "base": {
        "records": PHANTOM | {"count": 100},
        "target": {"recipe": SMALL | {"epochs": 5}},
        "attacker": {"learned": ["type-i-logistic"]},
        "evaluation": {"replicates": 100},
    },
    "axes": {"defence": ["none", "argmax", "weight-decay"], "seed": [0, 1]},
}
UNALIKE = ("created", "seconds", "timings", "environment", "inference_seconds", "runner")
"""What differs from run to run, or says where it ran."""
TABLES = ("scores", "signals", "references", "leave_one_out")


def record(out: Path, names: Sequence[str] = ()) -> None:
    """Run everything, or the named audits, and keep results, tables and answers under ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    for number, (name, audit) in enumerate(AUDITS.items()):
        if (out / name / "result.json").is_file() or (names and name not in names):
            continue
        usual = {"title": name, "seed": number, "evaluation": QUICK, "run": {"exhibits": 2}}
        content = usual | audit
        file = _write(out / f"{name}.yaml", content)
        _pixleak("audit", file, "--out", out / name)
    if names:
        return
    if not (out / "study" / "study.json").is_file():
        _pixleak(
            "study", _write(out / "study.yaml", STUDY), "--out", out / "study", "--workers", "2"
        )
    _questions(out)


def _questions(out: Path) -> None:
    """One record and one set, asked of the generator that was trained."""
    weights = next((out / "generator" / "artefacts" / "model").glob("*/weights.safetensors"))
    with tempfile.TemporaryDirectory() as scratch:
        files = _pictures(out / "generator" / "split.csv", Path(scratch))
        shape = {"size": [32, 32], "channels": 3, "target_channels": 1}

        def folder(role: str) -> dict[str, Any]:
            place = {"root": str(files / role), "inputs": "labels", "targets": "photos"}
            return {"reader": "pairs", **place, **shape}

        target = {"module": f"{files / 'model.py'}:make"}
        (files / "model.py").write_text(
            "from pathlib import Path\n\nimport torch\n"
            "from pixleak.training.checkpoint import load_network\n\n\n"
            "class Picture(torch.nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            f"        self.net = load_network(Path({str(weights)!r}))\n\n"
            "    def forward(self, x):\n"
            "        labels = (x[:, :1] > 0.5).float()\n"
            "        return self.net(torch.cat([1 - labels, labels], dim=1))\n\n\n"
            "def make():\n    return Picture()\n"
        )
        common = {"target": target, "difficulties": PLAIN}
        asked = common | {
            "record": {"kind": "image-to-image", **shape},
            "nonmembers": folder("target-nonmembers"),
        }
        tested = common | {
            "owned": folder("target-members"),
            "comparable": folder("target-nonmembers"),
            "permutations": 500,
        }
        mine = sorted((files / "target-members" / "labels").iterdir())[0].name
        pair = [files / "target-members" / kind / mine for kind in ("labels", "photos")]
        _pixleak("query", _write(files / "q.yaml", asked), *pair, "--out", out / "query.json")
        _pixleak("set-test", _write(files / "s.yaml", tested), "--out", out / "set-test.json")


def _pictures(split: Path, folder: Path) -> Path:
    """The generator's records as files: grey pictures of labels, and photos."""
    import pixleak

    options = {k: v for k, v in PHOTOS.items() if k not in ("reader", "direction")}
    records = pixleak.phantom(**options)
    for row in split.read_text().splitlines()[1:]:
        key, role = row.split(",")[:2]
        one = records.select([key])[0]
        for kind, picture in (("labels", one.truth * 255), ("photos", one.image[0] * 255)):
            place = folder / role / kind
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.round().numpy().astype(np.uint8)).save(place / f"{key}.png")
    return folder


def _write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


def _pixleak(*args: object) -> None:
    print("pixleak", *args, flush=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pixleak", *map(str, args)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def figures(run: Path) -> dict[str, str]:
    """Every number and every answer of a run folder by its place, exact."""
    content = json.loads((run / "result.json").read_text())
    content = _as_saved_first(content)
    found = dict(_numbers(content, ""))
    for name in TABLES:
        if (run / f"{name}.parquet").is_file():
            found[f"{name}.parquet"] = _digest(run / f"{name}.parquet")
    for name in ("split.csv", "membership.csv"):
        if (run / name).is_file():
            found[name] = hashlib.sha256((run / name).read_bytes()).hexdigest()
    return found


def _as_saved_first(content: dict[str, Any]) -> dict[str, Any]:
    """A result in the layout of schema version 1, whose analyses were fields of their own."""
    sections = content.pop("sections", None)
    if sections is None:
        return content
    if "references" in sections:
        sections["fidelity"] = sections["references"].pop("fidelity")
    if "subgroups" in sections:
        sections["subgroups"]["slices"] = sections["subgroups"].pop("subgroups")
    if "poison" in sections:
        sections["poison"]["name"] = sections["poison"].pop("poison")
    named = {
        "canaries": "epsilon",
        "exposed-records": "exposures",
        "leave-one-out": "leave_one_out",
        "subgroups": "slices",
    }
    return content | {named.get(name, name): section for name, section in sections.items()}


def _numbers(value: Any, place: str) -> Iterator[tuple[str, str]]:
    last = place.rpartition("/")[2]
    if last in UNALIKE or place.startswith(("/arguments", "/schema_version")):
        return
    if isinstance(value, dict):
        for key, inner in sorted(value.items()):
            yield from _numbers(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _numbers(inner, f"{place}/{i}")
    elif isinstance(value, bool) or value is None or last in ("answer", "name", "signal"):
        if value is not None:
            yield place, repr(value)
    elif isinstance(value, int | float):
        yield place, repr(float(value)) if math.isfinite(value) else str(value)


def _digest(path: Path) -> str:
    """Of a table's content, whatever the order of its columns and the version of its writer."""
    table = pq.read_table(path)
    digest = hashlib.sha256()
    for name in sorted(table.column_names):
        digest.update(name.encode())
        column = table[name]
        digest.update(repr(column.is_null().to_pylist()).encode())
        digest.update(repr(column.to_pylist()).encode())
    return digest.hexdigest()


def compare(old: Path, new: Path, names: Sequence[str] = ()) -> int:
    """Print what differs; how many places do."""
    unlike = 0
    runs, others = _runs(old), _runs(new)
    for name in names or sorted({*runs, *others}):
        sides = [figures(side[name]) if name in side else {} for side in (runs, others)]
        unlike += _differences(name, *sides)
    questions = () if names else ("query.json", "set-test.json")
    for name in questions:
        before, after = (
            dict(_numbers(json.loads((side / name).read_text()), "")) for side in (old, new)
        )
        unlike += _differences(name, before, after)
    print(f"{unlike} differences in {len(names or runs)} runs and {len(questions)} questions")
    return unlike


def _runs(folder: Path) -> dict[str, Path]:
    """The folders of results by name: that of the audit, or the label of a study's cell."""
    folders = [path.parent for path in folder.glob("**/result.json")]
    return {
        f"study: {(run / 'label.txt').read_text().strip()}"
        if run.parent.name == "cells"
        else str(run.relative_to(folder)): run
        for run in folders
    }


def _differences(name: str, before: dict[str, str], after: dict[str, str]) -> int:
    places = [place for place in sorted({*before, *after}) if before.get(place) != after.get(place)]
    same = len(before) - sum(place in before for place in places)
    print(f"{name}: {same} of {len(before)} places alike")
    for place in places[:12]:
        print(f"    {place}: {before.get(place)} -> {after.get(place)}")
    return len(places)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["record", folder, *names]:
            record(Path(folder), names)
        case ["compare", first, second, *names]:
            sys.exit(min(compare(Path(first), Path(second), names), 1))
        case _:
            sys.exit(__doc__)
