"""The right kind of target for a torch module."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.truth import ImageTruth, Truth

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from pixleak.targets.adapter import Adapter
    from pixleak.targets.base import Target
    from pixleak.targets.module import ModuleTarget


def target_for(
    module: nn.Module,
    truth: Truth,
    access: Access,
    *,
    name: str = "target",
    device: str | torch.device | None = None,
    discriminator: nn.Module | None = None,
) -> ModuleTarget:
    """A segmenter or a generator, by the kind of truth.

    Args:
        module: that is asked.
        truth: what its output should look like.
        access: what its answers reveal.
        name: its name in errors and reports.
        device: where to query; None: where the module is.
        discriminator: what the generator was trained against: (inputs, outputs) -> logits of
            "real", a tensor, or a list with one entry per scale: a tensor, or a list whose last
            entry is the tensor of logits.

    Raises:
        InputError: the access includes a discriminator, but there is none.
    """
    from pixleak.targets.generator import GeneratorTarget
    from pixleak.targets.module import ModuleTarget

    if not isinstance(truth, ImageTruth):
        return ModuleTarget(module, truth, access, name=name, device=device)
    return GeneratorTarget(
        module,
        truth,
        access,
        name=name,
        device=device,
        discriminator=discriminator,
        realness=mean_logit,
    )


def opened_object(
    model: object,
    truth: Truth,
    access: Access,
    *,
    device: str = "cpu",
    discriminator: nn.Module | None = None,
) -> Target:
    """What a Python caller gives as a model, as a target.

    Args:
        model: a torch module, a function from images to predictions, or a target.
        truth: what its output should look like.
        access: what its answers reveal; a target knows that itself.
        device: where a module is queried.
        discriminator: what a generator was trained against.

    Raises:
        InputError: it is none of these, or there is no such device.
    """
    from torch import nn

    from pixleak.targets.base import Target
    from pixleak.targets.function import FunctionTarget
    from pixleak.targets.module import check_device

    if isinstance(model, Target):
        return model
    if isinstance(model, nn.Module):
        check_device(device)
        return target_for(model, truth, access, device=device, discriminator=discriminator)
    if callable(model):
        return FunctionTarget(model, truth, access)
    raise InputError(
        f"model is a {type(model).__name__}; expected a torch module, a target or a function"
    )


def adapted(target: Target, adapter: Adapter) -> Target:
    """The same target, asked with an adapter; the one that was given stays as it is.

    Raises:
        InputError: the target has an adapter already.
    """
    if target.adapter.settings:
        raise InputError(
            f"{target.name} adapts its images or answers already; leave "
            f"{setting('target.input')} and {setting('target.output')} out"
        )
    asked = copy.copy(target)
    asked.adapter = adapter
    return asked


def mean_logit(discriminator: nn.Module, inputs: Tensor, outputs: Tensor) -> Tensor:
    """(b,) the mean logit of "real" over patches, and over scales where there are several.

    Raises:
        InputError: the discriminator answers with something else.
    """
    import torch

    def of(answer: object) -> Tensor:
        if isinstance(answer, torch.Tensor) and answer.ndim >= 1 and len(answer) == len(inputs):
            return answer.reshape(len(inputs), -1).float().mean(dim=1)
        raise InputError(
            "the discriminator must answer with logits (b, ...) for (inputs, outputs), a tensor "
            f"or a list of them, one per scale; got {type(answer).__name__}"
        )

    answer = discriminator(inputs, outputs)
    if isinstance(answer, torch.Tensor):
        return of(answer)
    if not isinstance(answer, Sequence) or isinstance(answer, Mapping) or not answer:
        return of(answer)
    last = [scale[-1] if isinstance(scale, Sequence) else scale for scale in answer]
    return torch.stack([of(one) for one in last]).mean(dim=0)
