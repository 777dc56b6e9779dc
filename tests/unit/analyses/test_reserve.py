"""The reserve is attacked where the target was taught on it, and only there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pixleak.analyses.reserve import ReserveLevel
from pixleak.auditing.run import run_plan
from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.plan import GivenTarget, Plan
from pixleak.report.html.render import render
from pixleak.report.terminal import result_text
from pixleak.request.file import parse_request
from pixleak.results.audit import Result
from pixleak.targets.function import FunctionTarget
from pixleak.training.checkpoint import load_network
from pixleak.training.loop.losses import cross_entropy

RECIPE = {"network": {"name": "unet", "options": {"widths": [8, 16]}}, "lr": 0.02, "batch_size": 4}


def planned(defences: list[Any], epochs: int) -> Plan:
    content = {
        "seed": 1,
        "records": {"reader": "phantom", "count": 90},
        "split": {"target_members": 30, "target_nonmembers": 30, "reserve": 30},
        "target": {"recipe": RECIPE | {"epochs": epochs}, "defences": defences},
        "attacker": {"shadow": None, "signals": ["cross-entropy", "dice-loss"], "attacks": []},
        "evaluation": {"replicates": 100},
        "run": {"exhibits": 0},
    }
    return build(parse_request(content))


def auc_by_hand(plan: Plan, result: Result, folder: Path) -> float:
    """Share of pairs of reserve and non-member in which the student's loss is the reserve's."""
    target = next(one for one in result.models if one.name == "target")
    assert target.weights is not None
    module = load_network(folder / target.weights)
    losses = []
    for role in ("reserve", "target-nonmembers"):
        records = list(plan.records.select(plan.ids(role)))
        images = torch.stack([one.image for one in records])
        truths = torch.stack([one.truth for one in records])
        assert isinstance(plan.truth, LabelTruth)
        with torch.no_grad():
            losses.append(cross_entropy(module(images), truths, plan.truth))
    lower = losses[0][:, None] < losses[1][None]
    return float(lower.float().mean())


@pytest.mark.slow
def test_a_student_is_attacked_on_the_reserve_that_taught_it(tmp_path: Path) -> None:
    options = {"name": "distillation", "options": {"keep": 1.0}}
    plan = planned([options], epochs=6)
    result = run_plan(plan, tmp_path)
    reserve = result.section(ReserveLevel)
    assert reserve is not None
    assert (reserve.records, reserve.nonmembers) == (30, 30)
    assert [one.signal for one in reserve.attacks] == ["cross-entropy", "dice-loss"]
    for one in reserve.attacks:
        assert one.members + one.nonmembers + one.not_measured == 60
        assert min(one.members, one.nonmembers) > 25
        assert one.control_auc is not None
    assert reserve.attacks[0].auc.value == pytest.approx(auc_by_hand(plan, result, tmp_path))
    assert Result.read(tmp_path).section(ReserveLevel) == reserve
    assert "Reserve: The target was taught on the defender's reserve" in result_text(result)
    page = render(tmp_path).read_text(encoding="utf-8")
    assert 'id="reserve"' in page
    assert "those 30 records" in page


@pytest.mark.parametrize("defences", [[], ["min-max"], ["early-stopping"]], ids=str)
def test_a_reserve_that_was_not_learnt_is_not_attacked(defences: list[Any]) -> None:
    assert planned(defences, epochs=1).taught_on == ()


def test_a_target_from_outside_has_not_learnt_a_reserve_of_this_split() -> None:
    plan = planned(["distillation"], epochs=1)
    assert len(plan.taught_on) == 30
    target = FunctionTarget(lambda images: images, plan.truth, Access.PROBABILITY)
    assert replace(plan, target=GivenTarget(target, None)).taught_on == ()
