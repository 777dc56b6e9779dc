"""Arrays of n equal items in .npy files, written item by item and read by position.

They are read rather than mapped into memory: the pages of a map count as memory of every process
that touched them, while a read is bounded by what was asked for and still served from the system's
shared cache. Nothing stays open, so an array pickles as its path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError


@dataclass(frozen=True)
class StoredArray:
    """An array on disk.

    Args:
        path: .npy file, C order.
        dtype: of its items, ``"<f4"``.
        shape: (...) of one item.
        length: number of items n.
        offset: bytes before the first item.
    """

    path: Path
    dtype: str
    shape: tuple[int, ...]
    length: int
    offset: int

    @classmethod
    def open(cls, path: Path) -> StoredArray:
        """Inspect the header and size of a file.

        Raises:
            InputError: the file is missing, truncated, or not a .npy file.
        """
        try:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path} is missing or damaged: {error}") from error
        if not isinstance(mapped, np.memmap) or mapped.ndim < 2 or np.isfortran(mapped):
            raise InputError(f"{path} does not hold an array of records")
        length, *shape = mapped.shape
        return cls(Path(path), mapped.dtype.str, tuple(shape), length, mapped.offset)

    def read(self, positions: Sequence[int]) -> NDArray[Any]:
        """(b, ...) items at these positions; consecutive ones are read together.

        Raises:
            InputError: the file is gone, or has shrunk.
        """
        dtype = np.dtype(self.dtype)
        size = int(np.prod(self.shape))
        items = np.empty((len(positions), *self.shape), dtype=dtype)
        try:
            for at, start, length in _runs(positions):
                offset = self.offset + start * size * dtype.itemsize
                values = np.fromfile(self.path, dtype, length * size, offset=offset)
                items[at : at + length] = values.reshape(length, *self.shape)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path} cannot be read any more: {error}") from error
        return items


@dataclass(frozen=True)
class RaggedArray:
    """Arrays of several shapes on disk, one after the other.

    Args:
        path: .npy file of one dimension.
        dtype: of the values, ``"<f4"``.
        shapes: n shapes of the items.
        starts: (n,) position of each item's first value.
        offset: bytes before the first value.
    """

    path: Path
    dtype: str
    shapes: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]
    offset: int

    @classmethod
    def open(cls, path: Path, shapes: Sequence[Sequence[int]]) -> RaggedArray:
        """Inspect the header and size of a file.

        Args:
            path: of the file.
            shapes: of the items.

        Raises:
            InputError: the file is missing, truncated, or holds other items.
        """
        try:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path} is missing or damaged: {error}") from error
        sizes = [int(np.prod(shape)) for shape in shapes]
        if not isinstance(mapped, np.memmap) or mapped.shape != (sum(sizes),):
            raise InputError(f"{path} does not hold an array of records")
        starts = np.cumsum([0, *sizes[:-1]]).tolist()
        kept = tuple(tuple(map(int, shape)) for shape in shapes)
        return cls(Path(path), mapped.dtype.str, kept, tuple(starts), mapped.offset)

    @property
    def length(self) -> int:
        """Number of items n."""
        return len(self.shapes)

    def read(self, positions: Sequence[int]) -> NDArray[Any]:
        """(b, ...) items at these positions, which have one shape.

        Raises:
            InputError: the file is gone, or has shrunk.
        """
        dtype, shape = np.dtype(self.dtype), self.shapes[positions[0]]
        items = np.empty((len(positions), *shape), dtype=dtype)
        for row, at in enumerate(positions):
            assert self.shapes[at] == shape, "items of several shapes cannot be stacked"
            offset = self.offset + self.starts[at] * dtype.itemsize
            try:
                values = np.fromfile(self.path, dtype, int(np.prod(shape)), offset=offset)
                items[row] = values.reshape(shape)
            except (OSError, ValueError) as error:
                raise InputError(f"{self.path} cannot be read any more: {error}") from error
        return items


@dataclass(frozen=True, eq=False)
class MemoryArray:
    """The same in memory, for processes that cannot read the file.

    Args:
        values: (n, ...).
    """

    values: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item."""
        return self.values.shape[1:]

    @property
    def length(self) -> int:
        """Number of items n."""
        return len(self.values)

    def read(self, positions: Sequence[int]) -> NDArray[Any]:
        """(b, ...) items at these positions, a copy."""
        return self.values[list(positions)]


def _runs(positions: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(index into positions, first position, length) of runs of consecutive positions."""
    at = 0
    while at < len(positions):
        length = 1
        while at + length < len(positions) and positions[at + length] == positions[at] + length:
            length += 1
        yield at, positions[at], length
        at += length


def flatten_header(file: BinaryIO, dtype: str, total: int) -> None:
    """Turn the header of a .npy file into one of ``total`` values in one dimension, in place."""
    file.flush()
    file.seek(8)
    length = int.from_bytes(file.read(2), "little")
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': ({total},), }}"
    assert len(text) < length, "the header of several dimensions is longer"
    file.seek(10)
    file.write(text.ljust(length - 1).encode("latin-1") + b"\n")
    file.seek(0, 2)


def write_header(file: BinaryIO, dtype: str, length: int, shape: tuple[int, ...]) -> None:
    """Begin a .npy file of ``length`` items, whose bytes follow in C order."""
    np.lib.format.write_array_header_1_0(
        file, {"descr": dtype, "fortran_order": False, "shape": (length, *shape)}
    )
