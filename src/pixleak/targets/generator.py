"""A generator as a target, with its discriminator where the attacker has that too."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.targets.module import ModuleTarget, evaluating

Judge = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""(discriminator, inputs, outputs) -> (b,) logits of "real"."""


class GeneratorTarget(ModuleTarget):
    """Ask a torch module for images, and leave it exactly as it was.

    Args:
        module: (b, c, h, w) -> (b, c', h, w).
        truth: channels and range of its output.
        access: ``IMAGE``, or ``DISCRIMINATOR`` where that may be asked as well.
        name: what to call it in errors and reports.
        device: as of :class:`~pixleak.targets.module.ModuleTarget`.
        discriminator: the module that it was trained against.
        realness: how to ask it; see ``Judge``.

    Raises:
        InputError: the access is to a discriminator that is not there.
    """

    def __init__(
        self,
        module: nn.Module,
        truth: ImageTruth,
        access: Access = Access.IMAGE,
        *,
        name: str = "target",
        device: str | torch.device | None = None,
        discriminator: nn.Module | None = None,
        realness: Judge | None = None,
    ) -> None:
        super().__init__(module, truth, access, name=name, device=device)
        if access is Access.DISCRIMINATOR and (discriminator is None or realness is None):
            raise InputError(
                f"access to {name} is declared to include its discriminator, but it has none: "
                "declare access: image, or train it against an adversary"
            )
        self.discriminator = None if discriminator is None else discriminator.to(self.device)
        self._realness = realness

    @property
    def judge(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        discriminator, realness = self.discriminator, self._realness
        if self.access is not Access.DISCRIMINATOR or discriminator is None or realness is None:
            return None

        def judged(inputs: Tensor, outputs: Tensor) -> Tensor:
            with evaluating(discriminator), torch.no_grad():
                answer = realness(discriminator, inputs.to(self.device), outputs.to(self.device))
            return answer.detach().to(device="cpu", dtype=torch.float32, copy=True)

        return judged
