"""A folder that Hugging Face ``datasets`` saved (``save_to_disk``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from pixleak.core.errors import InputError, require, told
from pixleak.core.paths import Located
from pixleak.records.base import Records
from pixleak.records.readers.base import Labelled, Turnable
from pixleak.records.readers.dataset import DatasetKeys, read_dataset
from pixleak.records.readers.files.layouts import Recognised

_ONE, _SEVERAL = "dataset_info.json", "dataset_dict.json"


class HuggingFaceReader(DatasetKeys, Labelled, Turnable):
    """What ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote.

    Which columns are the image and the truth is found or said as for a torch Dataset
    (:class:`~pixleak.records.readers.dataset.DatasetKeys`).
    """

    name: ClassVar[str] = "huggingface"
    summary: ClassVar[str] = "a folder that the library datasets of Hugging Face saved"
    needs: ClassVar[str] = "datasets"

    root: Located = Field(description="the folder")
    split: str | None = Field(None, description="which of several: train, validation, test")

    def open(self) -> Records:
        datasets = require(
            "datasets", extra="datasets", why="reading a saved Hugging Face data set"
        )
        if not self.root.is_dir():
            raise InputError(f"there is no folder {self.root}")
        if not any((self.root / name).is_file() for name in (_ONE, _SEVERAL)):
            raise InputError(
                f"{self.root} holds no {_ONE} or {_SEVERAL}; expected a folder that save_to_disk "
                "wrote"
            )
        try:
            found = datasets.load_from_disk(str(self.root))
        except Exception as error:  # whatever the library raises
            raise InputError(f"{self.root} cannot be read: {told(error)}") from error
        if isinstance(found, datasets.DatasetDict):
            if self.split not in found:
                raise InputError(
                    f"{self.root} has the splits {', '.join(found)}; say which with split"
                )
            found = found[self.split]
        elif self.split is not None:
            raise InputError(f"{self.root} has no splits; leave split out")
        how = {name: getattr(self, name) for name in DatasetKeys.model_fields}
        name = self.root.name if self.split is None else f"{self.root.name} ({self.split})"
        return self.directed(read_dataset(found, self.truth(), name=name, **how))

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        if (folder / _SEVERAL).is_file():
            try:
                splits = json.loads((folder / _SEVERAL).read_text())["splits"]
            except (OSError, ValueError, KeyError, TypeError):
                return []
            told_of = f"{_SEVERAL} is what the library datasets saves"
            return [_seen({"root": folder, "split": one}, told_of) for one in splits]
        if (folder / _ONE).is_file() and (folder / "state.json").is_file():
            return [_seen({"root": folder}, f"{_ONE} is what the library datasets saves")]
        return []


def _seen(settings: dict[str, Any], evidence: str) -> Recognised:
    return Recognised(settings, evidence, "certain")
