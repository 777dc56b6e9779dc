from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.base import RecordKey, Records
from pixleak.records.prepared import prepare as module
from pixleak.records.prepared.prepare import open_prepared, prepare
from pixleak.records.readers.phantom import phantom

Held = Callable[..., Records]


def test_what_was_prepared_reads_back_the_same(tmp_path: Path) -> None:
    records = phantom(10, seed=0, size=16, slices_per_subject=2, classes=4, shift=0.5)
    seen: list[tuple[int, int]] = []
    prepared = prepare(records, tmp_path / "p", on_progress=lambda *at: seen.append(at))
    assert seen == [(i, 10) for i in range(1, 11)]
    assert prepared.image_shape == (1, 16, 16)
    assert prepared.name == "phantom"
    for again in (prepared, open_prepared(tmp_path / "p"), pickle.loads(pickle.dumps(prepared))):
        assert again.keys == records.keys
        assert again.truth == records.truth
        assert again.digests == prepared.digests
        assert again.digest == prepared.digest
        for a, b in zip(records, again, strict=True):
            assert torch.equal(a.image, b.image)
            assert torch.equal(a.truth, b.truth)
            assert b.truth.dtype == torch.int64
    # The arrays are plain .npy files, labels in their smallest type; no traces are left.
    assert sorted(p.name for p in (tmp_path / "p").iterdir()) == [
        "images.npy",
        "index.json",
        "truths.npy",
    ]
    assert np.load(tmp_path / "p" / "truths.npy").dtype == np.uint8


SIZES = ((16, 16), (16, 16), (16, 24), (20, 16), (20, 16), (20, 16), (16, 16))


def _of_sizes(generated: bool = False) -> Records:
    """Seven records of three sizes; for generators the truth is an image."""
    draws = torch.Generator().manual_seed(0)
    pairs = []
    for height, width in SIZES:
        image = torch.rand(1, height, width, generator=draws)
        labels = (torch.rand(height, width, generator=draws) > 0.5).long()
        pairs.append((image, image * 0.5 if generated else labels))
    keys = [RecordKey(f"r{i}") for i in range(len(SIZES))]
    truth = ImageTruth(1) if generated else LabelTruth(2)
    return Records(keys, pairs.__getitem__, truth, "sizes")


@pytest.mark.parametrize("generated", [False, True])
def test_records_of_several_sizes_read_back_the_same(tmp_path: Path, generated: bool) -> None:
    records = _of_sizes(generated)
    prepared = prepare(records, tmp_path / "p")
    for again in (prepared, open_prepared(tmp_path / "p"), pickle.loads(pickle.dumps(prepared))):
        assert again.image_shapes == tuple((1, *size) for size in SIZES)
        assert again.image_shape == (1, 20, 16)
        assert again.digest == prepared.digest
        for a, b in zip(records, again, strict=True):
            assert torch.equal(a.image, b.image)
            assert torch.equal(a.truth, b.truth)
    flat = np.load(tmp_path / "p" / "images.npy")
    assert flat.shape == (sum(height * width for height, width in SIZES),)
    alike = prepared.select(["r6", "r0", "r1"])
    assert alike.image_shapes == ((1, 16, 16),)
    assert len(next(alike.batches(3)).ids) == 3


def test_a_batch_ends_where_the_size_changes(tmp_path: Path) -> None:
    records = _of_sizes()
    for one in (records, prepare(records, tmp_path)):
        batches = list(one.batches(2))
        assert [len(batch.ids) for batch in batches] == [2, 1, 2, 1, 1]
        assert tuple(key for batch in batches for key in batch.ids) == records.ids
        for batch in batches:
            for key, image, truth in zip(batch.ids, batch.images, batch.truths, strict=True):
                record = records[int(key[1:])]
                assert torch.equal(image, record.image)
                assert torch.equal(truth, record.truth)


def test_files_of_several_sizes_that_were_cut_off_are_refused(tmp_path: Path) -> None:
    prepare(_of_sizes(), tmp_path)
    whole = (tmp_path / "images.npy").read_bytes()
    (tmp_path / "images.npy").write_bytes(whole[:-4])
    with pytest.raises(InputError, match=r"images\.npy is missing or damaged"):
        open_prepared(tmp_path)


def test_selection_and_batches_follow_any_order(tmp_path: Path) -> None:
    records = phantom(9, seed=0, size=16)
    prepared = prepare(records, tmp_path)
    ids = [records.ids[i] for i in (7, 2, 3, 4, 0)]
    chosen = pickle.loads(pickle.dumps(prepared.select(ids).select(ids[::-1])))
    assert chosen.ids == tuple(ids[::-1])
    assert chosen.digests == tuple(prepared.digests[i] for i in (0, 4, 3, 2, 7))
    assert chosen.digest != prepared.digest
    for batch, start in zip(chosen.batches(2), (0, 2, 4), strict=True):
        for image, truth, key in zip(batch.images, batch.truths, batch.ids, strict=True):
            record = records[records.ids.index(key)]
            assert torch.equal(image, record.image)
            assert torch.equal(truth, record.truth)
        assert batch.ids == chosen.ids[start : start + 2]
    with pytest.raises(InputError, match="no record 'x'"):
        prepared.select(["x"])


