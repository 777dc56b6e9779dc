"""Checks that a network keeps its contract.

For authors of networks, here and elsewhere::

    from pixleak.testing import check_network

    def test_my_network():
        check_network(MyNetwork())
"""

from __future__ import annotations

import torch
from torch import nn

from pixleak.testing.common import assert_kebab_case
from pixleak.training.networks.base import Network
from pixleak.training.seeded import seeded

SIZES = ((30, 21), (5, 7))
"""Sides that are multiples of hardly any stride; weights are drawn for 32 x 32, which fits many."""


def check_network(network: Network) -> None:
    """Run every contract check.

    Args:
        network: with the options to check it at.

    Raises:
        AssertionError: with the check that failed, and how.
        MissingExtraError: it needs a package that is not installed.
    """
    check_description(network)
    check_initialisation(network)
    for size in SIZES:
        check_size(network, size)


def check_description(network: Network) -> None:
    """It says what it is called, what it is, and where it comes from."""
    assert_kebab_case(network.name)
    for field in ("summary", "source"):
        assert getattr(network, field).strip(), f"{network.name}: {field} is empty"


def check_initialisation(network: Network) -> None:
    """Weights follow from torch's generator, which is all that building moves."""

    def weights(seed: int) -> torch.Tensor:
        with seeded(seed):
            module = network.build(1, 2, (32, 32))
        return nn.utils.parameters_to_vector(module.parameters())

    state = torch.get_rng_state()
    first = weights(1)
    assert torch.equal(first, weights(1)), f"{network.name}: one seed gives two networks"
    assert not torch.equal(first, weights(2)), f"{network.name}: two seeds give one network"
    assert torch.equal(state, torch.get_rng_state()), f"{network.name}: moves torch's generator"


def check_size(network: Network, size: tuple[int, int]) -> None:
    """Images of any size are answered at their size, by K channels that gradients flow through."""
    with seeded(0):
        module = network.build(3, 4, size)
        answer: torch.Tensor = module(torch.rand(2, 3, *size))
    assert answer.shape == (2, 4, *size), (
        f"{network.name}: images of {size} are answered with shape {tuple(answer.shape)}"
    )
    if network.kind == "images":
        inside = 0 <= float(answer.detach().min()) <= float(answer.detach().max()) <= 1
        assert inside, f"{network.name}: it is a generator, but answers outside [0, 1]"
    answer.sum().backward()  # type: ignore[no-untyped-call]
    moved = any(p.grad is not None and bool(p.grad.any()) for p in module.parameters())
    assert moved, f"{network.name}: no gradient reaches its parameters"
