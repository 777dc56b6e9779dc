"""Training by a command of the user's own, which leaves a model in a file."""

from __future__ import annotations

import csv
import shlex
import string
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from pixleak.core.disk.private_folder import private_folder
from pixleak.core.errors import InputError, told
from pixleak.core.paths import Located
from pixleak.training.own.base import OwnTraining
from pixleak.training.own.given_code import (
    CodeGiven,
    beside_code,
    check_arguments,
    files_of_code,
    loaded_code,
    name_of_code,
    written_code,
)
from pixleak.training.own.process import run_command
from pixleak.training.own.source import digest_of_files, digest_of_function

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.training.loop.trainer import TrainingDefence
    from pixleak.training.trained import OnEpoch, Trained

PLACES = {
    "ids": "a text file with the ids of the records, one per line",
    "records": "a CSV file with the columns id, image and truth: paths of .npy files",
    "images": "a folder with the images, 00000.npy and so on in the order of the ids",
    "truths": "a folder with the truths, of the same names",
    "seed": "a whole number from 0 to 2^32 - 1",
    "out": "a path that does not exist yet, where the model is to be written",
    "device": "where to train, such as cpu or cuda",
    "python": "the interpreter that runs pixleak",
}
"""Placeholders of a command."""

_OF_RECORDS = ("ids", "records", "images", "truths")


class TrainingCommand(OwnTraining):
    """A command that trains on the records it is told, and writes a model to a path it is told.

    The command is run without a shell, in the folder of the configuration, once for each model.
    Its placeholders are those of :data:`PLACES`. ``load`` reads what it wrote, as a torch module.

    Example:
        >>> command = "python train.py --ids {ids} --seed {seed} --out {out}"
        >>> TrainingCommand(command=command, load=lambda path: path).description
        'command python train.py'
    """

    name: ClassVar[str] = "command"
    summary: ClassVar[str] = "a command of your own, which writes a model to a file"
    positional: ClassVar[str] = "command"

    command: str | tuple[str, ...] = Field(
        description="with the places {ids}, {records}, {images}, {truths}, {seed}, {out}, "
        "{device}, {python}"
    )
    loader: CodeGiven = Field(
        alias="load", description="file.py:function, path of what the command wrote -> torch module"
    )
    limit: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="seconds that one training may take"
    )
    folder: Located = Field(
        Path(),
        validate_default=True,
        description="where the command runs; usually the folder of the configuration",
    )

    @field_validator("command")
    @classmethod
    def _with_places(cls, command: str | tuple[str, ...]) -> str | tuple[str, ...]:
        words = _words(command)
        if not words:
            raise ValueError("it is empty; give a program and its arguments")
        named = set[str]()
        for word in words:
            try:
                fields = [field for _, field, _, _ in string.Formatter().parse(word)]
            except ValueError as error:
                raise ValueError(f"{word!r}: {error}; write {{{{ for a brace") from error
            named |= {field for field in fields if field is not None}
        known = ", ".join(f"{{{place}}}" for place in PLACES)
        if unknown := sorted(named - set(PLACES)):
            raise ValueError(
                f"there is no place {{{unknown[0]}}}; there are {known}, and {{{{ is a brace"
            )
        if "out" not in named:
            raise ValueError("it does not say where to write the model: add the place {out}")
        if not named & set(_OF_RECORDS):
            raise ValueError(
                "it does not say what to train on: add one of the places "
                + ", ".join(f"{{{place}}}" for place in _OF_RECORDS)
            )
        return command

    @property
    def description(self) -> str:
        return f"command {self._short}"

    @property
    def _short(self) -> str:
        """The command up to its first option or place."""
        words: list[str] = []
        for word in _words(self.command):
            if words and (word.startswith("-") or "{" in word):
                break
            words.append(word)
        return " ".join(words)

    @property
    def who(self) -> str:
        return f"the command `{self._short}`"

    def _prepare(self) -> None:
        super()._prepare()
        if not self.folder.is_dir():
            raise InputError(f"folder: there is no folder {self.folder}")
        check_arguments(
            loaded_code(self.loader), f"load: {name_of_code(self.loader)}", ("path",), {}, {}
        )

    def _scripts(self) -> list[Path]:
        """The files that the command names, and the module of ``-m``."""
        words = _words(self.command)
        found: list[Path] = []
        for i, word in enumerate(words):
            names = [word, word.partition("=")[2]]
            if i and words[i - 1] == "-m":
                base = word.replace(".", "/")
                names = [f"{base}.py", f"{base}/__main__.py"]
            if i == 0 and "/" not in word:
                continue  # a program of the search path
            found += [
                self.folder / name for name in names if name and (self.folder / name).is_file()
            ]
        return found

    def _digest(self) -> str:
        given = [one for one in (self.loader, self.make) if one is not None]
        scripts = [path.resolve() for path in self._scripts()]
        more = (*files_of_code(*given), *self.files)
        code = digest_of_function(tuple(map(loaded_code, given)), self.who, *more)
        return f"{digest_of_files(scripts)}{code}"

    def _settings(self) -> dict[str, Any]:
        command = self.command if isinstance(self.command, str) else list(self.command)
        content: dict[str, Any] = {"command": command, "load": written_code(self.loader)}
        if self.limit is not None:
            content["limit"] = self.limit
        return content | {"folder": str(self.folder)}

    @property
    def identity(self) -> dict[str, Any]:
        content = dict(super().identity)
        return {key: value for key, value in content.items() if key not in ("limit", "folder")}

    @property
    def trains_on_pixels(self) -> bool:
        return bool(self._used() & {"records", "images", "truths"})

    def _named(self) -> tuple[Any, ...]:
        return (self.loader, self.make)

    def train(
        self,
        records: Records,
        *,
        seed: int,
        device: str = "cpu",
        on_epoch: OnEpoch | None = None,
        partial: Path | None = None,
        pictures: bool = False,
        defences: Sequence[TrainingDefence] = (),
        reserve: Records | None = None,
    ) -> Trained:
        from pixleak.training.own.returned import finished_training
        from pixleak.training.seeded import all_seeded

        self.check_unchanged()
        started = time.perf_counter()
        with private_folder() as scratch:
            out = scratch / "out"
            places = {
                **_exported(records, self._used(), scratch),
                "seed": str(seed % 2**32),
                "out": str(out),
                "device": device,
                "python": sys.executable,
            }
            words = [word.format(**places) for word in _words(self.command)]
            run_command(
                words,
                self.folder,
                limit=self.limit,
                on_line=_printed,
            )
            if not out.exists():
                raise InputError(
                    f"{self.who} wrote no model: it must write one to the path that it is given as "
                    "{out}"
                )
            who = name_of_code(self.loader)
            with beside_code(self.loader), all_seeded(0):
                try:
                    loaded = loaded_code(self.loader)(out)
                except InputError:
                    raise
                except (Exception, SystemExit) as error:
                    raise InputError(f"load: {who} fails with {told(error)}") from error
            return finished_training(
                loaded,
                records,
                self.answers_with,
                device=device,
                who=f"load: {who}",
                losses=(),
                seconds=time.perf_counter() - started,
                pictures=pictures,
            )

    def _used(self) -> set[str]:
        """The places that the command has."""
        formatter = string.Formatter()
        return {
            field
            for word in _words(self.command)
            for _, field, _, _ in formatter.parse(word)
            if field is not None
        }