def test_a_prepared_set_pickles_as_its_path(tmp_path: Path) -> None:
    prepared = prepare(phantom(4, seed=0, size=128), tmp_path)
    assert len(pickle.dumps(prepared)) < 4000
    shutil.rmtree(tmp_path)
    with pytest.raises(InputError, match=r"\.npy cannot be read any more"):
        prepared[0]


def test_the_digest_by_hand(tmp_path: Path, held: Held) -> None:
    image, labels = torch.tensor([[[0.25, 0.5]]]), torch.tensor([[0, 1]])
    prepared = prepare(held(image[None], labels[None], subjects=["s"]), tmp_path)
    expected = hashlib.sha256(b'["r0", "s", null, [1, 1, 2], [1, 2]]')
    expected.update(np.array([0.25, 0.5], "<f4").tobytes() + np.array([0, 1], "<i8").tobytes())
    assert prepared.digests == (expected.hexdigest(),)


def test_digests_change_with_everything_that_a_record_is(tmp_path: Path, held: Held) -> None:
    images, truths = torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.int64)
    variants = [
        held(images, truths),
        held(images + 1e-6, truths),
        held(images, truths + 1),
        held(images, truths, subjects=["s"]),
        held(images, truths, groups=["s"]),
        held(images, truths, LabelTruth(3)),
    ]
    prepared = [prepare(records, tmp_path / str(i)) for i, records in enumerate(variants)]
    assert len({p.digest for p in prepared}) == len(variants)
    # The kind of truth belongs to the set, all else to the record.
    assert len({p.digests for p in prepared}) == len(variants) - 1
    # How labels are stored changes nothing: -1 needs a signed type.
    signed = prepare(held(images, truths, LabelTruth(2, ignore=-1)), tmp_path / "signed")
    assert np.load(tmp_path / "signed" / "truths.npy").dtype == np.int8
    assert signed.digests == prepared[0].digests


@pytest.mark.parametrize(
    ("truth", "dtype"),
    [
        (LabelTruth(2), "u1"),
        (LabelTruth(19, ignore=255), "u1"),
        (LabelTruth(256), "u1"),
        (LabelTruth(128, ignore=-1), "i1"),
        (LabelTruth(257), "u2"),
        (LabelTruth(200, ignore=-1), "i2"),
        (LabelTruth(5, ignore=70000), "i4"),
        (LabelTruth(5, ignore=2**40), "i8"),
    ],
)
def test_labels_are_stored_small_and_returned_whole(
    truth: LabelTruth, dtype: str, tmp_path: Path, held: Held
) -> None:
    ignore = 0 if truth.ignore is None else truth.ignore
    labels = torch.tensor([[[0, truth.classes - 1, ignore]]])
    prepared = prepare(held(torch.zeros(1, 1, 1, 3), labels, truth), tmp_path)
    assert np.load(tmp_path / "truths.npy").dtype == np.dtype(dtype)
    assert prepared[0].truth.tolist() == labels[0].tolist()


def test_true_images_are_kept_as_floats(tmp_path: Path, held: Held) -> None:
    targets = torch.rand(2, 3, 4, 4) * 2 - 1
    records = held(torch.rand(2, 1, 4, 4), targets, ImageTruth(3, low=-1))
    prepared = prepare(records, tmp_path)
    assert prepared.truth == ImageTruth(3, low=-1)
    assert torch.equal(prepared.batch([0, 1]).truths, targets)


