"""A generator as a target, with its discriminator where the attacker has access to that too."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.truth import ImageTruth
from pixleak.targets.base import Target, Untwinned
from pixleak.targets.module import TWIN, ModuleTarget, evaluating, placed
from pixleak.targets.reinitialised import reinitialised
from pixleak.targets.state_dict import state_digests

Judge = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""(discriminator, inputs, outputs) -> (b,) logits of "real"."""


class GeneratorTarget(ModuleTarget):
    """A torch module that answers with images, which queries leave exactly as it was.

    Args:
        module: (b, c, h, w) -> (b, c', h, w).
        truth: channels and range of its output.
        access: ``IMAGE``, or ``DISCRIMINATOR`` where that may be asked as well.
        name: its name in errors and reports.
        device: as for :class:`~pixleak.targets.module.ModuleTarget`.
        discriminator: the module that it was trained against.
        realness: how to query the discriminator; see ``Judge``.

    Raises:
        InputError: the access includes a discriminator, but there is none.
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
                f"set {setting('target.access')} to image, or train it against an adversary"
            )
        self._given_discriminator = discriminator
        self.discriminator = None if discriminator is None else placed(discriminator, self.device)
        self._realness = realness

    def _digests(self) -> dict[str, str]:
        if self.discriminator is None:
            return super()._digests()
        beside = state_digests(self.discriminator)
        return super()._digests() | {f"discriminator.{key}": v for key, v in beside.items()}

    def _twin(self, fresh: nn.Module, seed: int) -> Target | Untwinned:
        given = self._given_discriminator
        blank = None if given is None else reinitialised(given, seed)
        if self.access is Access.DISCRIMINATOR and blank is None:
            return Untwinned("an untrained discriminator cannot be made")
        assert isinstance(self.truth, ImageTruth)
        return GeneratorTarget(
            fresh,
            self.truth,
            self.access,
            name=TWIN,
            device=self.device,
            discriminator=blank,
            realness=self._realness,
        )

    @property
    def judge(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        discriminator, realness = self.discriminator, self._realness
        if self.access is not Access.DISCRIMINATOR or discriminator is None or realness is None:
            return None

        def judged(inputs: Tensor, outputs: Tensor) -> Tensor:
            inputs = self.adapter.input.applied(inputs)
            outputs = self.adapter.output.undone(outputs, self.truth)
            with evaluating(discriminator), torch.no_grad():
                answer = realness(discriminator, inputs.to(self.device), outputs.to(self.device))
            return answer.detach().to(device="cpu", dtype=torch.float32, copy=True)

        return judged
