"""A model that pixleak trained, from its file of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pixleak.core.access import Access
from pixleak.core.paths import Located
from pixleak.core.truth import Truth
from pixleak.targets.kind import TargetKind

if TYPE_CHECKING:
    from pixleak.targets.base import Target


class WeightsKind(TargetKind):
    """A model that was trained by a recipe, with its discriminator if that is beside it."""

    name: ClassVar[str] = "weights"
    summary: ClassVar[str] = "a model that pixleak trained by a recipe"

    weights: Located = Field(description="a model that pixleak trained, .safetensors")

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.targets.module import check_device
        from pixleak.targets.target_for import target_for
        from pixleak.training.checkpoint import load_network
        from pixleak.training.recipe import discriminator_beside

        check_device(device)
        module, discriminator = load_network(self.weights), None
        if access is Access.DISCRIMINATOR:
            discriminator = discriminator_beside(self.weights)
        return target_for(module, truth, access, device=device, discriminator=discriminator)
