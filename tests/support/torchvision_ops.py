"""Lets torchvision import beside a torch that its compiled half was not built for.

torchvision registers fake implementations of its C++ operators while it is imported, which
fails when its extension cannot be loaded (its CPU and CUDA wheels share one name, so a CPU torch
easily ends up beside the wrong one). Nothing in pixleak uses those operators, but
segmentation-models-pytorch cannot be imported without torchvision. So, in tests only, the
operators are declared without an implementation, and only where the extension does not load.

Declaring them needs torch, which takes seconds to import; hence an import hook that does
nothing until somebody imports torchvision.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class _DeclareOps(MetaPathFinder):
    """Finds nothing itself; runs once, when torchvision is about to be imported."""

    # torch.library.Library withdraws its operators when it is garbage collected.
    library: object = None

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != "torchvision" or self.library is not None:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None:
            self._declare(Path(spec.origin).parent)
        return None

    def _declare(self, package: Path) -> None:
        import torch

        for extension in (*package.glob("_C*.so"), *package.glob("_C*.pyd")):
            try:
                torch.ops.load_library(extension)
            except OSError:
                continue
            return
        library = torch.library.Library("torchvision", "DEF")
        for schema in SCHEMAS:
            library.define(schema)
        self.library = library


def install() -> None:
    """Add the hook, once a process."""
    if not any(isinstance(finder, _DeclareOps) for finder in sys.meta_path):
        sys.meta_path.insert(0, _DeclareOps())
