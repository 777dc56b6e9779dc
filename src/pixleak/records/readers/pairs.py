"""A folder of inputs and a folder of true outputs of a generator, matched by stem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from pixleak.core.paths import Located
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import Grouping, read
from pixleak.records.readers.files.finding import matched
from pixleak.records.readers.files.keys import FindingKeys, PairKeys
from pixleak.records.readers.files.layouts import (
    Recognised,
    bands_of,
    left_out,
    look_like_masks,
    matching_folders,
    pictures_in,
    relative,
    sizes_agree,
)
from pixleak.records.readers.files.pixels import ImageReader, check_same_size


@dataclass(frozen=True)
class _TwoFiles:
    """Loads the i-th input with its true output."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    readers: tuple[ImageReader, ImageReader]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        of_input, of_target = self.readers
        first = of_input.open(self.inputs[index])
        second = of_target.open(self.targets[index])
        check_same_size(first, second)
        return of_input.convert(first), of_target.convert(second)


def paired_images(
    keys: Sequence[RecordKey],
    inputs: Sequence[Path],
    targets: Sequence[Path],
    readers: tuple[ImageReader, ImageReader],
    *,
    name: str,
) -> Records:
    """Records of given files of inputs and of true outputs, in the order of the keys.

    Args:
        keys: one per record.
        inputs: one per record.
        targets: one per record.
        readers: how inputs and true outputs are read.
        name: what to call the set.
    """
    load = _TwoFiles(tuple(map(str, inputs)), tuple(map(str, targets)), readers)
    return Records(keys, load, ImageTruth(readers[1].channels), name)


class Paired(PairKeys, FindingKeys, Grouping):
    """Fields of a reader of pairs of images."""


class PairsReader(Paired):
    """A folder of inputs and a folder of true outputs, matched by stem.

    Both are resized bilinearly with antialiasing.
    """

    name: ClassVar[str] = "pairs"
    summary: ClassVar[str] = "a folder of inputs and a folder of true outputs, matched by stem"

    root: Located = Field(
        Path(), validate_default=True, description="what inputs and targets are relative to"
    )
    inputs: Path = Field(Path("inputs"), description="folder of input images")
    targets: Path = Field(Path("targets"), description="folder of true outputs")

    def open(self) -> Records:
        inputs, targets = self.root / self.inputs, self.root / self.targets
        files = matched(self.found(inputs), self.found(targets), ("input", "target"))
        return paired_images(
            [self.key(stem) for stem, _, _ in files],
            [path for _, path, _ in files],
            [path for _, _, path in files],
            self.image_readers(),
            name=inputs.name,
        )

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        found, seen = [], set()
        for one in matching_folders(folder, pictures_in, ("input", "target")):
            both = frozenset((one.first, one.second))
            first = [paths[0] for paths, _ in one.files.values()]
            second = [path for _, path in one.files.values()]
            if both in seen or look_like_masks(first) or look_like_masks(second):
                continue
            seen.add(both)
            if not sizes_agree(one):
                continue
            settings: dict[str, Any] = {
                "root": folder,
                "inputs": relative(folder, one.first),
                "targets": relative(folder, one.second),
            }
            for key, files in (("channels", first), ("target_channels", second)):
                bands = bands_of(files)
                settings |= {} if bands in (None, 3) else {key: bands}
            evidence = f"{one.counted}, and neither look like masks; inputs may be either"
            settings |= left_out(one.alone)
            found.append(Recognised(settings, evidence, "likely", one.lacking, tuple(first)))
        return found


def read_pairs(inputs: Path, targets: Path, *, name: str | None = None, **options: Any) -> Records:
    """Records of a folder of inputs and a folder of true outputs, matched by stem.

    Args:
        inputs: folder of images.
        targets: folder of images, one per input.
        name: what to call the set; the input folder's name if None.
        **options: fields of :class:`PairsReader`: ``size``, ``channels``, ``target_channels``,
            ``range``, ``target_range``, ``exif``, ``array``, ``exclude``, ``subfolders``,
            ``subject``, ``group``.

    Raises:
        InputError: a missing folder, an image without its partner, an option that does not fit.
    """
    return read(PairsReader, name=name, inputs=inputs, targets=targets, **options)
