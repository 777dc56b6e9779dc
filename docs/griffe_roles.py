"""Griffe extension: docstrings speak reStructuredText's roles, pages speak Markdown."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`(~?)([\w.]+)`")
_LITERAL_BLOCK = re.compile(r"::[ \t]*$", re.MULTILINE)
_BULLET_TABLE = re.compile(r"(?m)^=+(?: +=+)+$\n(?:.*\n)+?=+(?: +=+)+$")
_DOCTEST = re.compile(r"(?m)^( *)>>> .*(?:\n(?! *$).*)*")


def _code(match: re.Match[str]) -> str:
    tilde, path = match.groups()
    return f"`{path.rpartition('.')[2] if tilde else path}`"


def _fenced(match: re.Match[str]) -> str:
    return f"```text\n{match.group().replace('``', '')}\n```"


def _console(match: re.Match[str]) -> str:
    indent = match.group(1)
    return f"{indent}```pycon\n{match.group()}\n{indent}```"


class Roles(Extension):
    """Turn roles into code, ``::`` into ``:``, simple tables and doctests into literal text."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of every object once it is loaded."""
        if obj.docstring is not None:
            text = _ROLE.sub(_code, obj.docstring.value)
            text = _BULLET_TABLE.sub(_fenced, text)
            text = _DOCTEST.sub(_console, text)
            obj.docstring.value = _LITERAL_BLOCK.sub(":", text)
