"""Files that lie inside other files: members of archives, images inside JSON."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal


@dataclass(frozen=True)
class HeldFile:
    """The content of an image file that lies inside another file.

    Args:
        content: of the file.
        where: it lies, for messages; its ending is that of the image file.
    """

    content: bytes
    where: str

    def __str__(self) -> str:
        return self.where

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return Path(self.where).suffix

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """The content, to be read."""
        return BytesIO(self.content)
