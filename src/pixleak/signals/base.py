"""What a signal is: pixels of one query -> one number (or a family of numbers) a record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pixleak.core.tables import Bools, Floats, SignalInfo


@dataclass(frozen=True, eq=False)
class Columns:
    """What a signal measured on b records.

    Args:
        values: (b, c) float64, meaningless where not ``measured``.
        measured: (b, c) bool.
    """

    values: Floats
    measured: Bools

    @classmethod
    def single(cls, values: Floats, measured: Bools | None = None) -> Columns:
        """One column from (b,) values, measured everywhere unless told."""
        known = np.ones(len(values), dtype=np.bool_) if measured is None else measured
        return cls(values[:, None], known[:, None])

    @classmethod
    def means(cls, sums: Floats, counts: NDArray[np.int64]) -> Columns:
        """(b, c) sums over (b, c) counts; not measured where the count is 0."""
        measured = counts > 0
        return cls(sums / np.where(measured, counts, 1), measured)


@dataclass(frozen=True)
class Signal(ABC):
    """A frozen dataclass of parameters that reduces pixels to one column, or to a family of them.

    A subclass sets ``info`` (what the table of signals lists) and writes :meth:`measure`; a
    family (one column a class, a border band, ...) also overrides :meth:`infos`. It reads
    :class:`~pixleak.signals.pixels.labels.Pixels` only (a generator's,
    :class:`~pixleak.signals.pixels.images.ImagePixels`) and never couples the records of a batch;
    :func:`pixleak.testing.signals.check_signal` tests both. One that asks the model about other
    images as well (``Pixels.ask``) says so in ``info.queries``, which
    is its budget.
    """

    on: ClassVar[Literal["labels", "image", "any"]] = "labels"
    """Which kind of truth it is measured on."""
    needs_samples: ClassVar[bool] = False
    """Whether it looks at several answers to one input."""
    optional: ClassVar[bool] = False
    """Whether it is measured only where it is named: it needs an extra, or further queries."""

    @property
    @abstractmethod
    def info(self) -> SignalInfo:
        """Name, unit, which way members lie, what it needs; for a family, of the whole family."""

    @property
    def name(self) -> str:
        """The name in the table of signals."""
        return self.info.name

    def infos(self, truth: Any) -> tuple[SignalInfo, ...]:
        """The c columns that :meth:`measure` yields for records of this kind of truth."""
        return (self.info,)

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Look whether it can be measured here, before anything is trained.

        Raises:
            MissingExtraError: a package that it needs is not installed.
            InputError: weights that it needs cannot be had.
        """

    @abstractmethod
    def measure(self, pixels: Any) -> Columns:
        """The (b, c) values of b records."""
