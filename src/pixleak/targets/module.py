"""A torch module as a target."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import Truth
from pixleak.targets.base import Target


class ModuleTarget(Target):
    """Ask a torch module, and leave it exactly as it was.

    A query runs in evaluation mode without gradients. Afterwards, also after an error, every
    submodule has its own training flag back; nothing is hooked, moved or accumulated. Gradients
    are switched off with ``no_grad`` rather than ``inference_mode``: a module that caches a
    tensor during its forward pass would otherwise keep one that it can no longer train with.

    Args:
        module: (b, c, h, w) -> what ``access`` declares, or a mapping with it under ``"out"``
            or ``"logits"``.
        truth: what its output should look like.
        access: what it gives away.
        name: what to call it in errors and reports.
        device: where to query. None: wherever the module lies. A module that lies elsewhere is
            not moved: a copy of it is made there once, here, and is what gets asked.
    """

    def __init__(
        self,
        module: nn.Module,
        truth: Truth,
        access: Access,
        *,
        name: str = "target",
        device: str | torch.device | None = None,
    ) -> None:
        super().__init__(truth, access, name)
        lies_on = _device_of(module)
        self.device = lies_on if device is None else torch.device(device)
        if _differ(self.device, lies_on):
            module = copy.deepcopy(module).to(self.device)
        self.module = module

    def _query(self, images: Tensor) -> object:
        with evaluating(self.module), torch.no_grad():
            return self.module(images.to(self.device))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, every submodule's own training flag back afterwards."""
    flags = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        yield
    finally:
        for part, training in flags:
            part.training = training


def _device_of(module: nn.Module) -> torch.device:
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


def _differ(wanted: torch.device, actual: torch.device) -> bool:
    # "cuda" without a number means any: a module on cuda:1 is already there.
    return wanted.type != actual.type or wanted.index not in (None, actual.index)


def check_device(device: str) -> None:
    """Refuse a device that torch does not know or that this machine lacks.

    Raises:
        InputError: naming the device.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"device {device!r} cannot be used here: {reason}; use cpu") from error
