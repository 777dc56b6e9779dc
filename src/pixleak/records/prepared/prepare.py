"""Prepared records on disk, validated once and shared by all models and worker processes.

One pass decodes, validates and digests every record and writes two plain arrays. Reading a record
back is a seek and a copy; nothing stays mapped or open, so memory is bounded by the batch, and a
prepared set pickles as its path. ``index.json`` is written last: a folder without it was never
finished.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixleak.core.disk.whole_files import replaced, writing
from pixleak.core.errors import InputError, told
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.base import Batch, Record, RecordKey, Records
from pixleak.records.checks.repeated_reads import check_repeatable
from pixleak.records.prepared.array_files import (
    MemoryArray,
    RaggedArray,
    StoredArray,
    flatten_header,
    write_header,
)
from pixleak.records.prepared.validate import validate

FORMAT = 1
INDEX, IMAGES, TRUTHS = "index.json", "images.npy", "truths.npy"


@dataclass(frozen=True)
class _Load:
    """Reads chosen records of a prepared folder; holds paths, not data."""

    images: StoredArray | RaggedArray | MemoryArray
    truths: StoredArray | RaggedArray | MemoryArray
    positions: tuple[int, ...]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        images, truths = self.stacked([index])
        return images[0], truths[0]

    def stacked(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """(b, c, h, w) images and b truths."""
        positions = [self.positions[i] for i in indices]
        truths = torch.from_numpy(self.truths.read(positions))
        if not truths.is_floating_point():
            truths = truths.long()
        return torch.from_numpy(self.images.read(positions)), truths


class PreparedRecords(Records):
    """Validated records in a folder; made by :func:`prepare` or :func:`open_prepared`.

    Args:
        keys: one per record.
        load: reads the i-th record.
        truth: what kind of truth they have.
        name: what to call the set.
        folder: where the arrays are.
        digests: n SHA-256 hex digests, each over a record's id, subject, group, image and truth.
    """

    load: _Load

    def __init__(
        self,
        keys: Sequence[RecordKey],
        load: _Load,
        truth: Truth,
        name: str,
        *,
        folder: Path,
        digests: tuple[str, ...],
    ) -> None:
        super().__init__(keys, load, truth, name)
        self.folder = folder
        self.digests = digests

    @property
    def image_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """(c, h, w) of the images: one shape, or n where heights or widths differ."""
        if not isinstance(self.load.images, RaggedArray):
            channels, height, width = self.load.images.shape
            return ((channels, height, width),)
        every = [self.load.images.shapes[i] for i in self.load.positions]
        found = tuple((channels, height, width) for channels, height, width in every)
        return found[:1] if len(set(found)) == 1 else found

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of every image; of the one of median size, where they differ."""
        ordered = sorted(self.image_shapes, key=lambda one: (one[1] * one[2], one))
        return ordered[len(ordered) // 2]

    @property
    def digest(self) -> str:
        """SHA-256 hex over the digests, in order, and the kind of truth."""
        total = hashlib.sha256(json.dumps(_describe(self.truth), sort_keys=True).encode())
        for one in self.digests:
            total.update(bytes.fromhex(one))
        return total.hexdigest()

    def select(self, ids: Sequence[str]) -> PreparedRecords:
        missing = [i for i in ids if i not in self._position]
        if missing:
            raise InputError(f"{self.name}: there is no record {missing[0]!r}")
        chosen = [self._position[i] for i in ids]
        positions = tuple(self.load.positions[i] for i in chosen)
        return PreparedRecords(
            [self.keys[i] for i in chosen],
            _Load(self.load.images, self.load.truths, positions),
            self.truth,
            self.name,
            folder=self.folder,
            digests=tuple(self.digests[i] for i in chosen),
        )

    def in_memory(self, arrays: Mapping[str, Any]) -> PreparedRecords:
        """The same records, read from arrays instead of files.

        Args:
            arrays: file name -> content, for all files of the folder.
        """
        assert len(self.image_shapes) == 1, "records to train on are of one size"
        images, truths = MemoryArray(arrays[IMAGES]), MemoryArray(arrays[TRUTHS])
        return PreparedRecords(
            self.keys,
            _Load(images, truths, self.load.positions),
            self.truth,
            self.name,
            folder=self.folder,
            digests=self.digests,
        )

    def batch(self, indices: Sequence[int]) -> Batch:
        images, truths = self.load.stacked(indices)
        return Batch(tuple(self.keys[i].id for i in indices), images, truths)

    def batches(self, size: int) -> Iterator[Batch]:
        start = 0
        shapes = self.image_shapes
        while start < len(self):
            stop = min(start + size, len(self))
            if len(shapes) > 1:
                stop = next((i for i in range(start, stop) if shapes[i] != shapes[start]), stop)
            yield self.batch(range(start, stop))
            start = stop


def prepare(
    records: Records, folder: Path, *, on_progress: Callable[[int, int], None] | None = None
) -> PreparedRecords:
    """Validate all records and write them to a folder, in one pass.

    A set that was prepared there before is replaced; a run that is killed leaves nothing that could
    be mistaken for a finished set.

    Args:
        records: to prepare.
        folder: created if it is missing.
        on_progress: called with (done, total) after each record.

    Raises:
        InputError: a record that cannot be loaded, that differs when it is read again, or that
            :func:`~pixleak.records.prepared.validate.validate` refuses; no space, or no permission.
    """
    folder = Path(folder)
    index = folder / INDEX
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # Removed before the arrays change, so that an old index never describes new arrays.
        index.unlink(missing_ok=True)
    digests: list[str] = []
    shape: tuple[int, ...] | None = None
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    truth_dtype = _truth_dtype(records.truth)
    with ExitStack() as stack:
        images = _opened(stack, folder / IMAGES)
        truths = _opened(stack, folder / TRUTHS)
        for position in range(len(records)):
            record = _loaded(records, position)
            validate(record, records.truth, shape, records.name)
            image = np.ascontiguousarray(record.image.detach().cpu().numpy(), dtype="<f4")
            truth = np.ascontiguousarray(record.truth.detach().cpu().numpy(), dtype=truth_dtype)
            if shape is None:
                shape = image.shape
                _check_space(folder, len(records), shape, image.nbytes + truth.nbytes)
                write_header(images, "<f4", len(records), image.shape)
                write_header(truths, truth_dtype, len(records), truth.shape)
            images.write(image.data)
            truths.write(truth.data)
            shapes.append((image.shape, truth.shape))
            digests.append(_digest(record.key, image, truth))
            if on_progress is not None:
                on_progress(position + 1, len(records))
        ragged = len(set(shapes)) > 1
        if ragged:
            for file, dtype, which in ((images, "<f4", 0), (truths, truth_dtype, 1)):
                flatten_header(file, dtype, sum(int(np.prod(one[which])) for one in shapes))
    content: dict[str, Any] = {
        "format": FORMAT,
        "name": records.name,
        "truth": _describe(records.truth),
        "keys": [[key.id, key.subject, key.group] for key in records.keys],
        "digests": digests,
    }
    if ragged:
        content["shapes"] = shapes
    check_repeatable(records)
    with replaced(index) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")
    return open_prepared(folder)


def _opened(stack: ExitStack, path: Path) -> BinaryIO:
    """A file that replaces ``path`` when the stack ends without an error."""
    temporary = stack.enter_context(replaced(path))
    return stack.enter_context(temporary.open("w+b", buffering=1 << 20))


def _loaded(records: Records, position: int) -> Record:
    """A record, or an error that names the record, whatever its reader raised."""
    try:
        return records[position]
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{records.name}: record {records.keys[position].id!r} cannot be loaded: {told(error)}"
        ) from error


