"""YAML that is safe to read: no key twice, no bombs, no endless references."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from pixleak.core.errors import InputError

MOST_BYTES = 1_000_000
MOST_VALUES = 100_000
"""Values of a file after references are followed; more are taken for a bomb."""


class _OneKeyOnce(yaml.SafeLoader):
    """Refuses a key that occurs twice in one mapping."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                raise InputError(
                    f"key {key.value!r} stands twice, in lines {seen[key.value]} and {line}; "
                    "remove one of them"
                )
            seen[key.value] = line
        found: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return found


def parse_yaml(text: str) -> Any:
    """What a YAML text says.

    Raises:
        InputError: a key occurs twice, or the text is too large or refers to itself.
        yaml.YAMLError: it is not YAML.
    """
    if len(text) > MOST_BYTES:
        raise InputError(f"it has {len(text)} characters, at most {MOST_BYTES} are read")
    loader = _OneKeyOnce(text)
    try:
        try:
            node = loader.get_single_node()
        except RecursionError as error:
            raise InputError("it is nested too deeply") from error
        if node is None:
            return None
        _count(node, {}, set())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _count(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """How many values a node stands for, references followed."""
    if id(node) in above:
        raise InputError(f"the reference in line {node.start_mark.line + 1} refers to itself")
    if id(node) in known:
        return known[id(node)]
    if len(above) > 100:
        raise InputError("it is nested too deeply")
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        inner = [one for pair in node.value for one in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = list(node.value)
    total = 1 + sum(_count(one, known, above | {id(node)}) for one in inner)
    if total > MOST_VALUES:
        raise InputError(
            f"it holds more than {MOST_VALUES} values once references (&, *) are followed"
        )
    known[id(node)] = total
    return total
