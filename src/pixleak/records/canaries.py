"""Canaries: records with a wrong label map, each trained on or not by the toss of a coin.

A model can only predict the truth of a canary by memorising it, so a few canaries reveal
memorisation that ordinary records hide. Since an independent coin decided about each of them, the
success of an attacker's guesses bounds the training's epsilon from below.

``shifted``
    The label map is rolled around by a random offset of a quarter to three quarters of its size.
``relabelled``
    The classes are exchanged by a random permutation that leaves none in place (with two classes
    the mask is inverted). Ignored pixels stay ignored.

Source:
    Steinke, Nasr, Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS 2023,
    arXiv:2305.08846 (with mislabelled images of a classifier). The two kinds are of pixleak.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pixleak.core.errors import InputError, setting
from pixleak.core.truth import LabelTruth, Truth
from pixleak.records.base import Load, Records

CanaryKind = Literal["shifted", "relabelled"]


@dataclass(frozen=True)
class _Altered:
    """Loads records, some of them with another truth; picklable."""

    load: Load
    truth: Truth
    kind: CanaryKind
    seeds: Mapping[int, int]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        image, labels = self.load(index)
        if index not in self.seeds:
            return image, labels
        generator = np.random.default_rng(self.seeds[index])
        if self.kind == "shifted" or not isinstance(self.truth, LabelTruth):
            return image, _shifted(labels, generator)
        return image, _relabelled(labels, self.truth, generator)


def with_canaries(records: Records, ids: Sequence[str], kind: CanaryKind, *, seed: int) -> Records:
    """The same records, of which those with these ids are made into canaries.

    Args:
        records: with label maps or true images.
        ids: of the canaries.
        kind: how their truths are made wrong; true images can only be shifted.
        seed: of the offsets and permutations; every canary has its own.

    Raises:
        InputError: true images cannot be relabelled, or an id is not among the records.
    """
    if not isinstance(records.truth, LabelTruth) and kind != "shifted":
        raise InputError(
            f"{records.name}: the truth of these records is an image, whose classes cannot be "
            f"exchanged; set {setting('canaries.kind')} to shifted"
        )
    position = {key: i for i, key in enumerate(records.ids)}
    if missing := [key for key in ids if key not in position]:
        raise InputError(f"{records.name}: there is no record {missing[0]!r}")
    seeds = {position[key]: seed + n for n, key in enumerate(ids)}
    load = _Altered(records.load, records.truth, kind, seeds)
    return Records(records.keys, load, records.truth, records.name)


def toss(ids: Sequence[str], *, seed: int) -> tuple[str, ...]:
    """The ids that are trained on: each with probability one half, independently of the others."""
    heads = np.random.default_rng(seed).random(len(ids)) < 0.5
    return tuple(key for key, inside in zip(ids, heads, strict=True) if inside)


def _shifted(truth: Tensor, generator: np.random.Generator) -> Tensor:
    sides = truth.shape[-2:]
    offsets = [int(generator.integers(size // 4, size - size // 4 + 1)) for size in sides]
    return torch.roll(truth, offsets, dims=(-2, -1))


def _relabelled(labels: Tensor, truth: LabelTruth, generator: np.random.Generator) -> Tensor:
    # A cycle through all classes in random order leaves none in place.
    order = generator.permutation(truth.classes)
    new = np.empty(truth.classes, dtype=np.int64)
    new[order] = np.roll(order, 1)
    valid = torch.ones_like(labels, dtype=torch.bool)
    if truth.ignore is not None:
        valid = labels != truth.ignore
    exchanged = torch.from_numpy(new)[labels.clamp(0, truth.classes - 1)]
    return torch.where(valid, exchanged.to(labels.dtype), labels)