def _check_space(folder: Path, count: int, shape: tuple[int, ...], bytes_each: int) -> None:
    """Refuse before hours of decoding rather than after."""
    needed, free = count * bytes_each, shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"no space left to write {folder}: {count} records of {' x '.join(map(str, shape))} "
            f"need {needed / 1e6:,.1f} MB, {free / 1e6:,.1f} MB are free; free some space, choose "
            "another folder, or resize the records"
        )


def open_prepared(folder: Path) -> PreparedRecords:
    """A set that :func:`prepare` wrote before.

    Raises:
        InputError: there is none, it was never finished, or its files are damaged.
    """
    folder = Path(folder)
    index = folder / INDEX
    if not index.is_file():
        raise InputError(f"{folder} holds no finished set of prepared records; prepare it again")
    try:
        content = json.loads(index.read_text(encoding="utf-8"))
        found = content["format"]
        keys = [RecordKey(*key) for key in content["keys"]]
        truth = _truth(content["truth"])
        digests, name = tuple(content["digests"]), content["name"]
        shapes = content.get("shapes")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{index} is damaged ({error}); prepare the records again") from error
    if found != FORMAT:
        raise InputError(
            f"{index} has format {found}, this pixleak reads {FORMAT}; prepare the records again"
        )
    images: StoredArray | RaggedArray
    truths: StoredArray | RaggedArray
    if shapes is None:
        images, truths = StoredArray.open(folder / IMAGES), StoredArray.open(folder / TRUTHS)
    else:
        images = RaggedArray.open(folder / IMAGES, [one for one, _ in shapes])
        truths = RaggedArray.open(folder / TRUTHS, [one for _, one in shapes])
    if not images.length == truths.length == len(keys) == len(digests):
        raise InputError(f"{folder}: its files disagree; prepare the records again")
    load = _Load(images, truths, tuple(range(len(keys))))
    return PreparedRecords(keys, load, truth, name, folder=folder, digests=digests)


def _digest(key: RecordKey, image: NDArray[Any], truth: NDArray[Any]) -> str:
    """SHA-256 over a record's key, image and truth; independent of how the truth is stored."""
    wide = truth.astype("<i8") if truth.dtype.kind in "iu" else truth
    head = json.dumps([key.id, key.subject, key.group, image.shape, wide.shape])
    total = hashlib.sha256(head.encode())
    total.update(image.data)
    total.update(np.ascontiguousarray(wide).data)
    return total.hexdigest()


def _truth_dtype(truth: Truth) -> str:
    """The smallest type that holds every allowed value of a truth, in little-endian order."""
    if isinstance(truth, ImageTruth):
        return "<f4"
    ignore = 0 if truth.ignore is None else truth.ignore
    low, high = min(0, ignore), max(truth.classes - 1, ignore)
    for name in ("|u1", "|i1", "<u2", "<i2", "<i4"):
        span = np.iinfo(np.dtype(name))
        if span.min <= low and high <= span.max:
            return name
    return "<i8"


def _describe(truth: Truth) -> dict[str, Any]:
    kind = "labels" if isinstance(truth, LabelTruth) else "image"
    return {"kind": kind, **asdict(truth)}


def _truth(described: Mapping[str, Any]) -> Truth:
    fields = {name: value for name, value in described.items() if name != "kind"}
    if described["kind"] == "image":
        return ImageTruth(**fields)
    return LabelTruth(**{**fields, "names": tuple(fields["names"])})
