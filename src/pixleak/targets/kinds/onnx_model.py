"""An ONNX model."""

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


class Onnx(TargetKind):
    """An ONNX model; it has no untrained twin."""

    name: ClassVar[str] = "onnx"
    summary: ClassVar[str] = "an ONNX model (extra onnx)"
    positional: ClassVar[str] = "onnx"

    onnx: Located = Field(description="an .onnx file")

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.targets.formats.graphs import onnx_target
        from pixleak.targets.module import check_device

        check_device(device)
        return onnx_target(Path(self.onnx), truth, access, device)
