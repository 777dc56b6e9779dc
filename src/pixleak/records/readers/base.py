"""What a reader is: its settings, and how they become records."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from pixleak.core.errors import InputError
from pixleak.core.part import Part
from pixleak.core.truth import LabelTruth
from pixleak.core.validation import first_error
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.files.keys import FindingKeys, ImageKeys, LabelKeys, SizeKey
from pixleak.records.readers.files.layouts import Recognised
from pixleak.records.readers.labels_to_photo import labels_to_photo


class Reader(Part, ABC):
    """A kind of source of records; its fields are the keys beside ``reader:`` in a configuration.

    To add one, subclass it in a file of its own and put the class into ``READERS``, or offer it
    from another package through an entry point of the group ``pixleak.readers``. Paths are
    :data:`pixleak.core.paths.Located`, except for folders under another field such as ``root``,
    which are plain ``Path``.
    """

    name: ClassVar[str]
    """The value of ``reader:``, kebab-case."""

    summary: ClassVar[str]
    """One line for ``pixleak list``."""

    needs: ClassVar[str] = ""
    """The extra of pixleak that it needs, or empty."""

    @abstractmethod
    def open(self) -> Records:
        """The records, of which none is loaded yet.

        Raises:
            InputError: files are missing, or settings do not fit them.
        """

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        """Every way in which this reader could read a folder, by names and a few files.

        Nothing is raised: a folder that cannot be read looks like none of its kinds. Readers of
        what is no folder recognise nothing.

        Args:
            folder: that exists.
        """
        return []

    @model_serializer(mode="wrap")
    def _with_its_name(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"reader": self.name, **write(self)}


class Resizing(SizeKey, Reader):
    """Fields of a reader that can resize what it reads."""


class ImageFiles(ImageKeys, FindingKeys, Reader):
    """Fields of a reader of image files."""


class Labelled(LabelKeys, Reader):
    """Fields of a reader whose truths are label maps."""


def label_fields(truth: LabelTruth | None) -> dict[str, Any]:
    """The fields of :class:`Labelled` for a truth; none for None, which leaves the defaults."""
    if truth is None:
        return {}
    return {
        "classes": truth.classes,
        "ignore": truth.ignore,
        "class_names": truth.names,
        "background": truth.background,
    }


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiled)]


class Grouping(Reader):
    """Fields of a reader that finds subject and group in the stem of a file's name."""

    subject: Pattern | None = Field(
        None,
        description="regular expression that finds the subject in an id: its first group, or else "
        "the whole match",
    )
    group: Pattern | None = Field(
        None, description="the same for the group, such as a video or a scanner"
    )

    def key(self, stem: str) -> RecordKey:
        """The key of the record whose file has this stem.

        Raises:
            InputError: a pattern finds nothing.
        """
        subject = _found_in(stem, self.subject, "subject")
        return RecordKey(stem, subject, _found_in(stem, self.group, "group"))


def _found_in(stem: str, pattern: str | None, what: str) -> str | None:
    if pattern is None:
        return None
    match = re.search(pattern, stem)
    found = None if match is None else match.group(1 if match.re.groups else 0)
    if not found:
        raise InputError(f"the {what} pattern {pattern!r} finds nothing in {stem!r}")
    return found


class Turnable(Reader):
    """Field of a reader of label maps whose records can be turned round for a generator."""

    direction: Literal["photo-to-labels", "labels-to-photo"] = Field(
        "photo-to-labels",
        description="labels-to-photo makes records for a generator: from one-hot labels to the "
        "image",
    )

    def directed(self, records: Records) -> Records:
        """The records, turned round where the direction asks for it."""
        return records if self.direction == "photo-to-labels" else labels_to_photo(records)


def read(kind: type[Reader], *, name: str | None = None, **arguments: Any) -> Records:
    """Build a reader from a function's arguments, and open it.

    Args:
        kind: the reader.
        name: what to call the set; what the reader calls it if None.
        **arguments: its fields.

    Raises:
        InputError: an unknown argument, a value that cannot be used, or whatever opening raises.
    """
    try:
        reader = kind.model_validate(arguments)
    except ValidationError as error:
        sentence = first_error(error, kind.model_fields, noun="argument")
        raise InputError(f"{kind.name}: {sentence}") from error
    records = reader.open()
    if name is None:
        return records
    return Records(records.keys, records.load, records.truth, name)
