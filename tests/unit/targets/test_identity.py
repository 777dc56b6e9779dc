"""What identifies a target's answers, and its untrained twin."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from pixleak.core.access import Access
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.defences.output.noise import Noise
from pixleak.defences.output.rounding import Rounding
from pixleak.targets.base import Target, Untwinned
from pixleak.targets.function import FunctionTarget
from pixleak.targets.module import ModuleTarget
from pixleak.targets.reinitialised import reinitialised
from pixleak.targets.restricted import restricted
from pixleak.targets.target_for import target_for

TRUTH = LabelTruth(3)
IMAGES = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(2, 1, 1)

    def forward(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        answer: Tensor = self.head(torch.cat([inputs, outputs], dim=1))
        return answer


def known(target: Target) -> object:
    return target.identity([target.predict(IMAGES[i : i + 1]).values for i in range(2)])


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3)).eval()


def test_a_module_is_known_by_its_weights_and_its_answers(net: nn.Module) -> None:
    one = known(ModuleTarget(net, TRUTH, Access.LOGIT))
    assert one is not None
    assert one == known(ModuleTarget(copy.deepcopy(net), TRUTH, Access.LOGIT))
    other = copy.deepcopy(net)
    with torch.no_grad():
        other[0].bias[2] += 1e-6
    assert one != known(ModuleTarget(other, TRUTH, Access.LOGIT))

    class Doubled(nn.Sequential):
        """The same weights, other answers."""

        def forward(self, images: Tensor) -> Tensor:
            answer: Tensor = super().forward(images)
            return 2 * answer

    assert one != known(ModuleTarget(Doubled(*net), TRUTH, Access.LOGIT))


def test_labels_and_functions_identify_nothing(net: nn.Module) -> None:
    labels = ModuleTarget(nn.Sequential(net, nn.Softmax2d(), Largest()), TRUTH, Access.LABEL)
    assert known(labels) is None
    assert known(restricted(ModuleTarget(net, TRUTH, Access.LOGIT), Access.LABEL)) is None
    assert known(FunctionTarget(net, TRUTH, Access.LOGIT)) is None


class Largest(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return values.argmax(dim=1)


def test_a_discriminator_is_part_of_a_generator() -> None:
    torch.manual_seed(0)
    net, judge = nn.Conv2d(1, 1, 1), Judge()
    target = target_for(net, ImageTruth(1), Access.DISCRIMINATOR, discriminator=judge)
    one = known(target)
    with torch.no_grad():
        judge.head.bias += 1
    assert one != known(target)


def test_altered_answers_are_known_by_what_is_behind_them(net: nn.Module) -> None:
    bare = ModuleTarget(net, TRUTH, Access.PROBABILITY)
    bare.module = nn.Sequential(net, nn.Softmax2d())
    rounded, other = (Rounding(decimals=d).wrap_target(bare) for d in (2, 3))
    assert known(rounded) is not None
    assert known(rounded) == known(Rounding(decimals=2).wrap_target(bare))
    assert len({str(known(one)) for one in (bare, rounded, other)}) == 3


def weights(target: Target) -> Tensor:
    assert isinstance(target, ModuleTarget)
    return nn.utils.parameters_to_vector(target.module.parameters()).detach()


def test_the_untrained_twin_of_a_module(net: nn.Module) -> None:
    target = ModuleTarget(net, TRUTH, Access.LOGIT)
    before, state = weights(target).clone(), torch.get_rng_state()
    twin = target.untrained(3)
    assert isinstance(twin, Target)
    assert (twin.name, twin.access) == ("untrained twin of the target", Access.LOGIT)
    fresh = reinitialised(net, 3)
    assert fresh is not None
    assert torch.equal(weights(twin), nn.utils.parameters_to_vector(fresh.parameters()))
    assert torch.equal(weights(target), before)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_untrained_twin_of_a_generator() -> None:
    net, judge = nn.Conv2d(1, 1, 1), Judge()
    target = target_for(net, ImageTruth(1), Access.DISCRIMINATOR, discriminator=judge)
    twin = target.untrained(3)
    assert isinstance(twin, Target)
    assert twin.judge is not None
    assert target.judge is not None
    assert not torch.equal(twin.judge(IMAGES, IMAGES), target.judge(IMAGES, IMAGES))
    judge.scale = nn.Parameter(torch.ones(1))  # a parameter that nothing can reset
    stuck = target_for(net, ImageTruth(1), Access.DISCRIMINATOR, discriminator=judge)
    assert stuck.untrained(3) == Untwinned("an untrained discriminator cannot be made")
    assert isinstance(target_for(net, ImageTruth(1), Access.IMAGE).untrained(3), Target)


def test_why_there_is_none(net: nn.Module) -> None:
    class Own(Target):
        def _query(self, images: Tensor) -> object:
            return images

    reason = Own(TRUTH, Access.LOGIT, "mine").untrained(0)
    assert reason == Untwinned("a target without known weights has nothing to take away")
    net.scale = nn.Parameter(torch.ones(1))
    without = ModuleTarget(net, TRUTH, Access.LOGIT).untrained(0)
    assert isinstance(without, Untwinned)
    assert "no reset_parameters() sets" in without.reason
    assert Noise().wrap_target(ModuleTarget(net, TRUTH, Access.LOGIT)).untrained(0) == without


def test_the_twin_of_an_altered_target_is_altered_too(net: nn.Module) -> None:
    target = ModuleTarget(net, TRUTH, Access.LOGIT)
    twin = restricted(target, Access.LABEL).untrained(3)
    bare = target.untrained(3)
    assert isinstance(twin, Target)
    assert isinstance(bare, Target)
    assert (twin.name, twin.access) == (bare.name, Access.LABEL)
    labels = bare.predict(IMAGES).values.argmax(dim=1)
    assert torch.equal(twin.predict(IMAGES).values, labels)
