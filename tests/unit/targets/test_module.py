from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth
from pixleak.targets.module import ModuleTarget

BINARY = LabelTruth(2)


def test_answers_in_evaluation_mode() -> None:
    # Training mode would normalise by the batch: (x - 1) / 1 instead of x.
    net = nn.BatchNorm2d(2, affine=False, eps=0.0)
    images = torch.stack([torch.zeros(2, 1, 1), torch.full((2, 1, 1), 2.0)])
    values = ModuleTarget(net, BINARY, Access.LOGIT).predict(images).values
    assert torch.equal(values, images)
    assert net.training
    assert net.num_batches_tracked == 0


class Caching(nn.Module):
    """Keeps a grid the first time it is asked, as position encodings do."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.grid: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        if self.grid is None:
            self.grid = torch.linspace(-3, 3, images.shape[-1]).repeat(images.shape[-2], 1)
        return (images + self.grid * self.weight).expand(-1, 2, -1, -1)


def test_a_module_that_caches_can_still_be_trained() -> None:
    net = Caching()
    ModuleTarget(net, BINARY, Access.LOGIT).predict(torch.zeros(1, 1, 4, 4))
    net(torch.zeros(1, 1, 4, 4)).sum().backward()
    assert net.weight.grad is not None


def test_torchvision_style_answers_are_understood() -> None:
    class Dictionary(nn.Module):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            return {"out": images, "aux": images}

    images = torch.randn(2, 2, 3, 3)
    target = ModuleTarget(Dictionary(), BINARY, Access.LOGIT)
    assert torch.equal(target.predict(images).values, images)


def test_default_device_is_where_the_module_lies() -> None:
    assert ModuleTarget(nn.Conv2d(1, 2, 1), BINARY, Access.LOGIT).device == torch.device("cpu")
    assert ModuleTarget(nn.Identity(), BINARY, Access.LOGIT).device == torch.device("cpu")
    meta = nn.Conv2d(1, 2, 1, device="meta")
    assert ModuleTarget(meta, BINARY, Access.LOGIT).device == torch.device("meta")


def test_a_module_that_lies_elsewhere_is_copied_not_moved() -> None:
    net = nn.Conv2d(1, 2, 1)
    target = ModuleTarget(net, BINARY, Access.LOGIT, device="meta")
    assert target.module is not net
    assert next(target.module.parameters()).device == torch.device("meta")
    assert next(net.parameters()).device == torch.device("cpu")
    assert ModuleTarget(net, BINARY, Access.LOGIT, device="cpu").module is net


@pytest.mark.gpu
def test_asks_on_the_gpu_and_leaves_the_module_on_the_cpu() -> None:
    net = nn.Conv2d(1, 2, 3, padding=1)
    images = torch.randn(2, 1, 8, 8)
    here = ModuleTarget(net, BINARY, Access.LOGIT).predict(images).values
    there = ModuleTarget(net, BINARY, Access.LOGIT, device="cuda").predict(images).values
    assert there.device == torch.device("cpu")
    assert next(net.parameters()).device == torch.device("cpu")
    torch.testing.assert_close(here, there, atol=1e-2, rtol=1e-2)
    on_gpu = ModuleTarget(net.cuda(), BINARY, Access.LOGIT, device="cuda")
    assert on_gpu.module is net
