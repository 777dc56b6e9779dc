"""Checks of the records alone, without a model: the same for all audits of one split.

They are kept in the store like any other artefact, so that audits that share records and split,
such as the cells of a study, measure them once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pixleak.core.tables import Bools
from pixleak.pipeline.storage.store import Artefact, Store
from pixleak.records.checks.duplicates import find_duplicates
from pixleak.records.checks.shift import check_shift
from pixleak.results.controls import DuplicateCheck, ShiftCheck
from pixleak.signals.blind import BlindBaseline, blind_baseline

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords


@dataclass(frozen=True, eq=False)
class Checks:
    """What the records alone reveal about membership."""

    blind: BlindBaseline
    duplicates: DuplicateCheck | None
    shift: ShiftCheck


def checks_of(
    records: PreparedRecords,
    member: Bools,
    units: Sequence[str],
    store: Store,
    *,
    seed: int,
) -> Checks:
    """The checks of these records, measured where they are not in the store yet.

    Args:
        records: n target members and non-members.
        member: (n,) bool.
        units: (n,) the independent unit of each record: subject, block or the record itself.
        store: where they are kept.
        seed: of the blind baseline.
    """
    place = store.artefact(
        "checks",
        {
            "records": records.digest,
            "member": member.tolist(),
            "units": list(units),
            "seed": seed,
        },
    )
    with place.alone():
        if not place.exists:
            _save(place, _measured(records, member, units, seed))
        return _read(place)


def _measured(records: PreparedRecords, member: Bools, units: Sequence[str], seed: int) -> Checks:
    inside = records.select([k for k, held in zip(records.ids, member, strict=True) if held])
    outside = records.select([k for k, held in zip(records.ids, member, strict=True) if not held])
    by_id: Mapping[str, str] = dict(zip(records.ids, units, strict=True))
    return Checks(
        blind=blind_baseline(records, member, units=units, seed=seed),
        duplicates=find_duplicates(inside, outside) if records.image_shape[0] > 0 else None,
        shift=check_shift(inside, outside, units=by_id),
    )


def _save(place: Artefact, checks: Checks) -> None:
    with place.writing() as folder:
        np.savez(folder / "blind.npz", scores=checks.blind.scores, null_aucs=checks.blind.null_aucs)
        content = {
            "duplicates": None
            if checks.duplicates is None
            else checks.duplicates.model_dump(mode="json"),
            "shift": checks.shift.model_dump(mode="json"),
        }
        (folder / "checks.json").write_text(json.dumps(content), encoding="utf-8")


def _read(place: Artefact) -> Checks:
    content = json.loads((place.folder / "checks.json").read_text(encoding="utf-8"))
    with np.load(place.folder / "blind.npz") as arrays:
        blind = BlindBaseline(scores=arrays["scores"], null_aucs=arrays["null_aucs"])
    duplicates = content["duplicates"]
    return Checks(
        blind=blind,
        duplicates=None if duplicates is None else DuplicateCheck.model_validate(duplicates),
        shift=ShiftCheck.model_validate(content["shift"]),
    )
