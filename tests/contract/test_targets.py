"""What every target promises: a checked answer, and nothing left behind, also after an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.targets.base import Target
from pixleak.targets.function import FunctionTarget
from pixleak.targets.module import ModuleTarget
from pixleak.targets.restricted import RestrictedTarget

TRUTH = LabelTruth(3)


class Net(nn.Module):
    """Sensitive to everything a query must not disturb; fails on request."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.BatchNorm2d(1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Conv2d(1, 3, 1)
        self.fail = False

    def forward(self, images: Tensor) -> Tensor:
        answer: Tensor = self.head(self.drop(self.norm(images)))
        if self.fail:
            raise RuntimeError("the module fails\nat length")
        return answer


MAKERS: dict[str, Callable[[Net], Target]] = {
    "module": lambda net: ModuleTarget(net, TRUTH, Access.LOGIT),
    "function": lambda net: FunctionTarget(net, TRUTH, Access.LOGIT),
    "restricted": lambda net: RestrictedTarget(
        ModuleTarget(net, TRUTH, Access.LOGIT), Access.PROBABILITY
    ),
}
# A function is asked as it is: which mode its module is in is the function's business.
OF_MODULES = ["module", "restricted"]


def state_of(net: Net) -> dict[str, object]:
    return {
        "weights": {key: value.clone() for key, value in net.state_dict().items()},
        "modes": [part.training for part in net.modules()],
        "hooks": [
            (len(part._forward_hooks), len(part._forward_pre_hooks), len(part._backward_hooks))
            for part in net.modules()
        ],
        "grads": [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        "flags": [p.requires_grad for p in net.parameters()],
        "attributes": set(vars(net)),
    }


def assert_same(left: object, right: object) -> None:
    if isinstance(left, Tensor):
        assert isinstance(right, Tensor)
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert isinstance(right, dict)
        assert left.keys() == right.keys()
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, list):
        assert isinstance(right, list)
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        assert left == right


@pytest.fixture
def net() -> Net:
    """In training mode with one frozen part in evaluation mode, and with gradients."""
    net = Net()
    net(torch.ones(2, 1, 4, 4)).sum().backward()
    net.norm.eval()
    net.head.bias.requires_grad_(False)
    return net


@pytest.fixture
def images() -> Tensor:
    return torch.rand(4, 1, 6, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", OF_MODULES)
def test_nothing_is_left_behind(kind: str, net: Net, images: Tensor) -> None:
    before, asked, rng = state_of(net), images.clone(), torch.get_rng_state()
    prediction = MAKERS[kind](net).predict(images)
    assert_same(before, state_of(net))
    assert torch.equal(images, asked)
    assert torch.equal(rng, torch.get_rng_state())
    assert torch.is_grad_enabled()
    assert not prediction.values.requires_grad


@pytest.mark.parametrize("kind", OF_MODULES)
def test_nothing_is_left_behind_after_an_error(kind: str, net: Net, images: Tensor) -> None:
    net.fail = True
    before = state_of(net)
    with pytest.raises(InputError):
        MAKERS[kind](net).predict(images)
    assert_same(before, state_of(net))
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("kind", MAKERS)
def test_an_error_is_one_sentence_that_names_target_and_record(
    kind: str, net: Net, images: Tensor
) -> None:
    net.fail = True
    with pytest.raises(InputError) as caught:
        MAKERS[kind](net).predict(images, ids=("p", "q", "r", "s"))
    sentence = str(caught.value)
    assert "target 'target' failed on images of shape (4, 1, 6, 5)" in sentence
    assert "with RuntimeError: the module fails at length (" in sentence
    assert Path(__file__).name in sentence
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_batch_answers_like_its_records_one_by_one(kind: str, net: Net, images: Tensor) -> None:
    target = MAKERS[kind](net.eval())
    together = target.predict(images).values
    alone = torch.cat([target.predict(images[i : i + 1]).values for i in range(len(images))])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_target_cannot_change_what_it_is_asked_about(kind: str, net: Net, images: Tensor) -> None:
    asked = images.clone()
    MAKERS[kind](net.eval()).predict(images)
    assert torch.equal(images, asked)


class Flipped(Target):
    """Somebody's own wrapper: the mean of the answers to an image and its mirror image."""

    def __init__(self, inner: Target) -> None:
        super().__init__(inner.truth, inner.access, f"flipped {inner.name}")
        self.inner = inner

    def _query(self, images: Tensor) -> object:
        mirrored = self.inner.predict(images.flip(-1)).values.flip(-1)
        return (self.inner.predict(images).values + mirrored) / 2


def test_a_wrapping_target_is_a_few_lines(net: Net, images: Tensor) -> None:
    answer = Flipped(MAKERS["module"](net)).predict(images).values
    mirrored = Flipped(MAKERS["module"](net)).predict(images.flip(-1)).values.flip(-1)
    torch.testing.assert_close(answer, mirrored)
    net.fail = True
    with pytest.raises(InputError, match="the module fails"):
        Flipped(MAKERS["module"](net)).predict(images)
