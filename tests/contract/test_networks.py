"""Every network of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from pixleak.core.errors import MissingExtraError
from pixleak.testing import check_network
from pixleak.training.networks import NETWORKS

NARROW: dict[str, dict[str, object]] = {
    "pix2pix": {"width": 8},
    "pix2pixhd": {"width": 8},
    "spade": {"width": 8},
}
"""Options of networks whose weights take long to draw."""


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_keep_the_contract(name: str) -> None:
    try:
        small = {"encoder": "resnet18"} if name.startswith("smp-") else NARROW.get(name, {})
        check_network(NETWORKS[name].configured(small))
    except MissingExtraError as error:
        if not isinstance(error.__cause__, ModuleNotFoundError):
            raise  # installed, and yet it fails
        pytest.skip(str(error))


class Linear:
    """What a network should be, as far as the check looks."""

    name, summary, source, kind = "linear", "for tests", "test", "any"

    def build(self, channels: int, outputs: int, size: tuple[int, int]) -> nn.Module:
        return nn.Conv2d(channels, outputs, 1)


class Shrinking(Linear):
    """Breaks the contract: answers at half the size."""

    def build(self, channels: int, outputs: int, size: tuple[int, int]) -> nn.Module:
        return nn.Conv2d(channels, outputs, 3, stride=2, padding=1)


class Constant(Linear):
    """Breaks the contract: starts from the same weights whatever the seed."""

    def build(self, channels: int, outputs: int, size: tuple[int, int]) -> nn.Module:
        module = nn.Conv2d(channels, outputs, 1)
        for parameter in module.parameters():
            nn.init.ones_(parameter)
        return module


class Unbounded(Linear):
    """Breaks the contract: a generator that leaves the range of images."""

    kind = "images"


class Detached(Linear):
    """Breaks the contract: gradients end before its parameters."""

    def build(self, channels: int, outputs: int, size: tuple[int, int]) -> nn.Module:
        module = super().build(channels, outputs, size)
        module.register_forward_hook(lambda module, given, answer: answer.detach().requires_grad_())
        return module


def test_a_sound_network_passes() -> None:
    check_network(Linear())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        (Shrinking(), "are answered with shape"),
        (Constant(), "two seeds give one network"),
        (Unbounded(), "answers outside"),
        (Detached(), "no gradient reaches"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_catches(network: Any, complaint: str) -> None:
    with torch.random.fork_rng(), pytest.raises(AssertionError, match=complaint):
        check_network(network)
