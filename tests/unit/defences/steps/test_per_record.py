"""Gradients of single records, against a loop over records."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.defences.steps.per_record import (
    OutOfPlace,
    backward,
    check_per_record_network,
    check_sum,
    collected_gradients,
    per_record_gradients,
)
from pixleak.training.networks import NETWORKS
from pixleak.training.networks.group_norm import group_normed

pytest.importorskip("opacus")


class Awkward(nn.Module):
    """Convolves what is not contiguous, and adds in place."""

    def __init__(self, hidden_in_place: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 1), nn.Conv2d(3, 3, 1)
        self.act = nn.ReLU(inplace=True)
        self.hidden_in_place = hidden_in_place

    def forward(self, images: Tensor) -> Tensor:
        small = functional.adaptive_avg_pool2d(self.act(self.first(images)), 1)
        answer: Tensor = self.second(small.expand(-1, -1, 4, 4).transpose(2, 3))
        if self.hidden_in_place:
            answer.add_(1.0)
        else:
            answer += images
        return answer


def test_gradients_of_awkward_networks_are_those_of_a_loop() -> None:
    torch.manual_seed(0)
    module, images = Awkward().train(), torch.rand(3, 1, 4, 4)
    expected = []
    for image in images:
        loss = module(image[None]).square().sum()
        expected.append(torch.autograd.grad(loss, list(module.parameters())))
    with per_record_gradients(module) as followed:
        backward(followed(images).square().flatten(1).sum(dim=1))
        found = collected_gradients(module, 3)
        check_sum(module, found)
        for one, parts in zip(found.values(), zip(*expected, strict=True), strict=True):
            torch.testing.assert_close(one, torch.stack(parts))
        found["second.weight"] = found["second.weight"].roll(1, dims=1)
        with pytest.raises(InputError, match="do not add up"):
            check_sum(module, found)
    assert module.act.inplace
    check_per_record_network(module, images[0])
    with pytest.raises(InputError, match="in place"):
        check_per_record_network(Awkward(hidden_in_place=True), images[0])
    with OutOfPlace():
        kept = images.clone()
        kept.add_(1.0)
    assert torch.equal(kept, images)


def test_a_parameter_that_no_layer_uses_is_left_and_one_used_outside_a_layer_refused() -> None:
    class Scaled(nn.Module):
        def __init__(self, used: bool) -> None:
            super().__init__()
            self.inner, self.used = nn.Conv2d(1, 1, 1), used
            self.idle = nn.Linear(2, 2)

        def forward(self, images: Tensor) -> Tensor:
            answer: Tensor = self.inner(images)
            return answer * self.idle.weight.sum() if self.used else answer

    for used in (False, True):
        module = Scaled(used).train()
        with per_record_gradients(module) as followed:
            backward(followed(torch.rand(2, 1, 4, 4)).flatten(1).sum(dim=1))
            if used:
                with pytest.raises(InputError, match="idle"):
                    collected_gradients(module, 2)
            else:
                assert torch.equal(
                    collected_gradients(module, 2)["idle.weight"], torch.zeros(2, 2, 2)
                )


SMALL = {
    "unet": {"widths": [4, 8]},
    "attention-unet": {"widths": [4, 8]},
    "segresnet": {},
    "smp-unet": {"encoder": "mobilenet_v2"},
    "smp-upernet": {"encoder": "mobilenet_v2"},
}


@pytest.mark.parametrize("name", SMALL)
def test_gradients_of_every_kind_of_network(name: str) -> None:
    if name.startswith("smp"):
        pytest.importorskip("segmentation_models_pytorch")
    torch.manual_seed(0)
    module = group_normed(NETWORKS[name].configured(SMALL[name]).build(3, 2, (32, 32))).train()
    for part in module.modules():
        if isinstance(part, nn.Dropout2d | nn.Dropout):
            part.p = 0.0
    images = torch.rand(2, 3, 32, 32)
    check_per_record_network(module, images[0])
    with per_record_gradients(module) as followed:
        backward(followed(images).square().flatten(1).mean(dim=1))
        both = collected_gradients(module, 2)
        check_sum(module, both)
        for parameter in module.parameters():
            parameter.grad, parameter.grad_sample = None, None  # type: ignore[attr-defined]
        backward(followed(images[:1]).square().flatten(1).mean(dim=1))
        alone = collected_gradients(module, 1)
    whole = torch.stack([one[0].norm() for one in both.values()]).norm()
    for key, one in both.items():
        assert float((one[0] - alone[key][0]).norm()) < 1e-4 * float(whole), key
