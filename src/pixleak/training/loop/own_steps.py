"""A loss and an optimizer of the user's own in the steps of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pixleak.core.errors import InputError, told
from pixleak.training.own.given_code import beside_code
from pixleak.training.own.own_code import OwnLoss, OwnOptimizer


def made_loss(loss: OwnLoss, device: torch.device) -> Callable[[Tensor, Tensor], Any]:
    """The user's loss, ready to be called; of a class, an object that is made without arguments.

    Raises:
        InputError: it cannot be made.
    """
    function = loss.loaded()
    if isinstance(function, type):
        with beside_code(loss.name):
            try:
                function = function()
            except Exception as error:
                raise InputError(f"loss {loss} fails with {told(error)}") from error
    return function.to(device) if isinstance(function, nn.Module) else function


def own_losses(
    function: Callable[[Tensor, Tensor], Any], answers: Tensor, truths: Tensor, loss: OwnLoss
) -> Tensor:
    """(b,) the user's loss per image.

    Of a loss that returns something for each image, the mean of it. One that returns a single
    number for a batch is asked about each image alone: a record's loss must not depend on the
    others of its batch.

    Args:
        function: of :func:`made_loss`.
        answers: (b, K, h, w) of the network.
        truths: (b, h, w), or (b, c, h, w) for generators.
        loss: for errors.

    Raises:
        InputError: it fails, or returns no tensor that depends on the answers.
    """

    def of(some: Tensor, their: Tensor) -> Tensor:
        with beside_code(loss.name):
            try:
                values = function(some, their)
            except Exception as error:
                raise InputError(f"loss {loss} fails with {told(error)}") from error
        if not isinstance(values, Tensor):
            raise InputError(f"loss {loss} must return a tensor, got {type(values).__name__}")
        if answers.requires_grad and not values.requires_grad:
            raise InputError(
                f"loss {loss} does not depend on the answers by torch's operations, so nothing can "
                "be learned from it"
            )
        return values

    count = len(answers)
    values = of(answers, truths)
    if values.ndim and len(values) == count:
        return values.reshape(count, -1).mean(dim=1)
    if values.numel() != 1:
        raise InputError(
            f"loss {loss} returned shape {tuple(values.shape)} for {count} images; one number, or "
            "one entry for each image, is needed"
        )
    if count == 1:
        return values.reshape(1)
    return torch.stack([of(answers[i : i + 1], truths[i : i + 1]).mean() for i in range(count)])


def made_optimizer(
    optimizer: OwnOptimizer, parameters: Iterable[nn.Parameter], lr: float, decay: float
) -> Optimizer:
    """The user's optimizer of these parameters.

    Raises:
        InputError: it cannot be made, takes no weight decay where there is one, or needs more
            than a gradient for its steps.
    """
    function = optimizer.loaded()
    asked = optimizer.asked(function)
    if decay > 0 and "weight_decay" not in asked:
        raise InputError(
            f"optimizer {optimizer} takes no weight_decay, but the recipe has {decay:g}: add the "
            "argument, or leave weight_decay out"
        )
    given = {"lr": lr, "weight_decay": decay}
    with beside_code(optimizer.name):
        try:
            made = function(parameters, **{key: given[key] for key in asked})
        except Exception as error:
            raise InputError(f"optimizer {optimizer} fails with {told(error)}") from error
    if not isinstance(made, Optimizer):
        raise InputError(f"optimizer {optimizer} must be one of torch, got {type(made).__name__}")
    if isinstance(made, torch.optim.LBFGS):
        raise InputError(
            f"optimizer {optimizer} computes the loss several times for a step, which recipes do "
            "not: give one that steps by a gradient"
        )
    return made
