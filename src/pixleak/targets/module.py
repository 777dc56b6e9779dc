"""A torch module as a target."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import Truth
from pixleak.targets.base import Target, Untwinned
from pixleak.targets.reinitialised import reinitialised
from pixleak.targets.state_dict import state_digests, tensor_digest

TWIN = "untrained twin of the target"
"""What an untrained twin is called in errors and reports."""


class ModuleTarget(Target):
    """A torch module, which queries leave exactly as it was.

    A query runs in evaluation mode without gradients. Afterwards, also after an error, every
    submodule has its own training flag back; nothing is hooked, moved or accumulated. Gradients
    are switched off with ``no_grad`` rather than ``inference_mode``: a module that caches a
    tensor during its forward pass would otherwise keep one that it can no longer train with.

    It is recognised again by its weights and by its answers on a few records. Labels are not
    enough: those of many models agree on a few records.

    Args:
        module: (b, c, h, w) -> what ``access`` declares, or a mapping with it under ``"out"``
            or ``"logits"``.
        truth: what its output should look like.
        access: what it gives away.
        name: its name in errors and reports.
        device: where to query. None: where the module is. A module that is elsewhere is not
            moved: a copy is made on the device once, and the copy is asked.
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
        self.device = _device_of(module) if device is None else torch.device(device)
        self._given = module
        self.module = placed(module, self.device)

    def identity(self, answers: Sequence[Tensor]) -> Mapping[str, Any] | None:
        if self.access is Access.LABEL:
            return None
        return {
            "weights": self._digests(),
            "answers": [tensor_digest(values) for values in answers],
        }

    def _digests(self) -> dict[str, str]:
        """Name -> digest of everything that the answers depend on."""
        return state_digests(self.module)

    def untrained(self, seed: int) -> Target | Untwinned:
        fresh = reinitialised(self._given, seed)
        if fresh is None:
            return Untwinned(
                "the module has parameters that no reset_parameters() sets, so an untrained twin "
                "cannot be made"
            )
        return self._twin(fresh, seed)

    def _twin(self, fresh: nn.Module, seed: int) -> Target | Untwinned:
        """The untrained twin around a re-initialised module."""
        return ModuleTarget(fresh, self.truth, self.access, name=TWIN, device=self.device)

    def _query(self, images: Tensor) -> object:
        with evaluating(self.module), torch.no_grad():
            return self.module(images.to(self.device))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; every submodule gets its own training flag back afterwards."""
    flags = [(part, part.training) for part in module.modules()]
    try:
        with suppress(NotImplementedError):  # an exported module keeps the mode it was exported in
            module.eval()
        yield
    finally:
        for part, training in flags:
            part.training = training


def placed(module: nn.Module, device: str | torch.device) -> nn.Module:
    """The module if it is on the device, else a copy of it there."""
    if _differ(torch.device(device), _device_of(module)):
        return copy.deepcopy(module).to(device)
    return module


def _device_of(module: nn.Module) -> torch.device:
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


def _differ(wanted: torch.device, actual: torch.device) -> bool:
    # "cuda" without a number means any: a module on cuda:1 is already there.
    return wanted.type != actual.type or wanted.index not in (None, actual.index)


def check_device(device: str) -> None:
    """Refuse a device that torch does not know or that this machine does not have.

    Raises:
        InputError: naming the device.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"device {device!r} cannot be used here: {reason}; use cpu") from error