def _bad(**change: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    image = change.get("image", torch.zeros(1, 4, 4))
    return image, change.get("truth", torch.zeros(4, 4, dtype=torch.int64))


@pytest.mark.parametrize(
    ("second", "truth", "sentence"),
    [
        (_bad(image=torch.zeros(4, 4)), LabelTruth(2), r"image must be .* got \(4, 4\) float32"),
        (
            _bad(image=torch.zeros(3, 4, 4)),
            LabelTruth(2),
            r"its image is 3 x 4 x 4, those before it are 1 x 4 x 4; all must have as many chan",
        ),
        (_bad(image=torch.full((1, 4, 4), torch.nan)), LabelTruth(2), "image holds NaN or inf"),
        (_bad(image=torch.full((1, 4, 4), torch.inf)), LabelTruth(2), "image holds NaN or inf"),
        (
            _bad(truth=torch.zeros(3, 4, dtype=torch.int64)),
            LabelTruth(2),
            "its label map is 3 x 4, its image 1 x 4 x 4",
        ),
        (_bad(truth=torch.zeros(4, 4)), LabelTruth(2), "must be .* integers, got .* float32"),
        (
            _bad(truth=torch.full((4, 4), 3)),
            LabelTruth(3),
            r"label values 3 lie outside the classes 0\.\.2; map them",
        ),
        (_bad(truth=torch.full((4, 4), -2)), LabelTruth(3, ignore=-1), r"values -2 .* and -1"),
        (_bad(truth=torch.full((4, 4), 9)), LabelTruth(3, ignore=9), "every pixel has the ign"),
        (_bad(), ImageTruth(1), "its true image must be 1 x 4 x 4 floats, got"),
        (_bad(truth=torch.full((1, 4, 4), torch.nan)), ImageTruth(1), "true image holds NaN"),
        (
            _bad(truth=torch.full((1, 4, 4), 2.0)),
            ImageTruth(1),
            r"spans 2\.\.2, declared was 0\.\.1",
        ),
    ],
)
def test_records_that_cannot_be_used_are_named(
    second: tuple[torch.Tensor, torch.Tensor], truth: Truth, sentence: str, tmp_path: Path
) -> None:
    labelled = isinstance(truth, LabelTruth)
    first = _bad() if labelled else _bad(truth=torch.zeros(1, 4, 4))
    records = Records([RecordKey("a"), RecordKey("b")], [first, second].__getitem__, truth, "toy")
    with pytest.raises(InputError, match=f"toy: record 'b': .*{sentence}"):
        prepare(records, tmp_path / "p")
    # Nothing half-done stays behind.
    assert list((tmp_path / "p").iterdir()) == []
    with pytest.raises(InputError, match="holds no finished set"):
        open_prepared(tmp_path / "p")


def test_an_empty_mask_is_legitimate(tmp_path: Path, held: Held) -> None:
    records = held(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.int64))
    assert not prepare(records, tmp_path)[0].truth.any()


def test_whatever_a_reader_raises_names_the_record(tmp_path: Path) -> None:
    def load(index: int) -> tuple[torch.Tensor, torch.Tensor]:
        raise ZeroDivisionError("oh")

    records = Records([RecordKey("a")], load, LabelTruth(2), "toy")
    with pytest.raises(InputError, match="record 'a' cannot be loaded: ZeroDivisionError: oh"):
        prepare(records, tmp_path)


def test_an_interrupted_run_leaves_no_set_that_looks_finished(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    prepare(phantom(4, seed=0, size=16), folder)

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(phantom(4, seed=1, size=16), folder, on_progress=interrupt)
    with pytest.raises(InputError, match="holds no finished set"):
        open_prepared(folder)
    assert prepare(phantom(4, seed=1, size=16), folder).digests == open_prepared(folder).digests


def _index(folder: Path, **change: object) -> None:
    content = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**content, **change}))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda f: os.truncate(f / "images.npy", 3000), r"images\.npy is missing or damaged"),
        (lambda f: (f / "truths.npy").unlink(), r"truths\.npy is missing or damaged"),
        (lambda f: (f / "truths.npy").write_bytes(b"x"), r"truths\.npy is missing or damaged"),
        (lambda f: np.save(f / "truths.npy", np.zeros(4)), r"does not hold an array of records"),
        (lambda f: np.save(f / "truths.npy", np.zeros((3, 16, 16))), "its files disagree"),
        (lambda f: (f / "index.json").write_text("{"), r"index\.json is damaged"),
        (lambda f: _index(f, keys=3), r"index\.json is damaged"),
        (lambda f: _index(f, format=0), r"has format 0, this pixleak reads 1"),
    ],
)
def test_damage_is_noticed(damage: Callable[[Path], object], sentence: str, tmp_path: Path) -> None:
    prepare(phantom(4, seed=0, size=16), tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match=sentence):
        open_prepared(tmp_path)


def test_no_space_is_said_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(InputError, match=r"no space left to write .*: 4 records of 1 x 16 x 16"):
        prepare(phantom(4, seed=0, size=16), tmp_path)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(errno.ENOSPC, "no space left to write"), (errno.EROFS, "no permission to write")],
)
def test_a_full_or_locked_disk_is_one_sentence(
    code: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("pixleak.core.disk.whole_files.os.replace", fails)
    with pytest.raises(InputError, match=sentence):
        prepare(phantom(2, seed=0, size=16), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="part of it is a file, not a folder"):
        prepare(phantom(2, seed=0, size=16), tmp_path / "file" / "p")
    with pytest.raises(InputError, match="part of it is a file, not a folder"):
        prepare(phantom(2, seed=0, size=16), tmp_path / "file")
