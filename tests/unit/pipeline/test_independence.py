"""Records that are not independent: by their pictures, and by the order of their scores."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import pixleak
from pixleak.core.tables import Floats, Scores
from pixleak.evaluation.evaluate import evaluate_scores
from pixleak.pipeline.independence import independence_controls
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.storage.store import Store
from pixleak.records.prepared.prepare import prepare
from pixleak.results.controls import Control

SIDE, GRID = 30, 16


def slices(draws: np.random.Generator) -> torch.Tensor:
    """Three consecutive slices of each of twenty patients: the picture turns into another."""
    near, far = (torch.from_numpy(draws.random((20, GRID, GRID))).float() for _ in range(2))
    turns = torch.tensor([0.0, 0.35, 0.7])
    mixed = near[:, None] * turns.cos()[:, None, None] + far[:, None] * turns.sin()[:, None, None]
    return mixed.flatten(0, 1) / 1.5


def pictures(draws: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(draws.random((2 * SIDE, GRID, GRID))).float()


def controls(
    shown: torch.Tensor,
    values: Floats,
    tmp_path: Path,
    subjects: list[str] | None = None,
    attacks: int = 1,
) -> dict[str, Control]:
    ids = tuple(f"r{i:03d}" for i in range(len(shown)))
    records = pixleak.Records(
        [
            pixleak.RecordKey(key, None if subjects is None else subjects[i])
            for i, key in enumerate(ids)
        ],
        lambda i: (shown[i][None], torch.zeros(GRID, GRID, dtype=torch.long)),
        pixleak.LabelTruth(2),
    )
    plan = build(
        pixleak.AuditRequest(
            members=records.select(ids[:SIDE]),
            nonmembers=records.select(ids[SIDE:]),
            target=pixleak.TargetModel(model=torch.nn.Conv2d(1, 2, 1)),
        )
    )
    member = np.arange(2 * SIDE) < SIDE
    scores = Scores(ids, values, np.ones(2 * SIDE, dtype=bool), "threshold", "loss")
    evaluated = evaluate_scores(scores, member, units=subjects or ids, replicates=50)
    prepared = prepare(plan.records, tmp_path / "copies").select(plan.audited)
    found = independence_controls(
        plan,
        prepared,
        [evaluated] * attacks,
        [SimpleNamespace(scores=scores)] * attacks,  # type: ignore[list-item]
        Store(tmp_path / "artefacts"),
    )
    return {one.name: one for one in found}


def by_three(draws: np.random.Generator) -> Floats:
    """Scores that three records in a row share."""
    values: Floats = np.repeat(draws.normal(size=20), 3) + 0.3 * draws.normal(size=60)
    return values


def test_slices_without_a_subject_fail_and_the_advice_is_given_once(tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    found = controls(slices(draws), by_three(draws), tmp_path)
    assert found["correlated-records"].passed is False
    assert found["member-placebo"].passed is False
    assert "as a subject" in found["correlated-records"].explanation
    told = found["member-placebo"].explanation
    assert told.endswith("as 'Correlated records' found by their pictures.")
    assert "Give the subject" not in told


def test_slices_with_their_subject_pass(tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    subjects = [f"patient {i // 3}" for i in range(60)]
    found = controls(slices(draws), by_three(draws), tmp_path, subjects)
    assert {name: one.passed for name, one in found.items()} == {"member-placebo": True}


def test_batches_that_no_picture_shows_are_seen_by_the_placebo_alone(tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    found = controls(pictures(draws), by_three(draws), tmp_path)
    assert found["correlated-records"].passed is True
    assert found["member-placebo"].passed is False
    assert "Give the subject or group" in found["member-placebo"].explanation


def test_the_best_of_more_attacks_must_stand_out_further_from_batches(tmp_path: Path) -> None:
    draws = np.random.default_rng(3)
    values = by_three(draws) + 1.1 * (np.arange(2 * SIDE) < SIDE)
    shown = pictures(draws)
    found = [
        controls(shown, values, tmp_path / str(count), attacks=count)["member-placebo"].passed
        for count in (1, 5)
    ]
    assert found == [True, False]


def test_like_pictures_in_mixed_order_are_seen_by_the_correlated_records_alone(
    tmp_path: Path,
) -> None:
    draws = np.random.default_rng(1)
    mixed = np.concatenate([draws.permutation(SIDE), SIDE + draws.permutation(SIDE)])
    shown, values = slices(draws)[mixed], by_three(draws)[mixed]
    found = controls(shown, values, tmp_path)
    assert found["correlated-records"].passed is False
    assert found["member-placebo"].passed is True


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_independent_records_pass_both(seed: int, tmp_path: Path) -> None:
    draws = np.random.default_rng(seed)
    found = controls(pictures(draws), draws.normal(size=60), tmp_path)
    assert [one.passed for one in found.values()] == [True, True]
