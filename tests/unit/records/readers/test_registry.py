"""Readers as a configuration names them."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from pydantic import BaseModel, ValidationError

from pixleak.core import registry
from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers import READERS, Reader, reader_from
from pixleak.records.readers.folders import FoldersReader, read_folders
from pixleak.request.given import RecordsGiven


def _blank(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)


class BlankReader(Reader):
    """A reader of another package."""

    name: ClassVar[str] = "blank"
    summary: ClassVar[str] = "blank images"

    folder: Located
    count: int = 2

    def open(self) -> Records:
        return Records([RecordKey(str(i)) for i in range(self.count)], _blank, ImageTruth(1))


class Holder(BaseModel):
    records: RecordsGiven


CONTENTS: dict[str, dict[str, Any]] = {
    "phantom": {"count": 9, "shift": 0.5},
    "named": {"set": "camvid", "root": "copy", "size": [8, 8]},
    "folders": {"images": "i", "classes": 3, "class_names": ["a", "b", "c"], "mask_values": {7: 1}},
    "volumes": {"root": "v", "window": [-100, 300], "empty": "drop"},
    "nnunet": {"root": "n", "fold": 1, "part": "val", "window": [0, 9]},
    "decathlon": {"root": "d", "datalist": "list.json", "classes": 3},
    "bids": {"root": "b", "suffix": "FLAIR", "label_entities": {"desc": "manual"}},
    "dicom": {"root": "d", "segments": {"liver": 1}, "empty": "drop"},
    "stacks": {"images": "i", "classes": 3, "channels": 1, "every": 4},
    "coco": {"root": "c", "annotations": "all.json", "crowd": "draw"},
    "labelme": {"root": "l", "labels": {"car": 1}},
    "webdataset": {"root": "w", "image": "jpg", "mask": "seg.png", "subject_key": "patient"},
    "huggingface": {"root": "h", "split": "train", "id_key": "name"},
    "dataset": {"function": "mine.py:make", "kind": "image"},
    "pairs": {"inputs": "a", "targets": "b", "target_channels": 1},
    "side-by-side": {"root": "s", "direction": "BtoA"},
    "colouring": {"root": "c", "subject": "(p[0-9])"},
    "masks": {"root": "m", "classes": 3, "mask_ending": "_seg"},
}


def test_every_reader_is_written_here() -> None:
    assert set(CONTENTS) == set(READERS)
    assert all(kind.name == name and kind.summary for name, kind in READERS.items())


@pytest.mark.parametrize("name", CONTENTS)
def test_a_reader_is_written_as_it_was_read(name: str) -> None:
    content = {"reader": name, **CONTENTS[name]}
    reader = Holder(records=content).records  # type: ignore[arg-type]
    assert isinstance(reader, READERS[name])
    written = Holder(records=reader).model_dump(mode="json")["records"]
    assert next(iter(written)) == "reader"
    assert reader_from(written) == reader
    short = Holder(records=reader).model_dump(mode="json", exclude_defaults=True)["records"]
    values = {str(key): value for key, value in content.get("mask_values", {}).items()}
    assert short == content | ({"mask_values": values} if values else {})


def test_paths_are_relative_to_the_configuration_and_folders_to_the_root(tmp_path: Path) -> None:
    context = {"base": tmp_path}
    named = reader_from({"reader": "folders", "root": "mine"}, context)
    assert isinstance(named, FoldersReader)
    assert (named.root, named.images) == (tmp_path / "mine", Path("images"))
    bare = Holder.model_validate({"records": {"reader": "folders"}}, context=context).records
    assert isinstance(bare, FoldersReader)
    assert bare.root == tmp_path
    made = reader_from({"reader": "dataset", "function": "mine.py:make"}, context)
    assert made.model_dump()["function"] == f"{tmp_path}/mine.py:make"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"root": "x"}, "reader is missing. Known: bids, "),
        ({"reader": "folder"}, "unknown name 'folder' among the readers, did you mean 'folders'?"),
        (
            {"reader": "folders", "imags": "x"},
            "reader 'folders': unknown key 'imags', did you mean 'images'? Known: array, ",
        ),
        ({"reader": "colouring"}, "reader 'colouring': root is missing"),
        ({"reader": "phantom", "size": 8}, "reader 'phantom': size must be at least 16, got 8"),
        ({"reader": "volumes", "window": [3, 1]}, "window must be (low, high) with low < high"),
        ({"reader": "folders", "ignore": 1}, "ignore=1 is also a class (0..1)"),
        ({"reader": "folders", "group": "("}, "group: '(' is no regular expression"),
    ],
)
def test_mistakes_get_one_sentence(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        reader_from(content)
    assert sentence in str(caught.value)
    with pytest.raises(ValidationError) as nested:
        Holder(records=content)  # type: ignore[arg-type]
    assert sentence in nested.value.errors()[0]["msg"]
    assert nested.value.errors()[0]["loc"] == ("records",)


def test_functions_speak_of_arguments(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folders: unknown argument 'sise', did you mean 'size'"):
        read_folders(tmp_path, tmp_path, sise=3)


def test_a_name_alone_is_no_reader() -> None:
    with pytest.raises(
        ValidationError,
        match=r"expected pixleak\.Records, .* or a mapping with 'reader', got 'phantom'",
    ):
        Holder(records="phantom")  # type: ignore[arg-type]


def test_another_package_adds_a_reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point = EntryPoint("blank", f"{__name__}:BlankReader", "pixleak.readers")
    monkeypatch.setattr(EntryPoint, "load", lambda self: BlankReader)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] * (group == point.group))
    table = registry.Registry("readers", dict(READERS), noun="reader", base=Reader)
    monkeypatch.setattr("pixleak.records.readers.READERS", table)
    content = {"reader": "blank", "folder": "here"}
    holder = Holder.model_validate({"records": content}, context={"base": tmp_path})
    assert isinstance(holder.records, BlankReader)
    assert holder.records.folder == tmp_path / "here"
    assert len(holder.records.open()) == 2
    assert holder.model_dump(mode="json")["records"]["reader"] == "blank"
