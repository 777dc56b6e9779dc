"""What is in the records of a folder: how many, of which sizes, with which labels, what is wrong.

Classes follow from the values that occur in label maps: the run of values from 0 on, 255 (or 65535)
beside it for ignored pixels, or a mapping where there is no such run. A value that stands apart and
occurs in next to no mask is reported, and is no class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError, PixleakError, told
from pixleak.core.truth import MOST_CLASSES, ImageTruth
from pixleak.records.base import Records
from pixleak.records.readers.base import Labelled, Reader
from pixleak.records.readers.files.layouts import sampled
from pixleak.records.readers.files.raster import Raster, opened
from pixleak.records.readers.files.voxels import ITK, NIFTI, stored_type
from pixleak.records.survey.suggestions import Suggestion

MOST_READ = 1000
"""Records that are read, evenly spread over all; the others are counted."""

_RARE = 0.02  # share of masks in which a value that stands apart is unexpected
_VOID = (255, 65535)
_MOST_COLOURS = 64


@dataclass
class Contents:
    """What was found in the records of a folder.

    Args:
        settings: of the reader, with the classes.
        count: number of records.
        read: number of those that were read.
        subjects: number of subjects; None where records have none.
        truth: in words.
        labels: value in the file -> number of masks that hold it.
        sizes: (height, width) -> number of records.
        values: what kinds of values images hold, in words.
        problems: what is wrong, one sentence each.
    """

    settings: Mapping[str, Any]
    count: int = 0
    read: int = 0
    subjects: int | None = None
    truth: str = ""
    labels: Counter[int] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    values: str = ""
    problems: list[str] = field(default_factory=list)


def contents_of(suggestion: Suggestion, most: int = MOST_READ) -> Contents:
    """Read records of a folder, and say what they are.

    Args:
        suggestion: a reader that recognises the folder.
        most: records to read.
    """
    seen = suggestion.seen
    found = Contents({**seen.settings, **_colours(seen.masks, most)}, problems=list(seen.problems))
    wide = None
    try:
        plain = suggestion.kind.model_validate(found.settings)
        if isinstance(plain, Labelled) and "classes" not in found.settings:
            any_label = {**found.settings, "classes": MOST_CLASSES}
            wide = suggestion.kind.model_validate(any_label).open()
            if getattr(wide.truth, "classes", None) != MOST_CLASSES:
                wide = None  # the folder says itself what the classes are
        records = _opened(plain, wide)
    except PixleakError as error:
        if not found.problems:
            found.problems.append(str(error))
        return found
    found.count = len(records)
    subjects = {key.subject for key in records.keys if key.subject is not None}
    found.subjects = len(subjects) or None
    found.values = _types_of(seen.images)
    if isinstance(records.truth, ImageTruth):
        found.truth = f"images of {records.truth.channels} channels"
    at = np.unique(np.linspace(0, len(records) - 1, min(most, len(records))).round().astype(int))
    if records is not wide and _read(records, at, found, wide):
        if wide is not None:
            found.settings = {**found.settings, "classes": 2}
        return found
    assert wide is not None
    _forget(found, len(seen.problems))
    held = _holders(wide, at, found)
    found.settings = {**found.settings, **_classes(found, held, plain)}
    return found


def _opened(plain: Reader, wide: Records | None) -> Records:
    """The records under the reader's own classes; under any, if some are looked at on opening."""
    try:
        return plain.open()
    except InputError:
        if wide is None:
            raise
        return wide


def _forget(found: Contents, problems: int) -> None:
    found.read = 0
    found.labels, found.sizes = Counter(), Counter()
    del found.problems[problems:]


