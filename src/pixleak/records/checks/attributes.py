"""Kinds of records, by what their label maps show, or by what a table says of them.

They serve to find the kind of record that is most exposed: with or without an object, with small
or large objects, with short or long borders, with which classes. Sizes are divided at the thirds
of the records in question, so that every kind has enough records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pixleak.core.tables import Bools, Floats
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records

MANY_CLASSES = 24
"""Sets with more classes than this are not divided by class, nor by a column of as many words."""

_FEW = 5
"""Numbers of which there are no more than this are kinds of their own."""


@dataclass(frozen=True, eq=False)
class Kind:
    """The records of one kind.

    Args:
        family: the property: ``"mask"``, ``"object size"``, ``"border length"``, ``"class"``; for
            generators ``"detail"``, ``"brightness"``; or a column of a table.
        name: the kind within its family, in words.
        holds: (n,) bool, whether a record is of this kind.
    """

    family: str
    name: str
    holds: Bools


def kinds_of(records: Records, *, batch_size: int = 64) -> list[Kind]:
    """Every kind that some of the records belong to, but not all.

    Args:
        records: n records; for generators, the true images count.
        batch_size: records loaded at once.
    """
    truth = records.truth
    if not isinstance(truth, LabelTruth):
        return _kinds_of_images(records, batch_size)
    shares, borders = _measured(records, truth, batch_size)
    found: list[Kind] = []
    filled: Bools = np.ones(len(shares), dtype=bool)
    if truth.background is not None:
        size = 1 - shares[:, truth.background]
        filled = size > 0
        found += [Kind("mask", "empty mask", ~filled), Kind("mask", "with an object", filled)]
        found += _thirds("object size", size, filled, ("small", "medium", "large"), "of the image")
    found += _thirds("border length", borders, filled, ("short", "medium", "long"), "of the pixels")
    if 2 < truth.classes <= MANY_CLASSES:
        for label in range(truth.classes):
            if label != truth.background:
                name = truth.name_of(label)
                found.append(Kind("class", f"with {name}", shares[:, label] > 0))
    return [kind for kind in found if 0 < kind.holds.sum() < len(kind.holds)]


def kinds_by_column(rows: Sequence[Mapping[str, str]]) -> tuple[list[Kind], list[str]]:
    """Every kind that the columns of a table divide the records into.

    Words are kinds, and so are numbers of which there are few; many numbers are divided at their
    thirds. Records without a value belong to no kind of that column.

    Args:
        rows: n records, column -> value.

    Returns:
        the kinds that some of the records belong to, but not all; and the columns with too many
        words to divide by.
    """
    found: list[Kind] = []
    crowded: list[str] = []
    for column in dict.fromkeys(name for row in rows for name in row):
        values = np.array([row.get(column, "") for row in rows])
        known: Bools = values != ""
        words = sorted(set(values[known].tolist()))
        numbers = _numbers(values)
        if numbers is not None and len(words) > _FEW:
            found += _thirds_of_numbers(column, numbers, known)
        elif len(words) > MANY_CLASSES:
            crowded.append(column)
        else:
            found += [Kind(column, word, values == word) for word in words]
    return [kind for kind in found if 0 < kind.holds.sum() < len(rows)], crowded


def _numbers(values: NDArray[np.str_]) -> Floats | None:
    """(n,) finite numbers, NaN where there is no value; None if a value is none."""
    try:
        numbers: Floats = np.array([float(one) if one else np.nan for one in values.tolist()])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers[values != ""]).all() else None


def _thirds_of_numbers(column: str, numbers: Floats, known: Bools) -> Iterator[Kind]:
    low, high = np.quantile(numbers[known], [1 / 3, 2 / 3])
    if not low < high:
        return
    yield Kind(column, f"up to {low:.4g}", known & (numbers <= low))
    yield Kind(column, f"{low:.4g} to {high:.4g}", known & (numbers > low) & (numbers <= high))
    yield Kind(column, f"over {high:.4g}", known & (numbers > high))


def _kinds_of_images(records: Records, batch_size: int) -> list[Kind]:
    detail, brightness = [], []
    for batch in records.batches(batch_size):
        images = batch.truths.double()
        across = (images[..., :, 1:] - images[..., :, :-1]).abs().flatten(1)
        down = (images[..., 1:, :] - images[..., :-1, :]).abs().flatten(1)
        detail.append(torch.cat([across, down], dim=1).mean(dim=1).numpy())
        brightness.append(images.flatten(1).mean(dim=1).numpy())
    all_of: Bools = np.ones(len(records), dtype=bool)
    found: list[Kind] = []
    found += _thirds(
        "detail", np.concatenate(detail), all_of, ("smooth", "medium", "detailed"), "a pixel"
    )
    found += _thirds(
        "brightness", np.concatenate(brightness), all_of, ("dark", "medium", "bright"), "of white"
    )
    return [kind for kind in found if 0 < kind.holds.sum() < len(kind.holds)]


def _measured(records: Records, truth: LabelTruth, batch_size: int) -> tuple[Floats, Floats]:
    """(n, K) shares of the classes among the valid pixels, (n,) share of pixels at an edge."""
    shares, borders = [], []
    for batch in records.batches(batch_size):
        labels = batch.truths
        valid = torch.ones_like(labels, dtype=torch.bool)
        if truth.ignore is not None:
            valid = labels != truth.ignore
        total = valid.sum(dim=(1, 2)).clamp(min=1).double()
        counts = [
            ((labels == c) & valid).sum(dim=(1, 2)).double() / total for c in range(truth.classes)
        ]
        shares.append(torch.stack(counts, dim=1).numpy())
        edge = torch.zeros_like(valid)
        for one, other in (
            ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
            (
                (slice(None), slice(None), slice(1, None)),
                (slice(None), slice(None), slice(None, -1)),
            ),
        ):
            differs = (labels[one] != labels[other]) & valid[one] & valid[other]
            edge[one] |= differs
            edge[other] |= differs
        borders.append((edge.sum(dim=(1, 2)).double() / total).numpy())
    return np.concatenate(shares), np.concatenate(borders)


def _thirds(
    family: str, values: Floats, among: Bools, words: tuple[str, str, str], of: str
) -> Iterator[Kind]:
    if among.sum() < len(words):
        return
    low, high = np.quantile(values[among], [1 / 3, 2 / 3])
    if not low < high:
        return
    yield Kind(family, f"{words[0]} (up to {100 * low:.3g} % {of})", among & (values <= low))
    middle = among & (values > low) & (values <= high)
    yield Kind(family, f"{words[1]} ({100 * low:.3g} to {100 * high:.3g} %)", middle)
    yield Kind(family, f"{words[2]} (over {100 * high:.3g} %)", among & (values > high))
