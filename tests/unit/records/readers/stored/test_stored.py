"""Records that lie in files of many: TIFF stacks, tar shards, saved Hugging Face data sets."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image

from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers import reader_from
from pixleak.records.survey.contents import contents_of
from pixleak.records.survey.opening import read_records
from pixleak.records.survey.suggestions import suggestions

SIZE = (6, 8)


def _read(root: Path, reader: str, **more: object) -> Records:
    return reader_from({"reader": reader, "root": root, **more}).open()


def _pixels(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _labels(seed: int, *shape: int) -> NDArray[np.uint8]:
    labels = np.random.default_rng(seed).integers(0, 3, shape, dtype=np.uint8)
    labels[..., 0, :3] = (0, 1, 2)
    return labels


def _stacks(root: Path, pages: int = 4, **how: Any) -> Path:
    for i in range(2):
        for folder, values in (
            ("images", _pixels(i, pages, *SIZE)),
            ("masks", _labels(i, pages, *SIZE)),
        ):
            (root / folder).mkdir(parents=True, exist_ok=True)
            written = {"photometric": "minisblack", "metadata": {"axes": "ZYX"}, **how}
            tifffile.imwrite(root / folder / f"s{i}.tif", values, **written)
    return root


@pytest.mark.parametrize("how", [{}, {"imagej": True}, {"ome": True}, {"bigtiff": True}])
def test_the_pages_of_a_stack_are_records_of_one_subject(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    records = _read(_stacks(tmp_path, **how), "stacks", classes=3, channels=1, every=2)
    assert records.keys[3] == RecordKey("s1-0002", "s1")
    assert len(records) == 4
    assert torch.equal(records[3].image[0], torch.from_numpy(_pixels(1, 4, *SIZE)[2]) / 255)
    assert torch.equal(records[3].truth, torch.from_numpy(_labels(1, 4, *SIZE)[2]).long())


def test_pages_may_be_coloured_and_empty_ones_dropped(tmp_path: Path) -> None:
    _stacks(tmp_path)
    for i in range(2):
        coloured = _pixels(i, 4, *SIZE, 3)
        tifffile.imwrite(tmp_path / "images" / f"s{i}.tif", coloured, photometric="rgb")
        labels = _labels(i, 4, *SIZE)
        labels[1] = 0
        tifffile.imwrite(tmp_path / "masks" / f"s{i}.tif", labels, photometric="minisblack")
    records = _read(tmp_path, "stacks", classes=3, empty="drop", subject="s")
    assert records.ids == tuple(f"s{i}-{page:04d}" for i in range(2) for page in (0, 2, 3))
    assert {key.subject for key in records.keys} == {"s"}
    assert records[1].image.shape == (3, *SIZE)


def test_faults_of_stacks_are_named(tmp_path: Path) -> None:
    _stacks(tmp_path)
    with pytest.raises(InputError, match=r"s0\.tif, page 0: label values 2 lie outside"):
        _read(tmp_path, "stacks", channels=1)[0]
    mask = tmp_path / "masks" / "s1.tif"
    tifffile.imwrite(mask, _labels(0, 3, *SIZE), photometric="minisblack")
    with pytest.raises(InputError, match=r"s1\.tif has 4 pages, .* has 3; they must be equal"):
        _read(tmp_path, "stacks", classes=3)
    deep = np.zeros((2, 2, *SIZE), dtype=np.uint8)
    tifffile.imwrite(mask, deep, photometric="minisblack", metadata={"axes": "TZYX"})
    with pytest.raises(InputError, match=r"has the dimensions TZYX of \(2, 2, 6, 8\)"):
        _read(tmp_path, "stacks", classes=3)
    (tmp_path / "masks" / "s1.tif").write_bytes(b"II*\0")
    with pytest.raises(InputError, match=r"stack .*s1\.tif cannot be read"):
        _read(tmp_path, "stacks", classes=3)


def _png(values: NDArray[np.uint8]) -> bytes:
    held = io.BytesIO()
    Image.fromarray(values).save(held, "PNG")
    return held.getvalue()


def _shards(root: Path, endings: tuple[str, str] = ("png", "mask.png")) -> Path:
    """Two tar files, with samples as WebDataset names them."""
    root.mkdir(exist_ok=True)
    for shard in range(2):
        with tarfile.open(root / f"set-{shard:04d}.tar", "w") as file:
            for i in range(3 * shard, 3 * shard + 3):
                contents = (_png(_pixels(i, *SIZE, 3)), _png(_labels(i, *SIZE)))
                told = json.dumps({"patient": f"p{i // 2}", "site": 4}).encode()
                for ending, content in zip((*endings, "json"), (*contents, told), strict=True):
                    member = tarfile.TarInfo(f"part/{i:03d}.{ending}")
                    member.size = len(content)
                    file.addfile(member, io.BytesIO(content))
    return root


@pytest.mark.parametrize(
    "endings", [("png", "mask.png"), ("input.png", "seg.png"), ("x.png", "y.png")]
)
def test_samples_of_tar_files_are_records(tmp_path: Path, endings: tuple[str, str]) -> None:
    named = {} if endings[0] != "x.png" else {"image": "x.png", "mask": "y.png"}
    records = _read(
        _shards(tmp_path, endings),
        "webdataset",
        classes=3,
        subject_key="patient",
        group_key="site",
        **named,
    )
    assert records.ids == tuple(f"part/{i:03d}" for i in range(6))
    assert records.keys[3] == RecordKey("part/003", "p1", "4")
    again = pickle.loads(pickle.dumps(records))[4]
    wanted = torch.from_numpy(_pixels(4, *SIZE, 3)).permute(2, 0, 1) / 255
    torch.testing.assert_close(again.image, wanted)
    assert torch.equal(again.truth, torch.from_numpy(_labels(4, *SIZE)).long())


def test_what_webdataset_writes_is_read(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as file:
        for i in range(3):
            pixels, labels = _pixels(i, *SIZE, 3), _labels(i, *SIZE)
            file.write({"__key__": f"s{i}", "png": pixels, "seg.npy": labels.astype(np.uint8)})
    records = _read(tmp_path, "webdataset", classes=3)
    assert records.ids == ("s0", "s1", "s2")
    assert torch.equal(records[2].truth, torch.from_numpy(_labels(2, *SIZE)).long())


def test_faults_of_tar_files_are_named(tmp_path: Path) -> None:
    _shards(tmp_path, ("a.png", "b.png"))
    with pytest.raises(InputError, match=r"members a\.png, b\.png, json; say with image"):
        _read(tmp_path, "webdataset")
    with pytest.raises(InputError, match=r"has the members a\.png, b\.png, json, but not"):
        _read(tmp_path, "webdataset", image="a.png", mask="c.png")
    named = {"image": "a.png", "mask": "b.png"}
    with pytest.raises(InputError, match=r"does not say 'age'"):
        _read(tmp_path, "webdataset", subject_key="age", **named)
    with pytest.raises(InputError, match=r"set-0000\.tar: part/000\.b\.png: label values 2"):
        _read(tmp_path, "webdataset", **named)[0]
    records = _read(tmp_path, "webdataset", classes=3, **named)
    whole = (tmp_path / "set-0001.tar").read_bytes()
    (tmp_path / "set-0001.tar").write_bytes(whole[:2000])
    with pytest.raises(InputError, match="the tar file is cut off"):
        records[5]
    (tmp_path / "set-0001.tar").write_bytes(b"\x1f\x8b" + whole)
    with pytest.raises(InputError, match=r"set-0001\.tar is no plain tar file .* unpack it"):
        _read(tmp_path, "webdataset", **named)
    (tmp_path / "set-0001.tar").write_bytes((tmp_path / "set-0000.tar").read_bytes())
    with pytest.raises(InputError, match="have the same key"):
        _read(tmp_path, "webdataset", **named)


def _saved(root: Path, splits: bool = False) -> Path:
    datasets = pytest.importorskip("datasets")

    def rows(count: int) -> Any:
        return datasets.Dataset.from_dict(
            {
                "image": [Image.fromarray(_pixels(i, *SIZE, 3)) for i in range(count)],
                "annotation": [Image.fromarray(_labels(i, *SIZE)) for i in range(count)],
                "patient": [f"p{i // 2}" for i in range(count)],
                "number": list(range(100, 100 + count)),
            },
            features=datasets.Features(
                {
                    "image": datasets.Image(),
                    "annotation": datasets.Image(),
                    "patient": datasets.Value("string"),
                    "number": datasets.Value("int64"),
                }
            ),
        )

    data = datasets.DatasetDict(train=rows(4), test=rows(2)) if splits else rows(4)
    data.save_to_disk(root)
    return root


def test_a_saved_hugging_face_data_set_is_read(tmp_path: Path) -> None:
    root = _saved(tmp_path / "mine")
    how = {"classes": 3, "id_key": "number", "subject_key": "patient"}
    records = _read(root, "huggingface", **how)
    assert records.keys[2] == RecordKey("102", "p1")
    record = pickle.loads(pickle.dumps(records))[2]
    wanted = torch.from_numpy(_pixels(2, *SIZE, 3)).permute(2, 0, 1) / 255
    torch.testing.assert_close(record.image, wanted)
    assert torch.equal(record.truth, torch.from_numpy(_labels(2, *SIZE)).long())
    with pytest.raises(InputError, match="has no splits; leave split out"):
        _read(root, "huggingface", split="train")
    with pytest.raises(InputError, match=r"holds no dataset_info\.json or dataset_dict"):
        _read(tmp_path, "huggingface")


def test_a_split_of_several_is_named(tmp_path: Path) -> None:
    root = _saved(tmp_path / "mine", splits=True)
    assert len(_read(root, "huggingface", classes=3, split="test")) == 2
    with pytest.raises(InputError, match="has the splits train, test; say which with split"):
        _read(root, "huggingface")
    with pytest.raises(InputError, match="can be read in 2 ways: huggingface"):
        read_records(root)


def test_without_datasets_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pixleak\[datasets\]'"):
        _read(tmp_path, "huggingface")


@pytest.mark.parametrize("reader", ["stacks", "webdataset", "huggingface"])
def test_stored_records_are_recognised(tmp_path: Path, reader: str) -> None:
    root = tmp_path / "data"
    {"stacks": _stacks, "webdataset": _shards, "huggingface": _saved}[reader](root)
    best = suggestions(root)[0]
    assert best.kind.name == reader
    found = contents_of(best)
    assert (found.problems, found.settings["classes"]) == ([], 3)
    assert read_records(root).truth == LabelTruth(3)
