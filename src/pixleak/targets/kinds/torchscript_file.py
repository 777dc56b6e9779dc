"""A TorchScript file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pixleak.core.access import Access
from pixleak.core.paths import Located
from pixleak.core.truth import Truth
from pixleak.targets.kind import TargetKind

if TYPE_CHECKING:
    from pixleak.targets.base import Target


class TorchScript(TargetKind):
    """A TorchScript file; it has no untrained twin."""

    name: ClassVar[str] = "torchscript"
    summary: ClassVar[str] = "a module that torch.jit.save wrote"
    positional: ClassVar[str] = "torchscript"

    torchscript: Located = Field(description="file of torch.jit.save")

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.targets.formats.graphs import torchscript_target
        from pixleak.targets.module import check_device

        check_device(device)
        return torchscript_target(Path(self.torchscript), truth, access, device)