def _read(
    records: Records, at: NDArray[np.int64], found: Contents, wide: Records | None = None
) -> bool:
    """Note what is in records; False as soon as one can be read under ``wide`` classes alone."""
    for position in at.tolist():
        try:
            image, truth = records.load(position)
        except Exception as error:  # whatever a file makes its decoder raise
            if wide is not None and _loads(wide, position):
                return False
            named = f"{records.ids[position]!r}: {told(error)}"
            found.problems.append(str(error) if isinstance(error, InputError) else named)
            continue
        found.read += 1
        found.sizes[image.shape[-2], image.shape[-1]] += 1
        if not isinstance(records.truth, ImageTruth):
            found.labels.update(np.unique(truth.numpy()).tolist())
    return True


def _loads(records: Records, position: int) -> bool:
    try:
        records.load(position)
    except Exception:  # as above
        return False
    return True


def _holders(wide: Records, at: NDArray[np.int64], found: Contents) -> dict[int, str]:
    """Note what is in records, and which is the first that holds a value."""
    held: dict[int, str] = {}
    for position in at.tolist():
        known = set(found.labels)
        _read(wide, np.array([position]), found)
        held |= {value: wide.ids[position] for value in found.labels if value not in known}
    return held


def _colours(masks: Sequence[Path], most: int) -> dict[str, Any]:
    """The keys that name the colours of masks in colours; none for other masks, or too many."""
    if all(_is_grey(raster) for raster in sampled(masks)):
        return {}
    found: set[tuple[int, ...]] = set()
    for path in masks[:most]:
        try:
            pixels = opened(path, "ignore").coloured
        except InputError:
            continue
        if pixels.dtype != np.uint8 or pixels.shape[2] != 3:
            return {}
        found.update(map(tuple, np.unique(pixels.reshape(-1, 3), axis=0).tolist()))
        if len(found) > _MOST_COLOURS:
            return {}
    names = ["#" + "".join(f"{part:02x}" for part in colour) for colour in sorted(found)]
    return {
        "mask_colours": {name: i for i, name in enumerate(names)},
        "classes": max(2, len(names)),
    }


def _is_grey(raster: Raster) -> bool:
    pixels = raster.pixels
    return raster.palette is not None or not (pixels != pixels[..., :1]).any()


def _classes(found: Contents, held: Mapping[int, str], reader: Reader) -> dict[str, Any]:
    """The keys that say what the labels mean, by the values that occur."""
    counts = found.labels
    rare = max(1, int(_RARE * found.read))
    stray = [
        value
        for value, count in sorted(counts.items())
        if count <= rare < found.read / 5 and value - 1 not in counts and value != 0
    ]
    for value in stray:
        found.problems.append(
            f"the mask of {held[value]!r} holds the value {value}, which only {counts[value]} of "
            f"{found.read} masks {'holds' if counts[value] == 1 else 'hold'}"
        )
    values = [value for value in sorted(counts) if value not in stray]
    run = 0
    while run in values:
        run += 1
    apart = [value for value in values if value >= run]
    if not apart:
        return {"classes": max(run, 2)}
    if values in ([0, 255], [0, 65535], [255], [65535]):
        return {"classes": 2}
    if len(apart) == 1 and apart[0] in _VOID and run >= 2:
        return {"classes": run, "ignore": apart[0]}
    if max(apart) < 2 * len(values) + 8:
        return {"classes": max(apart) + 1}  # some classes do not occur
    key = "remap" if "remap" in type(reader).model_fields else "mask_values"
    if key not in type(reader).model_fields:
        return {"classes": max(apart) + 1}
    return {"classes": len(values), key: {value: i for i, value in enumerate(values)}}


def _types_of(paths: Sequence[Path]) -> str:
    """Formats, types and bands of a few image files, in words."""
    stored = [path for path in paths[:3] if path.name.lower().endswith((*NIFTI, *ITK))]
    kinds = {stored_type(path) for path in stored} - {""}
    kinds |= {
        f"{raster.kind or raster.path.rpartition('.')[2]} of {raster.pixels.dtype}, "
        f"{raster.coloured.shape[2]} band{'s' * (raster.coloured.shape[2] != 1)}"
        for raster in sampled([] if stored else paths)
    }
    return "; ".join(sorted(kinds))
