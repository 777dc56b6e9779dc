"""A folder of a model of transformers."""

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


class HuggingFace(TargetKind):
    """A folder that ``save_pretrained`` wrote, with the image processor that lies in it."""

    name: ClassVar[str] = "huggingface"
    summary: ClassVar[str] = "a folder of a segmenter of transformers (extra huggingface)"
    positional: ClassVar[str] = "huggingface"

    huggingface: Located = Field(description="folder of save_pretrained")

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.targets.formats.pretrained import huggingface_target
        from pixleak.targets.module import check_device

        check_device(device)
        return huggingface_target(Path(self.huggingface), truth, access, device)
