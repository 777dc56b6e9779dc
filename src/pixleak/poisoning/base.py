"""The interface of poisons: records that the attacker alters before the target is trained on them.

A poison determines which records are altered, and how. Random choices come from a generator that is
seeded by the record, so a record is poisoned identically in every epoch, process and model. Some
poisons *replace* training records, whose clean originals are then in no model; others *add* altered
copies of records that will be attacked, whether or not the clean records are trained on.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
from numpy.random import Generator
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.registry import Configured
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.base import Load, RecordKey, Records


@dataclass(frozen=True, kw_only=True)
class Poison(Configured, ABC):
    """A frozen dataclass of parameters, determined by its name and its fields."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    """One line for ``pixleak list``."""
    source: ClassVar[str]
    takes: ClassVar[Literal["members", "audited"]]
    """``"members"``: replaces training records; ``"audited"``: adds copies of audited records."""
    needs_background: ClassVar[bool] = False
    """Whether it needs a background class, which empty masks consist of."""
    success_threshold: ClassVar[float]
    """The :meth:`effect` from which the poison counts as successful on a record."""
    success_description: ClassVar[str]
    """What the model does if successful: words that follow "on ... records"."""

    @property
    def copies_per_record(self) -> int:
        """Number of copies of each poisoned record in the training set."""
        return 1

    def check(self, truth: Truth) -> None:
        """Refuse records that cannot be poisoned this way.

        Raises:
            InputError: true images, or label maps without a background that is needed.
        """
        if isinstance(truth, ImageTruth):
            raise InputError(
                f"poison {self.name!r} changes label maps, but the truth of these records is an "
                "image: there is no poison for generators, leave poison out"
            )
        if self.needs_background and truth.background is None:
            raise InputError(
                f"poison {self.name!r} empties masks, but these records have no background class: "
                "declare background, or leave poison out"
            )

    @abstractmethod
    def select(self, unit_of: Mapping[str, str], *, seed: int) -> tuple[str, ...]:
        """Select the records to alter, in whole units, independently of membership.

        Args:
            unit_of: record id -> unit (subject or block) that must stay together, in order.
            seed: of the selection.
        """

    @final
    def apply(
        self, key: str, image: Tensor, labels: Tensor, truth: LabelTruth, *, seed: int
    ) -> tuple[Tensor, Tensor]:
        """Poison one record; the inputs are not changed.

        Args:
            key: the record's id, which together with ``seed`` determines all random choices.
            image: (c, h, w) in [0, 1].
            labels: (h, w).
            truth: meaning of the labels.
            seed: of the audit.

        Raises:
            InputError: the record is too small, or its image out of range.
        """
        draws = np.random.default_rng(_number(seed, "draws", key))
        return self._apply(key, image.clone(), labels.clone(), truth, draws)

    @abstractmethod
    def _apply(
        self, key: str, image: Tensor, labels: Tensor, truth: LabelTruth, draws: Generator
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`apply`; image and labels may be written to."""

    @abstractmethod
    def effect(
        self, clean: Tensor, triggered: Tensor, labels: Tensor, poisoned: Tensor, truth: LabelTruth
    ) -> float | None:
        """How successful the poison is on one record, 0 to 1.

        Args:
            clean: (h, w) labels that the model predicts for the clean image.
            triggered: (h, w) labels that it predicts for the poisoned image.
            labels: (h, w) true labels of the record.
            poisoned: (h, w) labels of the poisoned record.
            truth: meaning of the labels.

        Returns:
            None if it cannot be measured on this record.
        """


def with_copies(
    records: Records, poison: Poison, ids: Sequence[str], *, seed: int
) -> tuple[Records, tuple[str, ...]]:
    """The same records, followed by poisoned copies of some of them.

    Args:
        records: with label maps.
        poison: that alters the copies.
        ids: of the records to copy.
        seed: of random choices, together with a record's id.

    Returns:
        The records, and the ids of the copies: ``"poison-DIGEST/ID"``, with ``#1``, ``#2``, ...
        if there are several of one record. The digest is of poison and seed, so that an id
        identifies the content.

    Raises:
        InputError: an id is not among the records, or they cannot be poisoned this way.
    """
    poison.check(records.truth)
    assert isinstance(records.truth, LabelTruth)
    at = {key: i for i, key in enumerate(records.ids)}
    if missing := [key for key in ids if key not in at]:
        raise InputError(f"{records.name}: there is no record {missing[0]!r}")
    ends = [f"#{k + 1}" for k in range(poison.copies_per_record)]
    ends = ends if len(ends) > 1 else [""]
    origins = [at[key] for key in ids for _ in ends]
    told = hashlib.sha256(f"{seed}/{poison!r}".encode()).hexdigest()[:8]
    keys = [
        RecordKey(
            f"poison-{told}/{key}{end}", records.keys[at[key]].subject, records.keys[at[key]].group
        )
        for key in ids
        for end in ends
    ]
    load = _Copied(
        records.load,
        len(records),
        tuple(origins),
        tuple(records.keys[i].id for i in origins),
        poison,
        records.truth,
        seed,
    )
    together = Records([*records.keys, *keys], load, records.truth, records.name)
    return together, tuple(key.id for key in keys)


@dataclass(frozen=True)
class _Copied:
    """Loads records, followed by poisoned copies; picklable."""

    load: Load
    count: int
    origins: tuple[int, ...]
    ids: tuple[str, ...]
    poison: Poison
    truth: LabelTruth
    seed: int

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        if index < self.count:
            return self.load(index)
        copy = index - self.count
        image, labels = self.load(self.origins[copy])
        return self.poison.apply(self.ids[copy], image, labels, self.truth, seed=self.seed)


def coin(seed: int, unit: str) -> float:
    """A number in [0, 1) that depends only on the seed and the unit."""
    return float(np.random.default_rng(_number(seed, "coin", unit)).random())


def _number(seed: int, purpose: str, key: str) -> int:
    """A separate seed for every record and purpose, independent of the record's position."""
    return int(hashlib.sha256(f"{seed}/poison/{purpose}/{key}".encode()).hexdigest()[:16], 16)
