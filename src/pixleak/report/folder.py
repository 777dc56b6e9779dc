"""Read a run folder: the saved result and the scores, checked against each other."""

from __future__ import annotations

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
from pixleak.results.run_files import check_as_written

Kind = Literal["attack", "control", "elsewhere", "blind"]

DIFFICULTY = "difficulty-"
"""Prefix of the names of difficulties."""

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


class ScoreKey(NamedTuple):
    """Which attack made a score, and on what.

    ``attack``: the target; ``control``: the untrained model; ``elsewhere``: models trained on
    neither side; ``blind``: no model.
    """

    kind: Kind
    attack: str
    signal: str


@dataclass(frozen=True, eq=False)
class RecordScores:
    """The scores of one attack on the n records for which its signal is defined.

    Args:
        values: (n,) float64, higher = more likely a member; may be infinite.
        member: (n,) bool.
        units: (n,) number of the subject that each record was taken from; where subjects are
            unknown every record is a unit of its own.
    """

    values: Floats
    member: Bools
    units: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RunFolder:
    """All that a report is made from.

    Args:
        result: what was found.
        scores: of every attack.
        folder: that it was read from, where the analyses find their own files.
        signals: name -> (n,) the target's, NaN where not measured, and ``"member"`` beside them;
            empty without difficulties.
        training: (h, w, 3) pictures of a generator's training, or None.
    """

    result: Result
    scores: Mapping[ScoreKey, RecordScores]
    folder: Path
    signals: Mapping[str, Floats]
    training: NDArray[np.uint8] | None


def read_run(folder: Path) -> RunFolder:
    """Load and check the parts of a run folder.

    Raises:
        InputError: a part is missing, damaged, or does not fit ``result.json``.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the folder of a finished run")
    result = Result.read(folder)
    check_as_written(folder)
    scores = _read_scores(folder / "scores.parquet")
    for attack in result.attacks:
        if ScoreKey("attack", attack.name, attack.signal) not in scores:
            raise InputError(
                f"{folder / 'scores.parquet'} holds no scores of attack {attack.name!r} over "
                f"signal {attack.signal!r}, which result.json lists; the two files must be of the "
                "same run"
            )
    return RunFolder(result, scores, folder, _read_signals(folder, result), _read_training(folder))


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


def _read_scores(path: Path) -> dict[ScoreKey, RecordScores]:
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

    # One integer per row for its (kind, attack, signal), so that rows are compared as numbers.
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
        scores[ScoreKey(kind, attack, signal)] = RecordScores(
            values[rows], member[rows], units[rows]
        )
    return scores
