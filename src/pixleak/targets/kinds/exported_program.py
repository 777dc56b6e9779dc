"""A program of torch.export."""

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


class Exported(TargetKind):
    """A program of torch.export; it has no untrained twin."""

    name: ClassVar[str] = "exported"
    summary: ClassVar[str] = "a program that torch.export.save wrote (.pt2)"
    positional: ClassVar[str] = "exported"

    exported: Located = Field(description="file of torch.export.save, .pt2")

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.targets.formats.graphs import exported_target
        from pixleak.targets.module import check_device

        check_device(device)
        return exported_target(Path(self.exported), truth, access, device)
