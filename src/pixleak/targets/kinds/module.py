"""A torch module that a function of the user's returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pixleak.core.access import Access
from pixleak.core.paths import Code, Located
from pixleak.core.truth import Truth
from pixleak.targets.kind import TargetKind

if TYPE_CHECKING:
    from pixleak.targets.base import Target


class ModuleKind(TargetKind):
    """A torch module, with its weights from a checkpoint or from the function itself."""

    name: ClassVar[str] = "module"
    summary: ClassVar[str] = "a torch module that a function returns, filled from a checkpoint"

    module: Code = Field(description="file.py:function that returns a torch module")
    checkpoint: Located | None = Field(None, description="weights for the module")
    checkpoint_key: str | None = Field(
        None, description="entry of the checkpoint that holds the weights; null: the usual ones"
    )
    prefix: str | None = Field(
        None, description="what stands before the names of the weights, as unet.; null: to be found"
    )
    allow_pickle: bool = Field(False, description="load a pickle checkpoint, which can run code")
    discriminator: Code | None = Field(
        None, description="file.py:function that returns the module's discriminator"
    )

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.targets.load import load_module
        from pixleak.targets.module import check_device
        from pixleak.targets.target_for import target_for

        check_device(device)
        module = load_module(
            self.module,
            checkpoint=self.checkpoint,
            allow_pickle=self.allow_pickle,
            key=self.checkpoint_key,
            prefix=self.prefix,
        )
        discriminator = None if self.discriminator is None else load_module(self.discriminator)
        return target_for(module, truth, access, device=device, discriminator=discriminator)
