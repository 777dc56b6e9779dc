"""A named public data set, read from the user's own copy."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pixleak.core.paths import Located
from pixleak.records.base import Records
from pixleak.records.readers.base import Resizing
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.named.base import open_named


class NamedReader(Resizing):
    """A named data set, read from the user's own copy."""

    name: ClassVar[str] = "named"
    summary: ClassVar[str] = "a known data set, from your own copy"

    set: str = Field(description="a name of `pixleak data list`")
    root: Located = Field(description="folder of the copy")
    direction: str | None = Field(
        None,
        description="from what to what, as `pixleak data list` says; null: the set's default",
    )

    def open(self) -> Records:
        return open_named(DATASETS[self.set], self.root, self.size, self.direction)
