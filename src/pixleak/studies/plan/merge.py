"""One configuration laid over another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = ("name", "reader")
"""Keys that say what the others beside them belong to."""


def merged(below: Any, above: Any) -> Any:
    """``above`` laid over ``below``: mappings key by key, all else as a whole.

    Options belong to the thing they stand beside: where ``above`` names another network, reader or
    method, nothing of the old one's options is kept. A bare name is the same as ``{name: NAME}``.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    >>> merged({"network": {"name": "unet", "options": {"depth": 3}}}, {"network": "tiny"})
    {'network': 'tiny'}
    >>> merged({"network": "tiny"}, {"network": {"options": {"width": 4}}})
    {'network': {'name': 'tiny', 'options': {'width': 4}}}
    """
    if isinstance(below, str) and isinstance(above, Mapping):
        below = {"name": below}
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    for key in NAMES:
        if key in above and above[key] != below.get(key):
            return dict(above)
    out = dict(below)
    for key, value in above.items():
        out[key] = merged(out[key], value) if key in out else value
    return out
