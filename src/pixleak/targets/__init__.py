"""Models that can be queried; :class:`HttpEndpoint` and :class:`KServe` are asked by address."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixleak.targets.kinds.http import HttpEndpoint as HttpEndpoint
    from pixleak.targets.kinds.kserve import KServe as KServe

_HOMES = {
    "HttpEndpoint": "pixleak.targets.kinds.http",
    "KServe": "pixleak.targets.kinds.kserve",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pixleak.targets' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
