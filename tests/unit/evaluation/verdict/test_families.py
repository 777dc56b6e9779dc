"""The families of null worlds that a benchmark counts, a few small ones of each."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pixleak
from pixleak.evaluation.statistics import significance


@pytest.fixture
def families(repo: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(repo / "benchmarks")
    monkeypatch.setattr(significance, "PERMUTATIONS", significance.PERMUTATIONS)
    found = importlib.import_module("null_families")
    for name in ("score_worlds", "image_worlds"):
        assert Path(str(importlib.import_module(f"support.{name}").__file__)).is_relative_to(repo)
    worlds = importlib.import_module("support.score_worlds")
    monkeypatch.setattr(worlds, "SHUFFLES", 400)
    monkeypatch.setattr(worlds, "REPLICATES", 50)
    return found


def test_every_family_of_scores_is_counted_once(families: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    rows = list(families.score_rows())
    families.measure(rows, 2, path)
    found = json.loads(path.read_text())["rows"]
    assert list(found) == [f"{group}: {name}" for group, name, *_ in rows]
    assert {row["group"] for row in found.values()} == {"nulls", "power", "headline"}
    for row in found.values():
        counts = row["leak"] if "leak" in row else row["simultaneous"]
        assert 0 <= counts[1] <= counts[0] / 2 <= counts[2] <= 1
    # What is there is not measured again; more worlds are.
    never: list[Any] = [(*row[:2], None, {}) for row in rows]
    families.measure(never, 2, path)
    families.measure(rows, 3, path, only="tied")
    assert json.loads(path.read_text())["rows"]["nulls: tied"]["worlds"] == 3


def test_planted_subjects_are_found_by_all_three_tests(families: ModuleType) -> None:
    found = families.judged(families.World("equal", 0.95, compared=True), 0)
    assert found == {
        "answer": "leak",
        "reason": "",
        "leak by the set test": True,
        "leak by the sum of ranks": True,
    }


@pytest.mark.parametrize("access", ["logit", "label"])
def test_audits_of_images_answer_with_a_reason(families: ModuleType, access: str) -> None:
    import torch

    records = families.in_memory(pixleak.phantom(40, size=16, seed=0))
    network = torch.nn.Conv2d(1, 2, 3, padding=1)
    found = families.audited(records, network, list(records.ids), 12, access, 3)
    assert found["answer"] == "cannot-tell"
    assert found["reason"]


@pytest.mark.slow
def test_targets_are_trained_on_none_of_the_audited_records(
    families: ModuleType, tmp_path: Path
) -> None:
    records = families.in_memory(pixleak.phantom(24, size=16, seed=0))
    ((_, others), (_, different)) = families.targets_and_others(records, (1, 1), 4, tmp_path)
    assert len(set(others)) == 20
    assert set(others) != set(different)
    trained_on = np.random.default_rng(0).permutation(np.array(records.ids))[:4]
    assert not set(trained_on.tolist()) & set(others)
