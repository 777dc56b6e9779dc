"""Checks that a reader keeps its contract.

For authors of readers, here and elsewhere::

    from pixleak.testing import check_reader

    def test_my_reader(tmp_path):
        write_a_few_records(tmp_path)
        check_reader(MyReader(root=tmp_path))

Passing them is necessary and not sufficient: test that the records are what the files say.
"""

from __future__ import annotations

import json
import pickle
import tempfile
from pathlib import Path

import torch

from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import Record, Records
from pixleak.records.readers.base import Reader
from pixleak.testing.common import assert_kebab_case

MOST = 8
"""Records that are loaded, from the first on."""


def check_reader(reader: Reader) -> None:
    """Run every contract check.

    Args:
        reader: with settings under which there are at least two records to read.

    Raises:
        AssertionError: with the check that failed, and how.
        InputError: the records cannot be read.
        MissingExtraError: it needs a package that is not installed.
    """
    check_description(reader)
    records = reader.open()
    assert isinstance(records, Records), f"{reader.name}: open() returns no Records"
    assert len(records) >= 2, f"{reader.name}: the check needs at least two records to read"
    check_recognise(reader)
    for position in range(min(MOST, len(records))):
        check_record(reader, records, position)
    check_repeatable(reader, records)


def check_description(reader: Reader) -> None:
    """It says what it is, is immutable, and can be made again from its configuration."""
    assert_kebab_case(reader.name)
    assert reader.summary.strip(), f"{reader.name}: summary is empty"
    assert reader.model_config.get("frozen"), f"{reader.name}: its settings can be changed"
    written = json.loads(reader.model_dump_json())
    name = written.pop("reader")
    assert name == reader.name, f"{reader.name}: it is written as reader: {name}"
    again = type(reader).model_validate(written)
    assert again == reader, f"{reader.name}: made again from its configuration, it is another"


def check_recognise(reader: Reader) -> None:
    """What it sees in a folder are settings of its own, and it sees nothing in an empty one."""
    kind = type(reader)
    with tempfile.TemporaryDirectory() as empty:
        assert kind.recognise(Path(empty)) == [], f"{reader.name}: it recognises an empty folder"
    root = getattr(reader, "root", None)
    for seen in kind.recognise(root) if isinstance(root, Path) and root.is_dir() else ():
        assert seen.evidence.strip(), f"{reader.name}: it recognises a folder without evidence"
        made = kind.model_validate(dict(seen.settings))
        assert seen.problems or made.open(), f"{reader.name}: it cannot read what it recognises"


def check_record(reader: Reader, records: Records, position: int) -> None:
    """A record is a finite image and a truth of the declared kind, and loads the same again."""
    record, again = records[position], records[position]
    name = f"{reader.name}, record {record.key.id!r}"
    image = record.image
    assert image.ndim == 3, f"{name}: the image has shape {tuple(image.shape)}, not (c, h, w)"
    assert image.dtype is torch.float32, f"{name}: the image is {image.dtype}, not float32"
    assert bool(image.isfinite().all()), f"{name}: the image is not finite"
    _check_truth(name, record, records)
    assert _same(record, again), f"{name}: loading it again gives another record"


def _check_truth(name: str, record: Record, records: Records) -> None:
    truth, kind, size = record.truth, records.truth, record.image.shape[1:]
    if isinstance(kind, LabelTruth):
        assert truth.shape == size, f"{name}: labels of {tuple(truth.shape)}, image of {size}"
        assert truth.dtype is torch.int64, f"{name}: the labels are {truth.dtype}, not int64"
        known = (truth >= 0) & (truth < kind.classes)
        if kind.ignore is not None:
            known |= truth == kind.ignore
        assert bool(known.all()), f"{name}: a label is outside 0..{kind.classes - 1}"
        return
    assert isinstance(kind, ImageTruth)
    expected = (kind.channels, *size)
    assert truth.shape == expected, f"{name}: a true image of {tuple(truth.shape)}, not {expected}"
    assert truth.is_floating_point(), f"{name}: the true image is {truth.dtype}, not floating"
    low, high = float(truth.min()), float(truth.max())
    assert kind.low <= low <= high <= kind.high, (
        f"{name}: the true image spans {low:g}..{high:g}, outside {kind.low:g}..{kind.high:g}"
    )


def check_repeatable(reader: Reader, records: Records) -> None:
    """Opened again, or in another process, the same records come in the same order."""
    last = min(MOST, len(records)) - 1
    for other, deed in (
        (reader.open(), "opened again"),
        (pickle.loads(pickle.dumps(records)), "pickled, as for a worker process"),
    ):
        same = (other.keys, other.truth) == (records.keys, records.truth)
        assert same, f"{reader.name}: {deed}, it has other records"
        same = _same(other[last], records[last])
        assert same, f"{reader.name}: {deed}, record {records.ids[last]!r} is another"


def _same(one: Record, other: Record) -> bool:
    return torch.equal(one.image, other.image) and torch.equal(one.truth, other.truth)
