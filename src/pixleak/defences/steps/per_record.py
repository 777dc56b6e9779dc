"""The gradient of every single record of a batch, by Opacus' hooks, and checked.

Opacus computes a layer's gradients record by record from what goes into the layer and what comes
back to it. Three of its assumptions are made true, and the outcome is checked, here:

* A convolution's input is unfolded as if it were contiguous; where it is not (up-sampled, permuted
  or expanded), gradients would be wrong, and those of several records mixed. It is made so.
* Nothing may be changed in place that a layer has answered with. In-place layers are told not to,
  and ``x += y`` is read as ``x = x + y``; a network that still relies on it is refused.
* The sum over the records must be the gradient that torch computes itself; compared once.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pixleak.core.errors import InputError, require
from pixleak.training.seeded import seeded

EXTRA: dict[str, str] = {"extra": "dp", "why": "the defence 'dp-sgd'"}

_APART = {
    torch.Tensor.add_: torch.Tensor.add,
    torch.Tensor.sub_: torch.Tensor.sub,
    torch.Tensor.mul_: torch.Tensor.mul,
    torch.Tensor.div_: torch.Tensor.div,
}

_HARMLESS = "Full backward hook is firing when gradients are computed with respect to module"
"""Torch says so where the images need no gradient, which they never do."""


class OutOfPlace(TorchFunctionMode):
    """Inside, arithmetic in place answers with a new tensor, and leaves the old one as it is."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return _APART.get(func, func)(*args, **(kwargs or {}))


class Followed(nn.Module):
    """A module that is asked out of place.

    Args:
        module: left as it is.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """(b, c, h, w) -> whatever the module answers."""
        with OutOfPlace():
            answer: Tensor = self.module(images)
        return answer


@contextmanager
def following(module: nn.Module) -> Iterator[Followed]:
    """Inside, a backward pass leaves ``grad_sample``, (b, ...), at every parameter.

    Args:
        module: in training mode; without hooks again afterwards.

    Raises:
        MissingExtraError: Opacus is not installed.
        InputError: Opacus cannot follow a layer.
    """
    opacus = require("opacus", **EXTRA)
    in_place = [part for part in module.modules() if getattr(part, "inplace", False)]
    handles = [
        part.register_forward_pre_hook(_contiguous)
        for part in module.modules()
        if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d)
    ]
    for part in in_place:
        part.inplace = False  # type: ignore[assignment]
    try:
        hooks = opacus.GradSampleModule(module, loss_reduction="sum")
    except NotImplementedError as error:
        raise InputError(f"gradients of single records cannot be had: {error}") from error
    try:
        yield Followed(module)
    finally:
        hooks.to_standard_module()
        for handle in handles:
            handle.remove()
        for part in in_place:
            part.inplace = True  # type: ignore[assignment]


def _contiguous(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(one.contiguous() for one in given)


def backward(losses: Tensor) -> None:
    """Gradients of the sum of (b,) losses, within :func:`following`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_HARMLESS)
        losses.sum().backward()  # type: ignore[no-untyped-call]


def samples(module: nn.Module, count: int) -> dict[str, Tensor]:
    """(b, ...) gradients by the parameter's name; 0 for parameters that are not used.

    Raises:
        InputError: a parameter is used, but not by a layer that Opacus follows.
    """
    found = {}
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        sample = parameter.grad_sample  # type: ignore[attr-defined]
        if sample is None:
            if parameter.grad is not None:
                raise InputError(
                    f"Opacus has no gradients of single records for the parameter {name!r}: use "
                    "another network with dp-sgd"
                )
            sample = parameter.new_zeros((count, *parameter.shape))
        found[name] = sample
    return found


def check_sum(module: nn.Module, found: dict[str, Tensor]) -> None:
    """Hold the sum over records against the gradient of the sum.

    Raises:
        InputError: they differ.
    """
    # Of what cancels (a bias before a normalisation) only rounding is left, which is as large as
    # the gradient of the whole has it.
    whole = sum(float(one.norm()) ** 2 for one in found.values()) ** 0.5
    for name, parameter in module.named_parameters():
        if name not in found or parameter.grad is None:
            continue
        difference = (found[name].sum(dim=0) - parameter.grad).norm()
        if not float(difference) <= 1e-3 * float(found[name].norm()) + 1e-5 * whole:
            raise InputError(
                f"Opacus' gradients of single records do not add up to the gradient of the "
                f"parameter {name!r}: use another network with dp-sgd"
            )


def check_network(module: nn.Module, image: Tensor) -> None:
    """Refuse a network that mixes records, or whose gradients cannot be followed.

    Args:
        module: in any mode.
        image: (c, h, w), one of those it is for.

    Raises:
        InputError: naming the layer, or what is wrong.
        MissingExtraError: Opacus is not installed.
    """
    validators = require("opacus.validators", **EXTRA)
    if errors := validators.ModuleValidator.validate(module, strict=False):
        first = str(errors[0]).split(".")[0]
        raise InputError(f"this network cannot be trained with dp-sgd: {first}")
    training = module.training
    module.eval()
    answers = []
    for one in (module, Followed(module)):
        with torch.no_grad(), seeded(0, image.device):
            answers.append(one(image[None]))
    module.train(training)
    if not torch.equal(*answers):
        raise InputError(
            "this network changes tensors in place in a way that gradients of single records "
            "cannot follow: use another with dp-sgd"
        )
