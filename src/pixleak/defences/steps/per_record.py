"""Gradients of single records, by the hooks of Opacus, with checks.

Opacus computes a layer's gradients per record from the layer's inputs and the gradients of its
outputs. This module ensures two of its assumptions and checks the result:

* Opacus unfolds a convolution's input as if it were contiguous. If it is not (up-sampled, permuted
  or expanded), gradients would be wrong and mix records. So inputs are made contiguous.
* A layer's output must not be changed in place. In-place layers are switched to out-of-place, and
  ``x += y`` runs as ``x = x + y``; a network that still relies on in-place changes is refused.
* The sum over the records must equal the gradient that torch computes; this is compared once.
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

_OUT_OF_PLACE = {
    torch.Tensor.add_: torch.Tensor.add,
    torch.Tensor.sub_: torch.Tensor.sub,
    torch.Tensor.mul_: torch.Tensor.mul,
    torch.Tensor.div_: torch.Tensor.div,
}

_HARMLESS = "Full backward hook is firing when gradients are computed with respect to module"
"""A warning of torch if the images need no gradient, which is always the case here."""


class OutOfPlace(TorchFunctionMode):
    """Inside, in-place arithmetic returns a new tensor and leaves the old one unchanged."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return _OUT_OF_PLACE.get(func, func)(*args, **(kwargs or {}))


class OutOfPlaceModule(nn.Module):
    """Calls a module with out-of-place arithmetic.

    Args:
        module: not changed.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """(b, c, h, w) -> the module's answer."""
        with OutOfPlace():
            answer: Tensor = self.module(images)
        return answer


@contextmanager
def per_record_gradients(module: nn.Module) -> Iterator[OutOfPlaceModule]:
    """Inside, a backward pass stores ``grad_sample``, (b, ...), at every parameter.

    Args:
        module: in training mode; its hooks are removed at the end.

    Raises:
        MissingExtraError: Opacus is not installed.
        InputError: Opacus does not support a layer.
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
        raise InputError(
            f"gradients of single records could not be obtained: {error}; use another network with "
            "dp-sgd"
        ) from error
    try:
        yield OutOfPlaceModule(module)
    finally:
        hooks.to_standard_module()
        for handle in handles:
            handle.remove()
        for part in in_place:
            part.inplace = True  # type: ignore[assignment]


def _contiguous(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(one.contiguous() for one in given)


def backward(losses: Tensor) -> None:
    """Gradients of the sum of (b,) losses, within :func:`per_record_gradients`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_HARMLESS)
        losses.sum().backward()  # type: ignore[no-untyped-call]


def collected_gradients(module: nn.Module, count: int) -> dict[str, Tensor]:
    """(b, ...) gradients by parameter name; 0 for parameters that are not used.

    Raises:
        InputError: a parameter is used, but not by a layer that Opacus supports.
    """
    found = {}
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        sample = parameter.grad_sample  # type: ignore[attr-defined]
        if sample is None:
            if parameter.grad is not None:
                raise InputError(
                    f"Opacus provides no gradients of single records for the parameter {name!r}: "
                    "use another network with dp-sgd"
                )
            sample = parameter.new_zeros((count, *parameter.shape))
        found[name] = sample
    return found


def check_sum(module: nn.Module, found: dict[str, Tensor]) -> None:
    """Compare the sum over records with the gradient of the sum.

    Raises:
        InputError: they differ.
    """
    # Where gradients cancel (a bias before a normalisation) only rounding remains, whose size
    # depends on the gradient of the whole network.
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


def check_per_record_network(module: nn.Module, image: Tensor) -> None:
    """Refuse a network that mixes records, or whose gradients per record cannot be computed.

    Args:
        module: in any mode.
        image: (c, h, w), a valid input.

    Raises:
        InputError: naming the layer or the reason.
        MissingExtraError: Opacus is not installed.
    """
    validators = require("opacus.validators", **EXTRA)
    if errors := validators.ModuleValidator.validate(module, strict=False):
        first = str(errors[0]).split(".")[0]
        raise InputError(f"this network cannot be trained with dp-sgd: {first}; use another")
    training = module.training
    module.eval()
    answers = []
    for one in (module, OutOfPlaceModule(module)):
        with torch.no_grad(), seeded(0, image.device):
            answers.append(one(image[None]))
    module.train(training)
    if not torch.equal(*answers):
        raise InputError(
            "this network changes tensors in place in a way that rules out gradients of single "
            "records: use another network with dp-sgd"
        )
