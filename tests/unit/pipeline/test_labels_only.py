"""Audits of targets that answer with labels: behind argmax, or from outside."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.toy_records import bright_squares

from pixleak.auditing.run import run_plan
from pixleak.core.access import Access
from pixleak.defences.output.argmax import Argmax
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.choosing import choose
from pixleak.records.base import Records
from pixleak.report.terminal import result_text
from pixleak.request.audit import AuditRequest
from pixleak.signals import SIGNALS
from pixleak.signals.measure import measure
from pixleak.targets.module import ModuleTarget
from pixleak.training.loop.fit import fit
from pixleak.training.recipe import Recipe


def config(**changes: object) -> AuditRequest:
    content = {
        "seed": 1,
        "records": {"reader": "phantom", "count": 90, "size": 16},
        "split": {
            "target_members": 12,
            "target_nonmembers": 12,
            "shadow_members": 12,
            "shadow_nonmembers": 12,
        },
        "target": {
            "recipe": {"network": {"name": "tiny"}, "epochs": 1},
            "defences": ["argmax"],
        },
        "attacker": {"learned": ["type-i-logistic", "type-ii-logistic"]},
        "evaluation": {"replicates": 100},
        "run": {"exhibits": 0},
    }
    return AuditRequest.model_validate(content | changes)


def test_what_is_chosen_where_there_are_labels_only() -> None:
    chosen = choose(build(config()))
    assert [s.name for s in chosen.fixed[:4]] == [
        "label-agreement",
        "label-dice",
        "transform-agreement",
        "noise-robustness",
    ]
    assert {one.name: one.info.access for one in chosen.learned} == {
        "type-i-logistic": Access.LABEL,
        "type-ii-logistic": Access.LABEL,
    }
    assert chosen.left_out == ()
    assert chosen.attacks[chosen.default].info.name == "type-ii-logistic"
    queries = {one.info.name: one.info.queries for one in chosen.attacks}
    assert (queries["label-dice"], queries["mirror-dice"], queries["noise-dice"]) == (1, 8, 16)


def test_with_more_than_labels_nothing_is_asked_twice_unless_named() -> None:
    soft = config(target={"recipe": {"network": {"name": "tiny"}}})
    chosen = choose(build(soft))
    assert max(one.info.queries for one in chosen.fixed) == 1
    assert all(one.info.access is Access.PROBABILITY for one in chosen.learned)
    robust = {"signals": ["noise-robustness"], "learned": ["type-i-logistic"]}
    named = choose(build(config(target=soft.model_dump()["target"], attacker=robust)))
    assert named.fixed[0].name == "noise-robustness"


def test_pools_calibrate_labels_too() -> None:
    chosen = choose(build(config(references={"models": 8})))
    found = {(one.attack.name, one.columns): one.info.queries for one in chosen.attacks}
    assert found["lira-online", ("label-agreement",)] == 1
    assert found["lira-online", ("type-ii-logistic",)] == 1
    assert found["lira-online", ("mirror-dice",)] == 8
    assert found["lira-online", ("noise-dice",)] == 16
    assert found["difficulty-calibration", ("type-ii-logistic",)] == 1
    (every,) = [one for one in chosen.attacks if one.attack.name == "learned-residuals"]
    assert every.info.queries == 1 + 7 + 15
    assert every.info.access is Access.LABEL
    assert chosen.attacks[chosen.default] is every


def test_an_audit_behind_argmax_says_how_often_it_asked(tmp_path: Path) -> None:
    result = run_plan(build(config()), tmp_path)
    queries = {attack.signal: attack.queries for attack in result.attacks}
    assert queries["label-agreement"] == 1
    assert queries["noise-dice"] == 16
    assert {attack.access for attack in result.attacks} == {"label"}
    assert "(16 queries)" in result_text(result)
    assert "(1 queries)" not in result_text(result)


@pytest.fixture(scope="module")
def overfitted() -> tuple[ModuleTarget, Records]:
    """A model that has learnt half of 32 records by heart, and all of them."""
    records = bright_squares(32, (16, 16), seed=3)
    wrong = torch.rand(32, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.1
    pairs = [(r.image, (r.truth - wrong[i].long()).abs()) for i, r in enumerate(records)]
    wild = Records(records.keys, pairs.__getitem__, records.truth, "squares with wild labels")
    recipe = Recipe.model_validate(
        {"network": {"name": "unet"}, "epochs": 25, "lr": 0.01, "batch_size": 8}
    )
    module = fit(recipe, wild.select(wild.ids[::2]), seed=0).module
    return ModuleTarget(module, wild.truth, Access.LOGIT), wild


def test_label_only_signals_survive_argmax(overfitted: tuple[ModuleTarget, Records]) -> None:
    target, records = overfitted
    names = ("label-agreement", "label-dice", "transform-agreement", "noise-robustness")
    table = measure(Argmax().wrap_target(target), records, [SIGNALS.make(name) for name in names])
    member = np.arange(len(records)) % 2 == 0
    auc = {}
    for name, values in zip(table.names, table.values.T, strict=True):
        inside, outside = values[member], values[~member]
        auc[name] = (inside[:, None] > outside).mean() + (inside[:, None] == outside).mean() / 2
    assert min(auc[n] for n in ("label-agreement", "label-dice", "noise-dice")) > 0.9
    assert auc["mirror-dice"] > 0.6
