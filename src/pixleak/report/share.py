"""A run as two files to pass on: without paths, names of people and machines, and pictures.

What a report discloses: its figures, the names and counts of records that it was told of, the
configuration and the versions of packages. In a shared copy records and subjects are numbered,
absolute paths are cut down to the last name, names of users are removed from them, and pictures of
records are left out unless they are asked for.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from pixleak.core.disk.private_folder import private_folder
from pixleak.core.disk.whole_files import write_whole
from pixleak.core.errors import InputError
from pixleak.report.hidden_names import HiddenNames
from pixleak.report.html.render import render
from pixleak.results.audit import Result

_PICTURES = ("exhibits.npz", "training.png")


def write_shared_copy(folder: str | Path, out: str | Path, *, pictures: bool = False) -> Path:
    """Write a copy of a run's result and report that can be passed on.

    Args:
        folder: of a finished run.
        out: folder to write ``result.json`` and ``report.html`` into; must not be the run's.
        pictures: whether pictures of records, and of a generator's training, are kept.

    Returns:
        The path of the report.

    Raises:
        InputError: the run cannot be read, or the folder cannot be written to.
    """
    folder, out = Path(folder), Path(out)
    Result.read(folder)
    if out.resolve() == folder.resolve():
        raise InputError(f"{out} is the run's own folder; choose another for the shared copy")
    renamed = _pseudonyms(folder / "scores.parquet")
    content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if not pictures:
        content.get("sections", {}).pop("exposed-records", None)
    with private_folder() as place:
        for path in folder.iterdir():
            if path.suffix == ".parquet":
                parquet.write_table(_renamed(parquet.read_table(path), renamed), place / path.name)
            elif pictures and path.name in _PICTURES:
                shutil.copyfile(path, place / path.name)
        told = json.dumps(HiddenNames(renamed, content).cleaned(content), indent=1) + "\n"
        (place / "result.json").write_text(told, encoding="utf-8")
        page = render(place).read_bytes()
    write_whole(out / "result.json", told)
    write_whole(out / "report.html", page)
    return out / "report.html"


def _pseudonyms(path: Path) -> dict[str, str]:
    """Id or subject -> its number, in an order that the names do not decide."""
    if not path.is_file():
        raise InputError(f"{path} is missing; give the folder of a finished run")
    table = parquet.read_table(path)
    names: dict[str, str] = {}
    for column, noun in (("subject", "subject"), ("id", "record")):
        if column in table.column_names:
            found = [one for one in table[column].unique().to_pylist() if one is not None]
            width = len(str(len(found)))
            for number, name in enumerate(found, start=1):
                names.setdefault(str(name), f"{noun}-{number:0{width}d}")
    return names


def _renamed(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    for column in ("id", "subject", "unit", "record"):
        if column in table.column_names and pa.types.is_string(table.schema.field(column).type):
            values = [
                None if one is None else names.get(one, "other")
                for one in table[column].to_pylist()
            ]
            at = table.column_names.index(column)
            table = table.set_column(at, column, pa.array(values, pa.string()))
    return table
