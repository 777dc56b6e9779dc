"""A named public data set, read from the user's own copy."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from pixleak.core.paths import Located
from pixleak.records.base import Records
from pixleak.records.readers.base import Reader
from pixleak.records.readers.files.keys import FileKeys
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.named.base import open_named


class NamedReader(FileKeys, Reader):
    """A named data set, read from the user's own copy.

    Its files are read as they were published. Where a copy was converted (to 16 bits, to other grey
    values), the keys of :class:`FileKeys` say so.
    """

    name: ClassVar[str] = "named"
    summary: ClassVar[str] = "a known data set, from your own copy"

    set: str = Field(description="a name of `pixleak data list`")
    root: Located = Field(description="folder of the copy")
    direction: str | None = Field(
        None,
        description="from what to what, as `pixleak data list` says; null: the set's default",
    )

    options: dict[str, Any] = Field(
        {}, description="of the set itself, such as {tumour: only, every: 5} of msd-liver"
    )

    def open(self) -> Records:
        return open_named(
            DATASETS[self.set],
            self.root,
            self.size,
            self.direction,
            files=self,
            options=self.options,
        )
