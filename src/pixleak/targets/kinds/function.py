"""A function of the user's, from images to predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pixleak.core.access import Access
from pixleak.core.paths import Code
from pixleak.core.truth import Truth
from pixleak.targets.kind import TargetKind

if TYPE_CHECKING:
    from pixleak.targets.base import Target


class FunctionKind(TargetKind):
    """A function, which may ask a service or another framework's model."""

    name: ClassVar[str] = "function"
    summary: ClassVar[str] = "a function from images to predictions"

    function: Code = Field(description="file.py:function, images -> predictions")

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.core.code import load_function
        from pixleak.targets.function import FunctionTarget

        return FunctionTarget(load_function(self.function), truth, access)
