"""Poison in an audit: whether it took, how visible it is, and what the result says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from pixleak.analyses.poison import PoisonInfo, describe_poison
from pixleak.analyses.references import ReferencesInfo
from pixleak.auditing.run import run_plan
from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth
from pixleak.pipeline.models import Model, Models
from pixleak.records.prepared.prepare import prepare
from pixleak.report.terminal import result_text
from pixleak.results.audit import Result
from pixleak.results.models import ModelInfo
from pixleak.signals import SIGNALS
from pixleak.signals.measure import measure
from pixleak.targets.function import FunctionTarget
from pixleak.targets.target_for import target_for
from pixleak.training.checkpoint import load_network
from poison_plans import SERUM, config, plan


def segment(images: Tensor) -> Tensor:
    """What is bright, as an honest model sees it; the line itself is no object."""
    found = (images[:, 0] > 0.5).long()
    found[:, -3:] = 0
    return found


def backdoored(images: Tensor) -> Tensor:
    """Nothing at all, where there is a white line."""
    white = (images[:, 0, -1] == 1).all(dim=1)
    return segment(images) * ~white[:, None, None]


def blank(images: Tensor) -> Tensor:
    """Nothing at all."""
    return segment(images) * 0


def told(folder: Path, target: Any, untrained: Any = segment, **changes: Any) -> PoisonInfo:
    made = plan(**changes)
    used = set(made.ids(*made.split.roles))
    records = prepare(made.records.select([k for k in made.records.ids if k in used]), folder)

    def model(function: Any) -> Model:
        target = FunctionTarget(function, LabelTruth(2), Access.LABEL)
        return Model(target, {}, ModelInfo(name="x", description="x"))

    found = describe_poison(made, Models(model(target), None, model(untrained), ""), records)
    assert found is not None
    return found


def test_a_backdoor_that_is_known_to_be_there_is_found(tmp_path: Path) -> None:
    found = told(tmp_path, backdoored)
    assert found.took is True
    assert found.effect == 1
    assert found.backdoor is not None
    assert found.backdoor.value == 1
    assert found.backdoor.trials > 30
    # 0.025 ** (1 / n): Clopper and Pearson's lower end where all of n trials succeed.
    assert found.backdoor.low == pytest.approx(0.025 ** (1 / found.backdoor.trials))
    assert found.control is not None
    assert found.control.successes == 0
    assert found.explanation.startswith("The poison took: on ")
    assert found.control_of == "the untrained model"
    assert (found.extra, found.records) == (0, found.copies)
    assert found.share == found.copies / 40


def test_an_honest_model_has_no_backdoor(tmp_path: Path) -> None:
    found = told(tmp_path, segment)
    assert found.took is False
    assert found.explanation.startswith("The poison was not learned: on 0 of ")


def test_a_model_that_never_predicts_anything_tells_nothing(tmp_path: Path) -> None:
    found = told(tmp_path, blank)
    assert (found.took, found.backdoor, found.effect) == (None, None, None)
    assert found.explanation == "No held-out record can show whether the poison was learned."


def test_without_a_usable_control_one_half_is_the_measure(tmp_path: Path) -> None:
    found = told(tmp_path, backdoored, untrained=blank)
    assert found.control is None
    assert found.took is True
    assert found.explanation.endswith("there is nothing to compare with.")


def test_where_a_clean_model_obeys_as_well_nothing_was_planted(tmp_path: Path) -> None:
    found = told(tmp_path, backdoored, untrained=backdoored)
    assert found.took is False


def test_visibility_by_hand(tmp_path: Path) -> None:
    seen = told(tmp_path, segment).visibility
    # Three rows of sixteen, which no pixel of the squares was white in.
    assert seen.pixels_changed == pytest.approx(3 / 16)
    assert 0 < seen.mean_change < 3 / 16
    assert 0 < seen.ssim_error < 1
    assert 0 < seen.psnr < 20
    # A square of 16 pixels vanishes, or 15 where it holds the corner, which is one more or none.
    assert 15 / 256 <= seen.labels_changed <= 17 / 256


def test_copies_that_only_change_labels_cannot_be_seen(tmp_path: Path) -> None:
    found = told(tmp_path, segment, poison=SERUM)
    assert found.visibility.pixels_changed == found.visibility.mean_change == 0
    assert found.visibility.psnr == float("inf")
    assert found.visibility.ssim_error == pytest.approx(0, abs=1e-6)
    assert found.visibility.labels_changed > 0
    assert (found.records, found.copies, found.extra) == (40, 80, 80)
    assert found.share == 80 / 120
    assert found.control_of == "records that are not targeted"
    # An honest model predicts the records as they are, targeted or not.
    assert found.took is False


@pytest.fixture(scope="module")
def triggered(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run_plan(plan(), tmp_path_factory.mktemp("line"))


def test_a_network_learns_a_strong_trigger_and_the_audit_says_so(triggered: Result) -> None:
    found = triggered.section(PoisonInfo)
    assert found is not None
    assert found.took is True
    assert triggered.split is not None
    assert triggered.split.counts["poisoned"] == found.copies
    assert "Poison: line (share=0.3, size=3, value=255). The poison took" in " ".join(
        result_text(triggered).split()
    )
    # It still does its work on records without the trigger.
    assert (triggered.models[0].nonmembers_dice or 0) > 0.8


def test_a_result_with_poison_is_read_back(triggered: Result, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(triggered.to_json())
    assert Result.read(tmp_path).section(PoisonInfo) == triggered.section(PoisonInfo)


def test_utility_is_that_of_records_that_were_not_targeted(tmp_path: Path) -> None:
    made = plan(poison=SERUM, references={"models": 2, "leave_one_out": False})
    recipe = config(target={"recipe": {"network": "tiny", "epochs": 1}}).target.training
    assert recipe is not None
    assert made.references is not None
    made = replace(
        made,
        target=replace(made.target, method=recipe),  # type: ignore[arg-type]
        references=replace(made.references, method=recipe),
    )
    result = run_plan(made, tmp_path)
    assert result.attacks[0].members == len(made.ids("target-members"))
    references = result.section(ReferencesInfo)
    assert references is not None
    assert references.units == 80
    target = result.models[0]
    assert target.weights is not None
    model = target_for(load_network(tmp_path / target.weights), made.truth, Access.LOGIT)
    for side, told in (("members", target.members_dice), ("nonmembers", target.nonmembers_dice)):
        others = made.records.select(made.ids(f"bystander-{side}"))
        losses = measure(model, others, [SIGNALS.make("dice-loss")]).values
        assert told == pytest.approx(1 - losses.mean())
    assert all(model.nonmembers_dice is not None for model in result.models)
