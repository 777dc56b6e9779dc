"""Targets with fixed answers, for defences of the output."""

from __future__ import annotations

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.targets.function import FunctionTarget
from pixleak.targets.generator import GeneratorTarget
from pixleak.training.defence import Defence


def answering(
    values: Tensor, access: Access, classes: int = 2, name: str = "target"
) -> FunctionTarget:
    """A target that returns (k, h, w) values for every image."""

    def answer(images: Tensor) -> Tensor:
        return values.expand(len(images), *values.shape)

    return FunctionTarget(answer, LabelTruth(classes), access, name=name)


def answer_of(defence: Defence, values: Tensor, access: Access, classes: int = 2) -> Tensor:
    target = defence.wrap_target(answering(values, access, classes))
    assert target.access is defence.access_after(access)
    return target.predict(torch.zeros(1, 1, *values.shape[-2:])).values[0]


def column(*numbers: float) -> Tensor:
    return torch.tensor(numbers)[:, None, None]


def generator(judge: bool = False) -> GeneratorTarget:
    return GeneratorTarget(
        torch.nn.Identity(),
        ImageTruth(1, -1.0, 1.0),
        Access.DISCRIMINATOR if judge else Access.IMAGE,
        name="generator",
        discriminator=torch.nn.Identity() if judge else None,
        realness=lambda net, inputs, outputs: net(outputs).mean(dim=(1, 2, 3)),
    )
