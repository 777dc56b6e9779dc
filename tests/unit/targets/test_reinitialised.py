"""A copy of a module with random weights: all of them, or none at all."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pixleak.targets.reinitialised import reinitialised


def vector(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach()


def trained_looking() -> nn.Sequential:
    """Every weight is 7, every statistic too."""
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.PReLU(), nn.BatchNorm2d(2, affine=False)
    )
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data.fill_(7)
    return module.eval()


def test_reinitialised_draws_every_weight_and_resets_every_statistic() -> None:
    module = trained_looking()
    fresh = reinitialised(module, seed=3)
    assert fresh is not None
    for key, value in fresh.state_dict().items():
        assert not (value == 7).any(), key
    assert all((value == 7).all() for value in module.state_dict().values())
    assert not fresh.training
    assert torch.equal(vector(fresh), vector(reinitialised(module, seed=3)))
    assert not torch.equal(vector(fresh), vector(reinitialised(module, seed=4)))


def test_reinitialised_leaves_the_global_generator() -> None:
    module, state = trained_looking(), torch.get_rng_state()
    reinitialised(module, seed=3)
    assert torch.equal(state, torch.get_rng_state())


def test_attention_can_be_reinitialised() -> None:
    module = nn.MultiheadAttention(4, 2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(7)
    fresh = reinitialised(module, seed=0)
    assert fresh is not None
    assert not any((value == 7).any() for value in fresh.state_dict().values())


class Scaled(nn.Module):
    """Owns a parameter that nothing can reset."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.head = nn.Conv2d(1, 2, 1)


class Uncopyable(nn.Conv2d):
    def __deepcopy__(self, memo: object) -> nn.Module:
        raise RuntimeError("holds a socket")


@pytest.mark.parametrize("module", [Scaled(), Uncopyable(1, 1, 1), nn.Identity()])
def test_half_reinitialised_is_not_untrained(module: nn.Module) -> None:
    assert reinitialised(module, seed=0) is None