def _printed(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _words(command: str | Sequence[str]) -> list[str]:
    if not isinstance(command, str):
        return list(command)
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ValueError(f"{command!r} cannot be read as a command: {error}") from error


def _exported(records: Records, wanted: set[str], folder: Path) -> dict[str, str]:
    """Write what the command is to be told about the records; place -> path."""
    import numpy as np

    places = {
        "ids": folder / "ids.txt",
        "records": folder / "records.csv",
        "images": folder / "images",
        "truths": folder / "truths",
    }
    lists = "records" in wanted
    if "ids" in wanted:
        if broken := [key for key in records.ids if "\n" in key or "\r" in key]:
            raise InputError(
                f"record id {broken[0]!r} has a line break, which a list of ids cannot hold; use "
                "the place {records} instead of {ids}"
            )
        places["ids"].write_text("".join(f"{key}\n" for key in records.ids), encoding="utf-8")
    for kind in ("images", "truths"):
        if kind in wanted or lists:
            places[kind].mkdir()
    rows = []
    for i, record in enumerate(records):
        files = [places[kind] / f"{i:05d}.npy" for kind in ("images", "truths")]
        for kind, file, values in zip(
            ("images", "truths"), files, (record.image, record.truth), strict=True
        ):
            if kind in wanted or lists:
                np.save(file, values.numpy(), allow_pickle=False)
        rows.append((record.key.id, *map(str, files)))
    if lists:
        with places["records"].open("w", newline="", encoding="utf-8") as listed:
            table = csv.writer(listed)
            table.writerow(("id", "image", "truth"))
            table.writerows(rows)
    return {place: str(path) for place, path in places.items()}
