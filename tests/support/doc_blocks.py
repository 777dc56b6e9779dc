"""The code blocks of a Markdown page.

A block is run unless a comment above it says why not::

    <!-- not run: needs your own data -->

A page may prepare what a reader is assumed to hold in a comment that a browser does not show::

    <!-- setup
    model = torch.nn.Conv2d(1, 2, 3, padding=1)
    -->

and say that its blocks take longer than a few seconds: ``<!-- slow: trains models -->``.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^<!-- setup\n(?P<setup>.*?)^-->$"
    r"|(?:^ *<!-- not run: (?P<reason>[^\n]+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_SLOW = re.compile(r"^<!-- slow: .+ -->$", re.MULTILINE)
_FILE = re.compile(r"# (?P<path>[\w/.-]+\.py)\n")


@dataclass(frozen=True)
class Block:
    """One block of code.

    Args:
        page: that it is on.
        line: of the page on which the code begins.
        language: as written behind the fence; ``"setup"`` for what a browser does not show.
        code: without the indentation of the fence.
        reason: why it is not run; empty if it is.
    """

    page: Path
    line: int
    language: str
    code: str
    reason: str = ""

    @property
    def file(self) -> str | None:
        """The file that the block is the content of, if its first line names one."""
        found = _FILE.match(self.code)
        return found.group("path") if found else None


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        part = "setup" if match["setup"] is not None else "code"
        line = text.count("\n", 0, match.start(part)) + 1
        language = "setup" if part == "setup" else match["language"]
        code = textwrap.dedent(match[part])
        found.append(Block(page, line, language, code, match["reason"] or ""))
    return found


def is_slow(page: Path) -> bool:
    """Whether the page says that its blocks take long."""
    return _SLOW.search(page.read_text(encoding="utf-8")) is not None
