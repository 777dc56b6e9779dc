"""Read a run folder: the saved result, the scores and the pictures, checked against each other."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats
from pixleak.results.audit import Result
from pixleak.results.sections import Exposures

Kind = Literal["attack", "control", "blind"]

DIFFICULTY = "difficulty-"
"""What the names of difficulties begin with."""

ERRORS = ("l1-error", "cross-entropy")
"""Errors that are shown against difficulty: the first that was measured."""

_COLUMNS = {
    "id": pa.string(),
    "subject": pa.string(),
    "member": pa.bool_(),
    "kind": pa.string(),
    "attack": pa.string(),
    "signal": pa.string(),
    "score": pa.float64(),
}


class Source(NamedTuple):
    """Which attack made a score, and on what: the target, the untrained model, or no model."""

    kind: Kind
    attack: str
    signal: str


@dataclass(frozen=True, eq=False)
class RecordScores:
    """The scores of one attack on the n records for which its signal is defined.

    Args:
        values: (n,) float64, higher = more likely a member; may be infinite.
        member: (n,) bool.
        units: (n,) which subject each record was taken from, as a number; where subjects are
            unknown every record is a unit of its own.
    """

    values: Floats
    member: Bools
    units: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Exhibit:
    """The pictures of one record.

    Args:
        image: (h, w) or (h, w, 3) uint8.
        truth: (h, w) int16 labels, or a uint8 picture.
        prediction: as ``truth``.
        valid: (h, w) bool, False where a pixel is ignored.
        loss: (h, w) float32, nat/pixel.
    """

    image: NDArray[np.uint8]
    truth: NDArray[np.int16] | NDArray[np.uint8]
    prediction: NDArray[np.int16] | NDArray[np.uint8]
    valid: Bools
    loss: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Run:
    """All that a report is made from.

    Args:
        result: what was found.
        scores: of every attack.
        exhibits: pictures of the records on show.
        signals: name -> (n,) the target's, NaN where not measured, and ``"member"`` beside them; of
            results with difficulties alone, else empty.
        training: (h, w, 3) pictures of a generator's training, or None.
    """

    result: Result
    scores: Mapping[Source, RecordScores]
    exhibits: Mapping[int, Exhibit]
    signals: Mapping[str, Floats]
    training: NDArray[np.uint8] | None


def read_run(folder: Path) -> Run:
    """Load and check the parts of a run folder.

    Raises:
        InputError: a part is missing, cannot be read, or does not fit ``result.json``.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the folder of a finished run")
    result = Result.read(folder)
    scores = _read_scores(folder / "scores.parquet")
    for attack in result.attacks:
        if Source("attack", attack.name, attack.signal) not in scores:
            raise InputError(
                f"{folder / 'scores.parquet'} holds no scores of attack {attack.name!r} over "
                f"signal {attack.signal!r}, which result.json lists; the two files must be of the "
                "same run"
            )
    exhibits = {} if result.exposures is None else _read_exhibits(folder, result.exposures)
    return Run(result, scores, exhibits, _read_signals(folder, result), _read_training(folder))


