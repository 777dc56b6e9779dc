"""WebDataset: tar files whose members ``key.jpg`` and ``key.mask.png`` are one sample."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import Grouping, Labelled, Turnable
from pixleak.records.readers.files.finding import SUFFIXES, natural
from pixleak.records.readers.files.held_file import HeldFile
from pixleak.records.readers.files.keys import ChannelsKey, ImageKeys, MaskKeys
from pixleak.records.readers.files.layouts import Recognised
from pixleak.records.readers.files.masks import LabelReader
from pixleak.records.readers.files.pixels import ImageReader, check_same_size

_MASK_WORDS = ("mask", "seg", "label", "gt", "truth", "annot")


@dataclass(frozen=True)
class _Member:
    """Where the content of a file lies in a tar file."""

    shard: str
    name: str
    start: int
    length: int

    def __str__(self) -> str:
        return f"{self.shard}: {self.name}"

    def read(self) -> bytes:
        """Its content.

        Raises:
            InputError: the tar file is gone, or has shrunk.
        """
        try:
            with open(self.shard, "rb") as file:
                file.seek(self.start)
                content = file.read(self.length)
        except OSError as error:
            raise InputError(f"{self} cannot be read: {error}") from error
        if len(content) != self.length:
            raise InputError(f"{self} cannot be read: the tar file is cut off")
        return content


@dataclass(frozen=True)
class _Samples:
    """Loads the i-th sample."""

    images: tuple[_Member, ...]
    masks: tuple[_Member, ...]
    reader: ImageReader
    labels: LabelReader

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        image, mask = self.images[index], self.masks[index]
        labels = self.labels.open(HeldFile(mask.read(), str(mask)))
        raster = self.reader.open(HeldFile(image.read(), str(image)))
        check_same_size(raster, labels)
        return self.reader.convert(raster), self.labels.convert(labels, self.reader.size)


class ShardsReader(Labelled, ChannelsKey, MaskKeys, ImageKeys, Grouping, Turnable):
    """Tar files as WebDataset writes them; the members of one key are one sample.

    The id is the key. Samples are found once, by the headers of the tar files, and are then read
    where they lie; nothing is unpacked.
    """

    name: ClassVar[str] = "webdataset"
    summary: ClassVar[str] = "tar files of samples, as WebDataset writes them"

    root: Located = Field(description="folder of the tar files, or one tar file")
    shards: str = Field("*.tar", description="which files of the folder")
    image: str | None = Field(None, description="ending of images, such as jpg; null: found")
    mask: str | None = Field(None, description="ending of masks, such as mask.png; null: found")
    subject_key: str | None = Field(None, description="the subject in the members .json")
    group_key: str | None = Field(None, description="the same for the group")

    def open(self) -> Records:
        samples = _samples(_shards(self.root, self.shards))
        image, mask = self._endings(samples)
        lacking = [key for key, one in samples.items() if not {image, mask} <= set(one)]
        if lacking:
            more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
            raise InputError(
                f"{self.root}: sample {lacking[0]!r}{more} has the members "
                f"{', '.join(samples[lacking[0]])}, but not both {image} and {mask}"
            )
        load = _Samples(
            tuple(one[image] for one in samples.values()),
            tuple(one[mask] for one in samples.values()),
            self.image_reader(self.channels),
            self.label_reader(self.truth(), self.exif),
        )
        keys = [self._key(key, one) for key, one in samples.items()]
        return self.directed(Records(keys, load, self.truth(), self.root.name))

    def _endings(self, samples: Mapping[str, Mapping[str, _Member]]) -> tuple[str, str]:
        """Endings of images and of masks.

        Raises:
            InputError: they cannot be told apart.
        """
        first = next(iter(samples.values()))
        pictures = [one for one in first if f".{one.rpartition('.')[2].lower()}" in SUFFIXES]
        if self.image is not None and self.mask is not None:
            return self.image, self.mask
        found = _image_and_mask([self.image] if self.image else pictures, pictures)
        if found is None:
            raise InputError(
                f"{self.root}: samples have the members {', '.join(first)}; say with image and "
                "mask which is which"
            )
        return found[0], self.mask or found[1]

    def _key(self, key: str, members: Mapping[str, _Member]) -> RecordKey:
        found = self.key(key)
        told = {"subject": found.subject, "group": found.group}
        for what, name in (("subject", self.subject_key), ("group", self.group_key)):
            if name is not None:
                told[what] = _stated(key, members, name)
        return RecordKey(key, told["subject"], told["group"])

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        try:
            samples = _samples(_shards(folder, "*.tar")[:1])
        except InputError:
            return []
        first = next(iter(samples.values()))
        pictures = [one for one in first if f".{one.rpartition('.')[2].lower()}" in SUFFIXES]
        if _image_and_mask(pictures, pictures) is None:
            return []
        evidence = f"tar files hold samples with the members {', '.join(first)}"
        return [Recognised({"root": folder}, evidence, "certain")]


def _image_and_mask(images: Sequence[str], pictures: Sequence[str]) -> tuple[str, str] | None:
    """Endings of images and of masks; None where several could be either."""
    masks = [one for one in pictures if any(word in one.lower() for word in _MASK_WORDS)]
    if not masks and len(pictures) == 2:
        masks = [one for one in pictures if one.lower() == "png"]  # beside a JPEG
    rest = [one for one in images if one not in masks]
    return (rest[0], masks[0]) if len(masks) == len(rest) == 1 else None


def _shards(root: Path, pattern: str) -> list[Path]:
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise InputError(f"there is no folder {root}")
    found = sorted(root.glob(pattern), key=lambda path: natural(path.name))
    if not found:
        raise InputError(f"{root} holds no files {pattern}")
    return found


def _samples(shards: Sequence[Path]) -> dict[str, dict[str, _Member]]:
    """Key -> ending -> member, in the order of the tar files.

    Raises:
        InputError: a file is no plain tar file, or a key has one ending twice.
    """
    samples: dict[str, dict[str, _Member]] = {}
    for shard in shards:
        try:
            with tarfile.open(shard, "r:") as file:
                members = [one for one in file if one.isfile()]
        except (OSError, tarfile.TarError) as error:
            raise InputError(
                f"{shard} is no plain tar file ({error}); unpack it if it is compressed"
            ) from error
        for one in members:
            folder, slash, name = one.name.rpartition("/")
            stem, dot, ending = name.partition(".")
            if not stem or not dot:
                continue  # hidden, or without an ending, as files about the whole
            sample = samples.setdefault(f"{folder}{slash}{stem}", {})
            if ending in sample:
                raise InputError(f"{sample[ending]} and {shard}: {one.name} have the same key")
            sample[ending] = _Member(str(shard), one.name, one.offset_data, one.size)
    if not samples:
        raise InputError(f"{shards[0]} holds no samples")
    return samples


def _stated(key: str, members: Mapping[str, _Member], name: str) -> str:
    """What the member ``.json`` of a sample says under a name."""
    if "json" not in members:
        raise InputError(f"sample {key!r} has no member .json, which would say its {name}")
    try:
        content: Any = json.loads(members["json"].read())
        return str(content[name])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{members['json']} does not say {name!r}: {error!r}") from error
