"""Models of an audit: of any training method, and targets from outside that are recognised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pixel_method import PixelRegression
from pixleak.auditing.run import run_plan
from pixleak.core.access import Access
from pixleak.core.progress import Silent
from pixleak.defences.output.rounding import Rounding
from pixleak.pipeline.models import obtain_models, training_jobs
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.plan import GivenTarget, Plan, TrainedTarget
from pixleak.pipeline.storage.store import Store
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.request.audit import AuditRequest
from pixleak.targets.function import FunctionTarget
from pixleak.targets.target_for import target_for
from pixleak.training import METHODS


def planned(**changes: Any) -> Plan:
    content = {
        "seed": 1,
        "records": {"reader": "phantom", "count": 64, "size": 16},
        "split": {"target_members": 12, "shadow_members": 12},
        "target": {"recipe": {"network": "tiny", "epochs": 1}},
        "attacker": {"signals": ["cross-entropy"], "learned": ["type-ii-logistic"]},
        "evaluation": {"replicates": 100},
        "run": {"exhibits": 0},
    }
    return build(AuditRequest.model_validate(content | changes))


def prepared(plan: Plan, folder: Path) -> PreparedRecords:
    return prepare(plan.records, folder)


def test_a_method_of_somebody_else_trains_target_shadow_and_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METHODS._entries, "pixel-regression", PixelRegression)
    plan = planned(
        target={"pixel-regression": {"rounds": 2}, "access": "probability"},
        attacker={
            "shadow": {"pixel-regression": {"rounds": 3}},
            "signals": ["cross-entropy"],
            "learned": ["type-ii-logistic"],
        },
        references={"models": 4},
    )
    result = run_plan(plan, tmp_path)
    models = {model.name: model for model in result.models}
    pool = [model for name, model in models.items() if name.startswith("reference-")]
    assert {"target", "shadow", "untrained"} < set(models)
    assert len(pool) == 4
    assert models["target"].description == "pixel regression, 2 rounds, trained on 12 records"
    assert models["shadow"].description == "pixel regression, 3 rounds, trained on 12 records"
    assert all(model.facts == {"records": "all"} for model in pool)
    assert models["target"].recipe is None
    weights = models["target"].weights
    assert weights is not None
    images = torch.rand(1, 1, 16, 16)
    assert PixelRegression().load(tmp_path / weights)(images).shape == (1, 2, 16, 16)
    assert all(attack.control_auc is not None for attack in result.attacks)


def test_the_store_tells_methods_apart(tmp_path: Path) -> None:
    plan = planned(attacker={"shadow": None})
    records, store = prepared(plan, tmp_path / "records"), Store(tmp_path / "store")
    methods = (PixelRegression(), PixelRegression(lr=0.25))
    trained = [replace(plan, target=TrainedTarget(one, Access.LOGIT)) for one in methods]
    paths = {training_jobs(one, records, store)["target"].path for one in (plan, *trained)}
    assert len(paths) == 3


def test_targets_from_outside_are_recognised_by_themselves(tmp_path: Path) -> None:
    plan = planned(attacker={"shadow": None})
    records, store = prepared(plan, tmp_path / "records"), Store(tmp_path / "store")
    torch.manual_seed(0)
    module = nn.Conv2d(1, 2, 3, padding=1)

    def identities(given: GivenTarget) -> list[Any]:
        found = []
        for _ in range(2):
            models = obtain_models(replace(plan, target=given), records, store, Silent())
            assert models.untrained_note == given.untrained_note
            assert (models.untrained is None) == bool(given.untrained_note)
            found.append(models.target.identity)
        return found

    given = GivenTarget.of(target_for(module, plan.truth, Access.LOGIT), seed=0)
    first, second = identities(given)
    assert first == second
    assert first.keys() == {"name", "weights", "answers"}
    rounded = target_for(module, plan.truth, Access.LOGIT)
    first, second = identities(GivenTarget.of(Rounding().wrap_target(rounded), seed=0))
    assert first == second
    assert first.keys() == {"name", "weights", "answers", "altered by"}
    first, second = identities(
        GivenTarget.of(FunctionTarget(module, plan.truth, Access.LOGIT), seed=0)
    )
    assert first != second
