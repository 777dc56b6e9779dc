"""A network of the user's own in a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from pixleak.core.errors import InputError, told
from pixleak.training.networks.base import Network
from pixleak.training.own.given_code import beside_code
from pixleak.training.own.own_code import OwnNetworkCode, network_arguments

if TYPE_CHECKING:
    from torch import nn


class OwnNetwork(Network):
    """A class or function of the user's that makes a torch module.

    It is given the channels of the images and of the answer by the names that it has for them
    (``channels``, ``in_channels``, ...; ``outputs``, ``classes``, ``out_channels``, ...), and its
    options.
    """

    name: ClassVar[str] = "own"
    summary: ClassVar[str] = "a class or function of your own"
    source: ClassVar[str] = "the user"

    made_by: OwnNetworkCode
    arguments: dict[str, Any] = Field(default_factory=dict)

    def make(self, channels: int, outputs: int) -> nn.Module:
        from torch import nn

        name = f"network {self.made_by}"
        function = self.made_by.loaded()
        arguments = network_arguments(function, name, self.arguments, channels, outputs)
        with beside_code(self.made_by.name):
            try:
                module = function(**arguments)
            except InputError:
                raise
            except Exception as error:
                raise InputError(f"{name} fails with {told(error)}") from error
        if not isinstance(module, nn.Module):
            raise InputError(f"{name} must be a torch module, got {type(module).__name__}")
        return module

    def build(self, channels: int, outputs: int, size: tuple[int, int]) -> nn.Module:
        import torch

        module = super().build(channels, outputs, size)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            try:
                answer = module.eval()(torch.zeros(1, channels, *size))
            except Exception as error:
                raise InputError(
                    f"network {self.made_by} fails on an image of {channels} x {size[0]} x "
                    f"{size[1]} with {told(error)}"
                ) from error
        module.train()
        expected = (1, outputs, *size)
        if not isinstance(answer, torch.Tensor) or tuple(answer.shape) != expected:
            got = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
            raise InputError(
                f"network {self.made_by} answers one image of {channels} x {size[0]} x {size[1]} "
                f"with {got}; a tensor of {expected} is needed"
            )
        return module
