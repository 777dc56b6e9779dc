"""What a signal is: pixels of one query -> one number, or a family of numbers, per record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pixleak.core.access import Access
from pixleak.core.tables import Bools, Floats, SignalInfo
from pixleak.core.truth import Truth, kind_of

SOFT = (Access.PROBABILITY, Access.LOGIT)
"""Access to a segmenter that reveals more than labels."""

OF_IMAGES = (Access.IMAGE, Access.DISCRIMINATOR)
"""Access to a generator."""


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
        """One column from (b,) values, measured everywhere unless ``measured`` says otherwise."""
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
    family (one column per class, per border band, ...) also overrides :meth:`infos`. It reads
    :class:`~pixleak.signals.pixels.labels.Pixels` only (for generators,
    :class:`~pixleak.signals.pixels.images.ImagePixels`) and never couples the records of a batch;
    :func:`pixleak.testing.check_signal` tests both. A signal that also queries the model about
    other images (``Pixels.ask``) states its budget in ``info.queries``. Every parameter has a
    default, so that the table can make one by name.

    The class attributes say where an audit uses the signal unless the request says otherwise.
    """

    on: ClassVar[Literal["labels", "image", "any"]] = "labels"
    """Which kind of truth it is measured on."""
    needs_samples: ClassVar[bool] = False
    """Whether it looks at several answers to one input."""
    optional: ClassVar[bool] = False
    """Whether it is measured only where it is named or usual: it needs an extra or further queries.
    All other signals are measured in every audit, since the one query serves them all."""
    usual_at: ClassVar[tuple[Access, ...]] = ()
    """Levels of access at which it is attacked by threshold where a request names no signals."""
    place: ClassVar[int] = 0
    """Its place among the usual signals: lower first, equal ones in the order of the table."""
    rank: ClassVar[int | None] = None
    """Where no attack with a rank of its own is used, the threshold on the signal of lowest rank
    speaks for the audit; None: it never does unless it comes first."""

    @property
    @abstractmethod
    def info(self) -> SignalInfo:
        """Name, unit, which way members lie, what it needs; for a family, of the whole family."""

    @property
    def name(self) -> str:
        """The name in the table of signals."""
        return self.info.name

    @property
    def identity(self) -> str:
        """What determines its values besides the model and the records; kept results go by it."""
        return repr(self)

    @classmethod
    def measured_on(cls, truth: Truth) -> bool:
        """Whether it is for records of this kind of truth."""
        return cls.on in (kind_of(truth), "any")

    @classmethod
    def usual_for(cls, access: Access, samples: int = 1) -> bool:
        """Whether it is attacked by threshold where a request names no signals.

        Args:
            access: what the target's answers reveal.
            samples: answers drawn per record.
        """
        return access in cls.usual_at and (samples > 1 or not cls.needs_samples)

    def infos(self, truth: Any) -> tuple[SignalInfo, ...]:
        """The c columns that :meth:`measure` yields for records of this kind of truth."""
        return (self.info,)

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Check that it can be measured here, before anything is trained.

        Raises:
            MissingExtraError: a package that it needs is not installed.
            InputError: weights that it needs could not be obtained.
        """

    @abstractmethod
    def measure(self, pixels: Any) -> Columns:
        """The (b, c) values of b records."""