def _read_signals(folder: Path, result: Result) -> dict[str, Floats]:
    names = [control.name for control in result.controls if control.name.startswith(DIFFICULTY)]
    path = folder / "signals.parquet"
    if not names or not path.is_file():
        return {}
    try:
        table = pq.read_table(path)
        scores = pq.read_table(folder / "scores.parquet", columns=["id", "member"])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); run the audit again") from error
    ids, inside = (scores[name].to_pylist() for name in ("id", "member"))
    member = dict(zip(ids, inside, strict=True))
    kept = [name for name in (*ERRORS, *names) if name in table.column_names]
    found: dict[str, Floats] = {
        name: table[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in kept
    }
    of = [member.get(key) for key in table["id"].to_pylist()]
    found["member"] = np.array([np.nan if m is None else float(m) for m in of])
    return found


def _read_training(folder: Path) -> NDArray[np.uint8] | None:
    path = folder / "training.png"
    if not path.is_file():
        return None
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read ({error}); run the audit again") from error


def _read_scores(path: Path) -> dict[Source, RecordScores]:
    if not path.is_file():
        raise InputError(f"{path} is missing; give the folder of a finished run")
    try:
        table = pq.read_table(path)
        if missing := [name for name in _COLUMNS if name not in table.column_names]:
            raise InputError(f"{path} has no column {missing[0]!r}; run the audit again")
        columns = {name: table[name].cast(kind) for name, kind in _COLUMNS.items()}
    except (pa.ArrowException, OSError) as error:
        first_line = (str(error).splitlines() or ["no reason given"])[0]
        raise InputError(f"{path} cannot be read ({first_line}); run the audit again") from error
    for name, column in columns.items():
        if name not in ("subject", "score") and column.null_count:
            raise InputError(f"{path}: column {name!r} has missing values; run the audit again")

    values = columns["score"].to_numpy(zero_copy_only=False)
    measured = columns["score"].is_valid().to_numpy(zero_copy_only=False)
    if np.isnan(values[measured]).any():
        raise InputError(f"{path}: a score is NaN; an undefined score must be left empty (null)")
    member = columns["member"].to_numpy(zero_copy_only=False).astype(bool)

    names = pc.coalesce(columns["subject"], columns["id"]).combine_chunks().dictionary_encode()
    units = names.indices.to_numpy().astype(np.int64)

    # One integer a row for its (kind, attack, signal), so that rows are compared as numbers.
    encoded = [
        columns[n].combine_chunks().dictionary_encode() for n in ("kind", "attack", "signal")
    ]
    words = [code.dictionary.to_pylist() for code in encoded]
    codes = np.stack([code.indices.to_numpy() for code in encoded])
    scores = {}
    for combination in np.unique(codes, axis=1).T:
        kind, attack, signal = (names[i] for names, i in zip(words, combination, strict=True))
        if kind not in get_args(Kind):
            raise InputError(
                f"{path}: kind {kind!r} is not one of {', '.join(get_args(Kind))}; "
                "run the audit again"
            )
        rows = (codes == combination[:, None]).all(axis=0) & measured
        scores[Source(kind, attack, signal)] = RecordScores(values[rows], member[rows], units[rows])
    return scores


def _read_exhibits(folder: Path, exposures: Exposures) -> dict[int, Exhibit]:
    path = folder / Path(exposures.file).name
    if not path.is_file():
        raise InputError(
            f"{path} is missing, and result.json says that it holds the pictures of the most "
            "exposed records; copy the whole run folder, or run the audit again"
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {
                record.exhibit: _exhibit(archive, record.exhibit, path)
                for record in exposures.records
            }
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read ({error}); run the audit again") from error


def _exhibit(archive: Mapping[str, NDArray[np.generic]], number: int, path: Path) -> Exhibit:
    parts = {}
    for name in ("image", "truth", "prediction", "valid", "loss"):
        key = f"{name}/{number}"
        if key not in archive:
            raise InputError(f"{path} has no array {key!r}; run the audit again")
        parts[name] = archive[key]
    shape = parts["image"].shape[:2]
    allowed = {
        "image": ((np.uint8,), (2, 3)),
        "truth": ((np.int16, np.uint8), (2, 3)),
        "prediction": ((np.int16, np.uint8), (2, 3)),
        "valid": ((np.bool_,), (2,)),
        "loss": ((np.float32,), (2,)),
    }
    for name, (kinds, dimensions) in allowed.items():
        array = parts[name]
        colour = array.ndim == 3 and array.dtype == np.uint8 and array.shape[2] == 3
        if (
            array.dtype.type not in kinds
            or array.ndim not in dimensions
            or (array.ndim == 3 and not colour)
            or array.shape[:2] != shape
            or array.size == 0
        ):
            raise InputError(
                f"{path}: array '{name}/{number}' of type {array.dtype} and shape {array.shape} "
                f"is not a picture beside an image of {shape}; run the audit again"
            )
    if np.isnan(parts["loss"][parts["valid"]]).any():
        raise InputError(f"{path}: array 'loss/{number}' holds NaN; run the audit again")
    return Exhibit(**parts)  # type: ignore[arg-type]
